"""Record the ends of requests that the server may still count, and compute when it has room for more.

A sliding log has room when fewer than ``limit`` stamps lie within one span. A sliding-window counter whose window began
at ``x`` charges 1 for stamps from ``x`` on, and ``(x + span - time) / span`` for those of the window before. Its phase
is not known, so whatever ``x`` is, it must have room. Between two stamps the charge grows with ``x``: it peaks where a
stamp is the first of its window (``x`` is the stamp) or the first of the window before (``x`` is the stamp plus span).

There are hundreds of peaks, and most need not be checked. The spare room of a peak is a straight line over time, and a
request shifts the lines of all peaks by the same amount. The few lines of a block that are lowest at some time can
therefore be selected once, and only these decide whether the block has room.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

# The beginning of a counter's window, the number of stamps in the window before, and the index of its own first stamp.
_Peak = tuple[float, int, int]

# Peaks in a block. Measured: a query costs least with 12 to 24, be the limit 60, 100 or 300.
_BLOCK = 16

# Rounding errors of float sums are far below this number of tokens.
ROUNDING = 1e-9


class RequestHistory:
    """The ends of requests in ascending order; those of abandoned requests lie in the future.

    Args:
        span: seconds for which a stamp counts.
        every_phase: whether sliding-window counters must have room as well, or only the sliding log.
    """

    __slots__ = ("_binding", "_blocks", "_entered", "_every_phase", "_forgotten", "_left", "_span", "_stamps")

    def __init__(self, span: float, *, every_phase: bool) -> None:
        self._span = span
        self._every_phase = every_phase
        self._stamps: list[float] = []
        # The peaks up to some time, the number of stamps before it, and the number of those more than a span before it.
        self._blocks: deque[_Block] = deque()
        self._entered = 0
        self._left = 0
        self._forgotten = 0  # number of stamps removed at the front; indexes of stamps keep counting
        self._binding: _Peak | None = None  # the peak that decided last time, and may decide again

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, stamp: float, count: int = 1) -> None:
        """Record ``count`` requests that end at ``stamp``, which must not lie before any ``now`` used so far."""
        stamps = self._stamps
        if count == 1 and (not stamps or stamps[-1] <= stamp):
            stamps.append(stamp)
        elif count == 1:
            insort(stamps, stamp)
        else:
            at = bisect_right(stamps, stamp)
            stamps[at:at] = [stamp] * count

    def add_past(self, stamps: Iterable[float]) -> None:
        """Record requests that became known late: their stamps may lie before a ``now`` used so far.

        All peaks are computed again, so use it for rare events only.
        """
        self._stamps = sorted((*self._stamps, *stamps))
        self._start_over()

    def shift(self, seconds: float) -> None:
        """Move all stamps by ``seconds``, after the clock was set."""
        self._stamps = [stamp + seconds for stamp in self._stamps]
        self._start_over()

    def _start_over(self) -> None:
        self._blocks.clear()
        self._entered = self._left = 0
        self._binding = None

    def forget(self, until: float) -> None:
        """Drop the stamps up to ``until``, which must lie at least two spans in the past."""
        stamps = self._stamps
        if stamps and stamps[0] <= until:
            count = bisect_right(stamps, until)
            del stamps[:count]
            self._forgotten += count
            # Stamps without peaks so far need none: their peaks have passed.
            self._entered = max(0, self._entered - count)
            self._left = max(0, self._left - count)

    def recent(self, at: float) -> int:
        """Return the charge of a sliding log: the number of stamps in the last span and in the future."""
        return len(self._stamps) - bisect_right(self._stamps, at - self._span)

    def nth_recent(self, at: float, number: int) -> float:
        """Return the stamp that has ``number`` stamps of the last span before it."""
        return self._stamps[bisect_right(self._stamps, at - self._span) + number]

    def room(self, now: float, start: float, limit: int, *, answered: int = 0, most: int) -> tuple[float, int]:
        """Return the first time from ``start`` on with room for one more request, and the room at that time.

        Args:
            now: the present, not before any earlier one.
            start: the first time to check, ``now`` or later.
            limit: requests that the server permits in a window, less those that count in full throughout; at least 1.
            answered: further requests, which end right now.
            most: count the room only up to this number, which is cheaper than counting all of it.
        """
        if limit - len(self._stamps) - answered >= most:
            return start, most
        time, free = self._log_room(now, start, limit, answered)
        free = min(free, most)
        return self._counters_room(now, time, free, limit, answered) if self._every_phase else (time, free)

    def room_then(self, past: float, limit: int) -> int:
        """Return the room at a past time, as if all stamps since then had been recorded already."""
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
        # At least 1, even if the subtraction rounds the other way than the sum above.
        return start, max(1, limit - self.recent(start) - (answered if start - span < now else 0))

    def _counters_room(self, now: float, time: float, free: int, limit: int, answered: int) -> tuple[float, int]:
        """Return the room of counters. The log has room at ``time``, so no window is full by itself."""
        self._turn_to(now)
        span, spare = self._span, self._span * free
        rounding = span * ROUNDING
        full = self._forgotten + len(self._stamps) + answered - limit
        binding = self._binding
        if binding is not None:
            # Check the last deciding peak first: it moves the time close to the result, where most blocks have room.
            time, spare, _ = _look((binding,), full, span, time, spare, None)
        for block in self._blocks:
            if block.spares(span, time, full) < spare - rounding:
                time, spare, binding = _look(block.peaks, full, span, time, spare, binding)
        self._binding = binding
        time, spare, _ = _look(self._coming(now, answered), full, span, time, spare, None)
        return time, max(1, math.ceil(spare / span - ROUNDING))

    def _turn_to(self, now: float) -> None:
        """Add the peaks up to ``now``."""
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
        """Return the peaks from ``now`` on if ``answered`` requests end at ``now`` and none after it."""
        i, j = self._entered, self._left
        stamps = [*self._stamps[j:i], *[now] * answered, *self._stamps[i:]]
        peaks = _peaks(stamps, i - j + answered, 0, self._span, self._forgotten + j)
        return chain([(now, i - j, self._forgotten + i)], peaks) if answered else peaks


class _Block:
    """Consecutive peaks.

    The spare room of a peak is a straight line over time, and a request shifts all lines by the same amount. Of a full
    block, only the lines that are lowest at some time matter.
    """

    __slots__ = ("_lowest", "_number", "_origin", "is_full", "peaks")

    def __init__(self) -> None:
        self.peaks: list[_Peak] = []
        self.is_full = False
        # Slope and height of the lowest lines, in the order in which they are lowest. Times are relative to the origin
        # and stamps to the number, because sums of large floats lose small ones.
        self._lowest: list[tuple[int, float]] = []
        self._origin = 0.0
        self._number = 0

    def fill(self, span: float) -> None:
        """Select the lowest lines, after the last peak was added."""
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
        """Return the least spare room in tokens times ``span``; below 0 if some peak may have none."""
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
    """Return whether the flat line is below the steep one where the middle line crosses the steep one."""
    return (flat[1] - steep[1]) * (steep[0] - middle[0]) <= (middle[1] - steep[1]) * (steep[0] - flat[0])


def _look(
    peaks: Iterable[_Peak], full: int, span: float, time: float, spare: float, binding: _Peak | None
) -> tuple[float, float, _Peak | None]:
    """Move ``time`` forward until every peak in view has room for one more request; peaks come in ascending order.

    Returns:
        The first such time from ``time`` on; the spare room then (tokens times ``span``), at most ``spare``; and the
        peak that decided the time, ``binding`` if none of these did. The room of a window is the index of its first
        stamp minus ``full``.
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
    """Yield the peaks in ascending order; the first stamp has the index ``number``.

    Stamps from ``i`` on are the first of a window, those from ``j`` on the first of the window before.
    """
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
