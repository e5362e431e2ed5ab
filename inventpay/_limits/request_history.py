"""When requests ended that the server may still count, and when its log and its counters have room again.

A sliding log has room when fewer than `limit` stamps lie within one span. A sliding-window counter whose window began
at `x` charges 1 for stamps from `x` on, and `(x + span - time) / span` for those of the window before. Its phase is not
known, so whatever `x` is, it must have room. Between two stamps the charge grows with `x`: it peaks where a stamp is
the first of its window (`x` is the stamp) or the first of the window before (`x` is the stamp plus span).

There are hundreds of peaks, and most need no look. What a peak can spare is a straight line over time, and a request
shifts the lines of all peaks alike. So the few that are lowest at some time can be picked out of a block of peaks once
and for all, and tell whether any of them decides.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

# When the window of a counter begins, how many stamps the window before has, and the number of its own first stamp.
_Peak = tuple[float, int, int]

# Peaks in a block. Measured: a query costs least with 12 to 24, be the limit 60, 100 or 300.
_BLOCK = 16

# Sums of floats are off by far less than this many tokens.
ROUNDING = 1e-9


class RequestHistory:
    """Ends of requests in ascending order; those of lost requests lie in the future.

    Args:
        span: seconds for which a stamp counts.
        every_phase: whether sliding-window counters must have room as well, or only the sliding log.
    """

    __slots__ = ("_binding", "_blocks", "_entered", "_every_phase", "_forgotten", "_left", "_span", "_stamps")

    def __init__(self, span: float, *, every_phase: bool) -> None:
        self._span = span
        self._every_phase = every_phase
        self._stamps: list[float] = []
        # The peaks up to some moment, how many stamps lie before it, and how many of those a whole span before it.
        self._blocks: deque[_Block] = deque()
        self._entered = 0
        self._left = 0
        self._forgotten = 0  # stamps that were removed at the front; the numbers of stamps go on
        self._binding: _Peak | None = None  # which decided last, and may again

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, stamp: float, count: int = 1) -> None:
        """Note so many requests that ended at `stamp`, or will; not before any `now` that was asked about."""
        stamps = self._stamps
        if count == 1 and (not stamps or stamps[-1] <= stamp):
            stamps.append(stamp)
        elif count == 1:
            insort(stamps, stamp)
        else:
            at = bisect_right(stamps, stamp)
            stamps[at:at] = [stamp] * count

    def add_past(self, stamps: Iterable[float]) -> None:
        """Note requests that became known late: their stamps may lie before a `now` that was asked about.

        All peaks are worked out again, so this is for rare events.
        """
        self._stamps = sorted((*self._stamps, *stamps))
        self._start_over()

    def shift(self, seconds: float) -> None:
        """Move every stamp, after the clock was set."""
        self._stamps = [stamp + seconds for stamp in self._stamps]
        self._start_over()

    def _start_over(self) -> None:
        self._blocks.clear()
        self._entered = self._left = 0
        self._binding = None

    def forget(self, until: float) -> None:
        """Drop the stamps up to `until`, which must lie at least two spans in the past."""
        stamps = self._stamps
        if stamps and stamps[0] <= until:
            count = bisect_right(stamps, until)
            del stamps[:count]
            self._forgotten += count
            # What was not taken in yet need not be any more: their peaks are over.
            self._entered = max(0, self._entered - count)
            self._left = max(0, self._left - count)

    def recent(self, at: float) -> int:
        """What a sliding log charges: the stamps of the last span, those in the future included."""
        return len(self._stamps) - bisect_right(self._stamps, at - self._span)

    def nth_recent(self, at: float, number: int) -> float:
        """The stamp with so many of the last span before it."""
        return self._stamps[bisect_right(self._stamps, at - self._span) + number]

    def room(self, now: float, start: float, limit: int, *, answered: int = 0, most: int) -> tuple[float, int]:
        """First time from `start` on with room for one more, and for how many at that time.

        Args:
            now: the present, not before any earlier one. `start` may be later.
            limit: what the server permits in a window, less the requests that count in full throughout; at least 1.
            answered: further requests, which end right now.
            most: how many to count to. Knowing that there is plenty is cheaper than counting all of it.
        """
        if limit - len(self._stamps) - answered >= most:
            return start, most
        time, free = self._log_room(now, start, limit, answered)
        free = min(free, most)
        return self._counters_room(now, time, free, limit, answered) if self._every_phase else (time, free)

    def room_then(self, past: float, limit: int) -> int:
        """For how many there was room in the past, had all stamps since then been there already."""
        stamps, span, full = self._stamps, self._span, len(self._stamps) - limit
        if full >= 0 and stamps[full] + span > past:
            return 0
        i, j = max(full + 1, bisect_right(stamps, past - span)), bisect_right(stamps, past - 2.0 * span)
        if not self._every_phase:
            return i - full
        time, spare, _ = _look(_peaks(stamps, i, j, span), full, span, past, span * (i - full), None)
        return max(1, math.ceil(spare / span - ROUNDING)) if time == past else 0

    # --- inside ---

    def _log_room(self, now: float, start: float, limit: int, answered: int) -> tuple[float, int]:
        stamps, span = self._stamps, self._span
        blocker = len(stamps) + answered - limit
        if blocker >= 0:
            past = bisect_right(stamps, now)
            if blocker < past:
                time = stamps[blocker] + span
            elif blocker < past + answered:
                time = now + span
            else:
                time = stamps[blocker - answered] + span
            if time > start:
                return time, 1
        # Not less than 1, even where a subtraction rounds the other way than the sum above.
        return start, max(1, limit - self.recent(start) - (answered if start - span < now else 0))

    def _counters_room(self, now: float, time: float, free: int, limit: int, answered: int) -> tuple[float, int]:
        """The same for counters. The log has room at `time`, so no window is full by itself."""
        self._turn_to(now)
        span, spare = self._span, self._span * free
        rounding = span * ROUNDING
        full = self._forgotten + len(self._stamps) + answered - limit
        binding = self._binding
        if binding is not None:
            # It moves the time to where it will probably be, and most blocks have room then.
            time, spare, _ = _look((binding,), full, span, time, spare, None)
        for block in self._blocks:
            if block.spares(span, time, full) < spare - rounding:
                time, spare, binding = _look(block.peaks, full, span, time, spare, binding)
        self._binding = binding
        time, spare, _ = _look(self._coming(now, answered), full, span, time, spare, None)
        return time, max(1, math.ceil(spare / span - ROUNDING))

    def _turn_to(self, now: float) -> None:
        """Take in the peaks up to `now`."""
        stamps, span, blocks = self._stamps, self._span, self._blocks
        i, j, last, forgotten = self._entered, self._left, len(stamps), self._forgotten
        block = blocks[-1] if blocks else _Block()
        latest = block.peaks[-1][0] if blocks else -math.inf
        while True:
            entering = stamps[i] if i < last else math.inf
            leaving = stamps[j] + span if j < i else math.inf
            begin = entering if entering < leaving else leaving  # noqa: FURB136 - a call would double the cost
            if begin > now:
                break
            if begin > latest and i > j:  # another stamp of the same moment makes a lower peak
                latest = begin
                if not block.peaks or len(block.peaks) == _BLOCK:
                    block = _Block()
                    blocks.append(block)
                block.peaks.append((begin, i - j, forgotten + i))
                if len(block.peaks) == _BLOCK:
                    block.fill(span)
            if entering < leaving:
                i += 1
            else:
                j += 1
        self._entered, self._left = i, j
        while blocks and blocks[0].peaks[-1][0] + span <= now:
            blocks.popleft()
        if self._binding is not None and self._binding[0] + span <= now:
            self._binding = None

    def _coming(self, now: float, answered: int) -> Iterable[_Peak]:
        """Peaks from `now` on, if so many requests end at `now` and none after it."""
        i, j = self._entered, self._left
        stamps = [*self._stamps[j:i], *[now] * answered, *self._stamps[i:]]
        peaks = _peaks(stamps, i - j + answered, 0, self._span, self._forgotten + j)
        return chain([(now, i - j, self._forgotten + i)], peaks) if answered else peaks


class _Block:
    """Some consecutive peaks.

    What one of them can spare is a straight line over time, on which a request more or less shifts all lines alike. So
    of a block that is full only those lines matter that are the lowest at some time.
    """

    __slots__ = ("_lowest", "_number", "_origin", "is_full", "peaks")

    def __init__(self) -> None:
        self.peaks: list[_Peak] = []
        self.is_full = False
        # Slope and height of the lowest lines, in the order in which they are; times count from the origin and stamps
        # from the number, lest sums of large numbers lose small ones.
        self._lowest: list[tuple[int, float]] = []
        self._origin = 0.0
        self._number = 0

    def fill(self, span: float) -> None:
        """No more peaks are coming."""
        self._origin, _, self._number = self.peaks[0]
        lines: list[tuple[int, float]] = []
        for begin, before, first in self.peaks:
            end, room = begin + span - self._origin, first - self._number
            lines.append((before, span * room - before * end))
        lowest = self._lowest
        for line in sorted(lines, key=_steepest_first):
            if lowest and line[0] == lowest[-1][0]:
                continue
            while len(lowest) > 1 and _is_never_lowest(lowest[-2], lowest[-1], line):
                lowest.pop()
            lowest.append(line)
        self.is_full = True

    def spares(self, span: float, time: float, full: int) -> float:
        """How much (tokens times `span`) they can spare at the least, below 0 if perhaps not all of them have room."""
        if not self.is_full:
            return -math.inf
        elapsed = time - self._origin
        least = math.inf
        for slope, height in self._lowest:
            if (spare := slope * elapsed + height) > least:
                break
            least = spare
        return least - span * (full - self._number)


def _steepest_first(line: tuple[int, float]) -> tuple[int, float]:
    return -line[0], line[1]


def _is_never_lowest(steep: tuple[int, float], middle: tuple[int, float], flat: tuple[int, float]) -> bool:
    """Whether the flat line is below the steep one by the time at which the middle one gets there."""
    return (flat[1] - steep[1]) * (steep[0] - middle[0]) <= (middle[1] - steep[1]) * (steep[0] - flat[0])


def _look(
    peaks: Iterable[_Peak], full: int, span: float, time: float, spare: float, binding: _Peak | None
) -> tuple[float, float, _Peak | None]:
    """Let every peak that is in view have room for one more; they come in ascending order.

    Returns:
        the first moment from `time` on at which they have; what they can spare then (tokens times `span`), at most
        `spare`; and the peak that decided the time, `binding` if none of these did. A window has room for as many
        stamps as its first one's number is above `full`.
    """
    for peak in peaks:
        begin, before, first = peak
        if begin > time:  # as time moves on, later windows come into view
            break
        end = begin + span
        if before and end > time:
            ready = end - span * (first - full) / before
            left = (time - ready) * before
            if left < spare:
                spare = left
                if left < 0.0:
                    time, spare, binding = ready, 0.0, peak
    return time, spare, binding


def _peaks(stamps: list[float], i: int, j: int, span: float, number: int = 0) -> Iterator[_Peak]:
    """Peaks in ascending order: from stamp `i` on as the first of a window, from `j` on as first of the one before; the
    first stamp has this number."""
    count = len(stamps)
    while True:
        entering = stamps[i] if i < count else math.inf
        leaving = stamps[j] + span if j < count else math.inf
        if entering <= leaving:
            yield entering, i - j, number + i
            i += 1
        else:
            yield leaving, i - j, number + i
            j += 1
