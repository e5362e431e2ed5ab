"""Response headers about rate limits, in all the spellings of the field, read into one `ServerView`.

Headers come from outside: what cannot be read, or cannot be meant, is ignored. Nothing here raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import attrs

_Moments = Callable[[], tuple[float, ...]]

__all__ = ["ServerView", "parse_retry_after", "read"]

# assumed: the API's introduction says that every response carries rate-limit headers, but the list of them is lost from
# the page. These are the names in use elsewhere: RFC 9110, the IETF drafts "RateLimit header fields for HTTP" old and
# new, and the two spellings from before. Lower case, as headers are looked up.
RETRY_AFTER = "retry-after"
RATE_LIMIT = "ratelimit"
RATE_LIMIT_POLICY = "ratelimit-policy"
TRIPLES = tuple(
    (f"{prefix}-limit", f"{prefix}-remaining", f"{prefix}-reset")
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit")
)
_NAMES = frozenset((RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, *(name for triple in TRIPLES for name in triple)))

# Numbers up to a month are durations in seconds (no quota in the field has a longer period); an epoch in seconds is
# above 1e9 since 2001 and below 1e11 until the year 5138, and 1,000 times that in milliseconds. The rest is garbage.
_MONTH = 31 * 86_400.0
_EPOCH_SECONDS = (1e9, 1e11)
_EPOCH_MILLISECONDS = (1e12, 1e14)
_HIGHEST_COUNT = 1e9
_LONGEST_FIELD = 1_024  # characters; real ones stay under 200

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")  # not \d, which takes the digits of every script
_LIST_MEMBER = re.compile(r'(?:[^,"]|"[^"]*"?)+')
_PARAMETER = re.compile(r'(?:[^;"]|"[^"]*"?)+')


@attrs.frozen
class ServerView:
    """Return the rate limit of our window as a response states it; `None` where it says nothing that can be read.

    Attributes:
        limit: requests per window, at least 1.
        remaining: requests that are left of it.
        reset_in: seconds until it is whole again.
        retry_after: seconds to wait before the next request.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in: float | None = None
    retry_after: float | None = None


def read(headers: Mapping[str, str], *, wall_now: float, window: float = 60.0) -> ServerView | None:
    """Return the rate limits in the headers of one response; `None` if they contain none.

    Args:
        headers: names in lower case.
        wall_now: seconds since the epoch, for headers that name a date, where the response has no ``Date`` of its own.
        window: seconds of the client's window. Limits of another window, such as per second or per day, are ignored.

    Example:
        >>> read({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "42", "x-ratelimit-reset": "17"}, wall_now=0.0)
        ServerView(limit=100, remaining=42, reset_in=17.0, retry_after=None)
        >>> read({"content-type": "application/json"}, wall_now=0.0) is None
        True
    """
    if _NAMES.isdisjoint(headers):
        return None

    def now() -> tuple[float, ...]:
        return _moments(headers, wall_now)

    found = _SILENCE
    if RATE_LIMIT in headers or RATE_LIMIT_POLICY in headers:
        found = _structured(headers.get(RATE_LIMIT, ""), headers.get(RATE_LIMIT_POLICY, ""), window)
    for limit, remaining, reset in TRIPLES:
        if found == _SILENCE and (limit in headers or remaining in headers or reset in headers):
            found = _triple(headers.get(limit, ""), headers.get(remaining, ""), headers.get(reset, ""), now, window)
    retry_after = headers.get(RETRY_AFTER)
    pause = None if retry_after is None else _pause(retry_after, now)
    return None if found == _SILENCE and pause is None else ServerView(*found, pause)


def parse_retry_after(value: str, *, wall_now: float, headers: Mapping[str, str] | None = None) -> float | None:
    """Return the seconds to wait by a `Retry-After` field: a number of seconds or a date; `None` if it cannot be read.

    A date that has passed reads 0.0. It is compared with the ``Date`` in ``headers``, else with ``wall_now``.

    Example:
        >>> parse_retry_after("120", wall_now=0.0)
        120.0
        >>> parse_retry_after("Thu, 01 Jan 1970 00:02:00 GMT", wall_now=90.0)
        30.0
        >>> parse_retry_after("soon", wall_now=0.0) is None
        True
    """
    return _pause(value, lambda: _moments(headers or {}, wall_now))


def _moments(headers: Mapping[str, str], wall_now: float) -> tuple[float, ...]:
    """Return the time by the server's clock, where the response has a ``Date``, and then by this machine's.

    The dates of a response are compared with its own, so that a wrong clock of this machine changes no pause.
    """
    stated = _date(headers.get("date", ""))
    return (wall_now,) if stated is None else (stated, wall_now)


def _pause(value: str, now: _Moments) -> float | None:
    seconds = _number(value)
    if seconds is None:
        return _until(_date(value), now)
    return seconds if seconds <= _MONTH else None


_Values = tuple[int | None, int | None, float | None]  # limit, remaining, reset_in
_SILENCE: _Values = (None, None, None)


