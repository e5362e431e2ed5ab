"""The current rate limits of a sandbox."""

from __future__ import annotations

import attrs

from .rate_limit_headers import RateLimitHeaders
from .rate_limits import RateLimitPolicy


@attrs.define
class RateLimiting:
    """The policy that counts calls, and the form of the headers that report it. Both may be replaced at any time."""

    policy: RateLimitPolicy
    headers: RateLimitHeaders
