"""A clock that is moved by hand, and the two ways of waiting on it."""

from __future__ import annotations

from types import TracebackType

from inventpay._concurrency.event_loops import Bound, current_loop, least
from inventpay._concurrency.tasks import AsyncBackend, AsyncWaiter
from inventpay._concurrency.threads import Backend, Waiter


class CutOff(BaseException):
    """The exception that a bound raises in the code it cuts off, as cancellation is to the libraries."""


class Clock:
    """Seconds that pass only by `advance`, and the bounds that were set on it."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.pauses: list[float] = []
        """Every pause between attempts."""
        self.queued: list[float | None] = []
        """Every wait in a line for a token."""
        self.bounds: list[float] = []
        """When the bounds that are in force end, the innermost last."""

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds

    def run_into_bound(self) -> None:
        """Lets time pass until the innermost bound cuts the caller off."""
        self.now = max(self.now, self.bounds[-1])
        raise CutOff


class _Bound:
    """Cuts off whatever runs into it, and lets the code behind it go on."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds

    def __enter__(self) -> None:
        if self._seconds is not None:
            self._clock.bounds.append(self._clock.now + self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._seconds is not None:
            self._clock.bounds.pop()
        return isinstance(error, CutOff)


class _Waiter(Waiter):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        seconds = least(seconds, at_most)
        self._clock.queued.append(seconds)
        assert seconds is not None, "no other task can wake this one"
        self._clock.advance(seconds)


class _AsyncWaiter(AsyncWaiter):
    __slots__ = ("_clock",)

    def __init__(self, clock: Clock) -> None:
        super().__init__(current_loop())
        self._clock = clock

    async def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        seconds = least(seconds, at_most)
        self._clock.queued.append(seconds)
        assert seconds is not None, "no other task can wake this one"
        self._clock.advance(seconds)


class FakeBackend(Backend):
    """The waiting of one thread on a fake clock: not at all."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def now(self) -> float:
        return self.clock.now

    def sleep(self, seconds: float) -> None:
        self.clock.pauses.append(seconds)
        self.clock.advance(seconds)

    def limit(self, seconds: float | None) -> Bound:
        return _Bound(self.clock, seconds)

    def waiter(self) -> Waiter:
        return _Waiter(self.clock)


class AsyncFakeBackend(AsyncBackend):
    """The waiting of one task on a fake clock: not at all."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def now(self) -> float:
        return self.clock.now

    async def sleep(self, seconds: float) -> None:
        self.clock.pauses.append(seconds)
        self.clock.advance(seconds)

    def limit(self, seconds: float | None) -> Bound:
        return _Bound(self.clock, seconds)

    def waiter(self) -> AsyncWaiter:
        return _AsyncWaiter(self.clock)
