"""The headers that report the state of a rate limit in an answer."""

from __future__ import annotations

import math
from enum import StrEnum

from ...options import RateClass
from .. import assumptions
from .rate_limits import Verdict

Header = tuple[bytes, bytes]


class RateLimitHeaders(StrEnum):
    """The form of the rate-limit headers.

    ``X_RATELIMIT``: ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset``, the last in Unix seconds. ``IETF``: the
    structured fields ``RateLimit`` and ``RateLimit-Policy`` of the draft "RateLimit header fields for HTTP". ``NONE``:
    not at all. A refused call carries ``Retry-After`` in each of them.
    """

    X_RATELIMIT = "x-ratelimit"
    IETF = "ietf"
    NONE = "none"


def limit_headers(form: RateLimitHeaders, rate_class: RateClass, verdict: Verdict, now: float) -> tuple[Header, ...]:
    """Return the headers of one answer; ``now`` is the time at which its call was counted."""
    refused = () if verdict.allowed else ((assumptions.RETRY_AFTER_HEADER, _whole(verdict.retry_after)),)
    match form:
        case RateLimitHeaders.X_RATELIMIT:
            return (
                *refused,
                (assumptions.RATE_LIMIT_HEADER, b"%d" % verdict.limit),
                (assumptions.RATE_LIMIT_REMAINING_HEADER, b"%d" % verdict.remaining),
                (assumptions.RATE_LIMIT_RESET_HEADER, b"%d" % math.ceil(verdict.reset_at)),
            )
        case RateLimitHeaders.IETF:
            name = f'"{rate_class}"'.encode()
            reset = math.ceil(max(0.0, verdict.reset_at - now))
            return (
                *refused,
                (assumptions.IETF_RATE_LIMIT_HEADER, b"%s;r=%d;t=%d" % (name, verdict.remaining, reset)),
                (
                    assumptions.IETF_RATE_LIMIT_POLICY_HEADER,
                    b"%s;q=%d;w=%s" % (name, verdict.limit, _whole(verdict.window)),
                ),
            )
        case RateLimitHeaders.NONE:
            return refused


def _whole(seconds: float) -> bytes:
    return b"%d" % max(1, math.ceil(seconds))