@attrs.frozen
class _Policy:
    name: str
    quota: int
    window: float | None


def _triple(limit_field: str, remaining_field: str, reset_field: str, now: _Moments, window: float) -> _Values:
    limit, policies = _count(limit_field), _Policies([], window)
    if limit is None:
        members = _members(limit_field)
        limit = _count(members[0][0]) if members else None
        policies = _Policies([policy for head, params in members if (policy := _policy("", head, params))], window)
    return policies.select(limit, _count(remaining_field, least=0), _reset(reset_field, now))


def _structured(field: str, policy_field: str, window: float) -> _Values:
    # The quota is a parameter in the present draft, and was the member itself in older ones.
    named = [_policy(head.strip('"'), params.get("q", head), params) for head, params in _members(policy_field)]
    policies = _Policies([policy for policy in named if policy], window)

    members = _members(field)
    older = dict(_pair(head) for head, _ in members if "=" in head)
    if older:
        limit, remaining = _count(older.get("limit", "")), _count(older.get("remaining", ""), least=0)
        return policies.select(limit, remaining, _delta(older.get("reset")))

    left = [
        (remaining, _delta(params.get("t")))
        for head, params in members
        if (remaining := _count(params.get("r", ""), least=0)) is not None and policies.may_be_ours(head.strip('"'))
    ]
    remaining, reset_in = min(left, key=lambda entry: entry[0], default=(None, None))
    return None if policies.ours is None else policies.ours.quota, remaining, reset_in


class _Policies:
    """Return the server's policy for our window: one of them is ours, or none."""

    def __init__(self, policies: list[_Policy], window: float) -> None:
        timed = [policy for policy in policies if policy.window is not None]
        same = [policy for policy in timed if policy.window and math.isclose(policy.window, window, rel_tol=0.01)]
        # One without a window may be ours only if none has one. Of several, all hold.
        ours = same if timed else policies
        self.ours = min(ours, key=lambda policy: policy.quota, default=None)
        self._others = [policy for policy in timed if policy not in same]

    def may_be_ours(self, name: str) -> bool:
        """Return whether the headers contain, or may contain, the client's policy."""
        return name == self.ours.name if self.ours else all(policy.name != name for policy in self._others)

    def select(self, limit: int | None, remaining: int | None, reset_in: float | None) -> _Values:
        """Read three found of which only the limit says to which policy they belong."""
        if self.ours is not None:
            # A limit that is not ours: all three are about another window.
            return (
                (self.ours.quota, remaining, reset_in)
                if limit in (None, self.ours.quota)
                else (self.ours.quota, None, None)
            )
        if self._others and (limit is None or any(policy.quota == limit for policy in self._others)):
            return _SILENCE
        return limit, remaining, reset_in


def _policy(name: str, quota_field: str, params: Mapping[str, str]) -> _Policy | None:
    quota = _count(quota_field)
    return None if quota is None else _Policy(name, quota, _delta(params.get("w")) or None)


def _members(field: str) -> list[tuple[str, dict[str, str]]]:
    """Members of a list field with their parameters: `a;x=1, "b";y=2`."""
    if len(field) > _LONGEST_FIELD:
        return []
    members: list[tuple[str, dict[str, str]]] = []
    for member in _LIST_MEMBER.findall(field):
        head, *params = _PARAMETER.findall(member) or [""]
        members.append((head.strip(), dict(_pair(param) for param in params)))
    return members


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip(), value.strip()


def _number(text: str) -> float | None:
    text = text.strip(" \t")
    return float(text) if _NUMBER.fullmatch(text) else None


def _count(text: str, *, least: int = 1) -> int | None:
    number = _number(text)
    return int(number) if number is not None and least <= number <= _HIGHEST_COUNT else None


def _delta(text: str | None) -> float | None:
    number = None if text is None else _number(text)
    return number if number is not None and number <= _MONTH else None


def _reset(text: str, now: _Moments) -> float | None:
    number = _number(text)
    if number is None:
        return _until(_date(text), now)
    if number <= _MONTH:
        return number
    if _EPOCH_SECONDS[0] <= number < _EPOCH_SECONDS[1]:
        return _until(number, now)
    if _EPOCH_MILLISECONDS[0] <= number < _EPOCH_MILLISECONDS[1]:
        return _until(number / 1_000.0, now)
    return None


def _until(epoch: float | None, now: _Moments) -> float | None:
    """Return the seconds from now to a date; a date more than a month away is not valid."""
    if epoch is not None:
        for moment in now():
            if abs(epoch - moment) <= _MONTH:
                return max(0.0, epoch - moment)
    return None


def _date(text: str) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 or HTTP date; without a zone it counts as UTC."""
    text = text.strip(" \t")
    if not text.isascii() or not 8 <= len(text) <= 64:
        return None
    try:
        date = datetime.fromisoformat(text) if text[0].isdigit() else _http_date(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # the last two: email.utils, with some garbage
        return None


def _http_date(text: str) -> datetime:
    # Imported where it is needed: dates are rare in these headers, and the module brings the socket module with it.
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(text)
