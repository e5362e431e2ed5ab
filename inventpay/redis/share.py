"""What a process may send when it cannot ask: its part of the limit, which all parts together do not exceed."""

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
    """A bucket with one part of ``sharing`` equal ones, in the state in which this process is.

    ``stamps`` are when its own requests of late ended, ascending. ``free`` is how many tokens of the whole limit nobody
    had used when that was last known; ``None`` when it never was. At once the process has its part of those. The other
    tokens of its part may be in use elsewhere: it gets them after a window, when the others have returned theirs, or
    after ``apart`` seconds, if that is later.
    """
    # Rounding down, as most counters do, adds up: each part may be one too many, but the first.
    spare = sharing - 1 if counting == "unknown" else 0
    part = (limit - spare) // sharing
    if part < 1:
        # Fewer tokens than processes: each has one, so much more rarely.
        part, window = 1, window * sharing / limit
    bucket = TokenBucket(
        part, window, counting=counting, max_burst=None if max_burst is None else max(1, max_burst // sharing)
    )
    # The newest count: those in flight, and then those that ended last.
    in_flight = min(in_flight, part)
    ended = list(stamps)
    for stamp in ended[max(0, len(ended) - (part - in_flight)) :]:
        if stamp <= now and bucket.lease(stamp):
            bucket.answered(stamp)
    for _ in range(in_flight):
        if not bucket.lease(now):
            break
    if free is not None:
        # What the bucket is told next holds as of now, not as of the last request: what came back to this process since
        # then may have gone to others.
        if bucket.lease(now):
            bucket.refund(now)
        bucket.observe(now, remaining=max(0, free) // sharing, reset_in=min(apart, 2.0 * window))
    return bucket
