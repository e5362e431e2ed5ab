"""The share of the limit that a process uses while Redis is unreachable; all shares together stay within the limit."""

from __future__ import annotations

from collections.abc import Iterable

from .._limits.token_bucket import TokenBucket
from ..options import Counting


def share_bucket(
    limit: int,
    window: float,
    counting: Counting,
    max_burst: int | None,
    *,
    sharing: int,
    stamps: Iterable[float],
    in_flight: int,
    free: int | None,
    apart: float = 0.0,
    now: float,
) -> TokenBucket:
    """Return a bucket with one of ``sharing`` equal parts, in the current state of this process.

    ``stamps`` are the ends of its own recent requests, ascending. ``free`` is the last known number of unused tokens of
    the whole limit; ``None`` if it was never known. The process has its part of those at once. The other tokens of its
    part may be in use elsewhere: it gets them after a window, when the other processes have returned theirs, or after
    ``apart`` seconds, if that is later.
    """
    # Most counters round down, and the errors add up: each part but the first may be one request too large.
    spare = sharing - 1 if counting == "unknown" else 0
    part = (limit - spare) // sharing
    if part < 1:
        # Fewer tokens than processes: each gets one token, with a longer window.
        part, window = 1, window * sharing / limit
    bucket = TokenBucket(
        part, window, counting=counting, max_burst=None if max_burst is None else max(1, max_burst // sharing)
    )
    # Use the newest requests: those in flight, then those that ended last.
    in_flight = min(in_flight, part)
    ended = list(stamps)
    for stamp in ended[max(0, len(ended) - (part - in_flight)) :]:
        if stamp <= now and bucket.lease(stamp):
            bucket.answered(stamp)
    for _ in range(in_flight):
        if not bucket.lease(now):
            break
    if free is not None:
        # Make `observe` apply as of now, not as of the last request: tokens that came back to this process since then
        # may have been granted to other processes.
        if bucket.lease(now):
            bucket.refund(now)
        bucket.observe(now, remaining=max(0, free) // sharing, reset_in=min(apart, 2.0 * window))
    return bucket
