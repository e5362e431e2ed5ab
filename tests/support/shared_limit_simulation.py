"""Processes with one shared limit, in virtual time: real classes, the real script on a real server, invented moments.

The script takes the time from its caller here; everything else is what runs in production. Questions and replies travel
for a while, requests and answers too, and nothing sleeps.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
from attrs import Factory, define, frozen

from inventpay import RateClass, RateLimits, RateLimitTimeoutError
from inventpay._limits.class_limiter import ReentrantLock
from inventpay._limits.token_bucket import MARGIN
from inventpay.redis.class_limiter import Claim, SharedClassLimiter, SharedLease
from inventpay.redis.exchange import SCRIPT, LeaseReply, LeaseRequest, LimitConfig, decode
from inventpay.redis.worker import RETRY
from tests.simulator.servers import Server

TIMELESS = SCRIPT.replace('redis.call("TIME")', "cjson.decode(ARGV[2])")
assert TIMELESS != SCRIPT

TIMEOUT = 1.0
"""Seconds after which an unanswered request is given up."""

EPOCH = 1_800_000_000.0
"""The time of day on the server when virtual time is 0."""


def exchange(client: redis.Redis, key: str, request: LeaseRequest, now: float) -> LeaseReply:
    """One exchange at a moment of the server's clock."""
    clock = f"[{int(now)}, {round(now % 1 * 1e6)}]"
    answer: Any = client.eval(TIMELESS, 1, key, request.encode(now), clock)
    return decode(answer)


class Owner:
    """Stands for the limiter of one process."""

    def __init__(self) -> None:
        self.lock: ReentrantLock = threading.RLock()
        self.notified: list[SharedClassLimiter] = []

    def notify(self, limiter: SharedClassLimiter) -> None:
        """The simulation looks after every event anyway."""
        self.notified.append(limiter)

    def serve(self, limiter: SharedClassLimiter, *, may_block: bool) -> None:
        """The simulation asks after every event anyway."""
        del may_block
        self.notified.append(limiter)


def new_class_limiter(
    process: str, key: str, limit: int, window: float, counting: Any, **more: Any
) -> SharedClassLimiter:
    """A limiter of one process; ``more`` are ``burst`` and ``patience``."""
    burst = more.get("burst")
    config = LimitConfig(
        process=process,
        limit=limit,
        window=window,
        span=window * (1.0 + MARGIN),
        counting=counting,
        burst=burst,
        patience=more.get("patience", 35.0),
    )
    limits = RateLimits(other=limit, window=window, counting=counting, max_burst=burst)
    return SharedClassLimiter(key, RateClass.OTHER, limits, config, Owner())


@frozen
class Outage:
    """A time in which requests are refused at once or, when the server hangs, are dealt with at its end."""

    begin: float
    end: float
    hangs: bool = False


@define(eq=False)
class Call:
    """One call of the simulation."""

    number: int
    process: int
    joined: float
    max_wait: float | None = None
    background: bool = False
    claim: Claim | None = None
    sent: float | None = None
    error: RateLimitTimeoutError | None = None
    statuses: list[int] = Factory(list[int])
    is_cancelled: bool = False
    wake: Callable[[], None] = lambda: None


class _Waker:
    def __init__(self, call: Call) -> None:
        self._call = call

    def wake(self) -> bool:
        self._call.wake()
        return True


class Simulation:
    """Several processes before one API."""

    def __init__(
        self,
        client: redis.Redis,
        key: str,
        *,
        processes: int,
        limit: int,
        window: float,
        counting: str,
        servers: Sequence[Server],
        latency: tuple[float, float] = (0.005, 0.25),
        redis_latency: tuple[float, float] = (0.0002, 0.002),
        seed: int = 1,
        **more: Any,
    ) -> None:
        self.now = 0.0
        self.calls: list[Call] = []
        self.refused = dict.fromkeys(servers, 0)
        self.arrivals: list[tuple[float, int]] = []
        self.exchanges = 0
        self._client = client
        self._classes = [
            new_class_limiter(f"p{number}", key, limit, window, counting, **more) for number in range(processes)
        ]
        self._latency = latency
        self._redis_latency = redis_latency
        self._random = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.clock_step = 0.0
        """By how much the clock of Redis was stepped."""
        self.answer: Callable[[Call], tuple[int, dict[str, str]]] = lambda _: (200, {})
        self.outages: list[Outage] = []
        self._retry_at: dict[SharedClassLimiter, float] = {}
        """The classes that found Redis away, and when each asks again."""

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Something happens later."""
        heapq.heappush(self._events, (moment, next(self._order), action))

    def call(self, process: int, moment: float, *, max_wait: float | None = None, background: bool = False) -> Call:
        """A call that begins at a moment."""
        call = Call(len(self.calls), process, moment, max_wait, background)
        self.calls.append(call)
        self.at(moment, lambda: self._join(call))
        return call

    def cancel(self, call: Call, moment: float) -> None:
        """The caller leaves."""

        def leave() -> None:
            if call.sent is None and call.claim is not None:
                call.is_cancelled = True
                self._classes[call.process].leave(call.claim, self.now)

        self.at(moment, leave)

    def lose_everything(self, moment: float) -> None:
        """Redis forgets all it knows."""
        self.at(moment, lambda: self._client.delete(self._classes[0].key))

    def limiter(self, process: int) -> SharedClassLimiter:
        """The limiter of a process."""
        return self._classes[process]

    def run(self, until: float = float("inf")) -> None:
        """Until nothing is left to happen, or a moment."""
        while True:
            due = self._events[0][0] if self._events else float("inf")
            for limiter in self._classes:
                due = min(due, max(self.now, limiter.next_event(self.now, can_ask=self._can_ask(limiter))))
                if limiter.waiting and not self._can_ask(limiter) and not limiter.is_asking:
                    due = min(due, self._retry_at[limiter])
            if due == float("inf") or due > until:
                return
            self.now = due
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            for limiter in self._classes:
                limiter.distribute(self.now)
                if not limiter.is_asking and self._can_ask(limiter) and limiter.next_request(self.now) <= self.now:
                    self._ask(limiter)

    def _can_ask(self, limiter: SharedClassLimiter) -> bool:
        return self._retry_at.get(limiter, self.now) <= self.now

    def _ask(self, limiter: SharedClassLimiter) -> None:
        request = limiter.ask(self.now)
        asked = self.now
        there = asked + self._random.uniform(*self._redis_latency)
        self.exchanges += 1
        outage = next((outage for outage in self.outages if outage.begin <= there < outage.end), None)
        is_given_up = False

        def give_up() -> None:
            nonlocal is_given_up
            is_given_up = True
            self._retry_at[limiter] = self.now + RETRY
            limiter.failed(request, self.now)
            if not limiter.is_on_its_own:
                limiter.go_alone(self.now, None)
            limiter.distribute(self.now)

        if outage is not None and not outage.hangs:
            self.at(there, give_up)
            return
        if outage is not None:
            there = outage.end
            if outage.end > asked + TIMEOUT:
                self.at(asked + TIMEOUT, give_up)

        def deliver(reply: LeaseReply) -> None:
            self._retry_at.pop(limiter, None)
            limiter.apply_reply(request, reply, self.now)

        def arrive() -> None:
            # Encoded when it set out, as in production: on the way everything only becomes older.
            moved = EPOCH + self.clock_step + self.now
            question_then = request.encode(asked)
            clock = f"[{int(moved)}, {round(moved % 1 * 1e6)}]"
            message: Any = self._client.eval(TIMELESS, 1, limiter.key, question_then, clock)
            reply = decode(message)
            if not is_given_up:
                self.at(self.now + self._random.uniform(*self._redis_latency), lambda: deliver(reply))

        self.at(there, arrive)

    def _join(self, call: Call) -> None:
        limiter = self._classes[call.process]
        lease = limiter.take(self.now)
        if lease is not None:
            self._send(call, lease)
            return
        call.wake = lambda: self.at(self.now, lambda: self._look(call))
        call.claim = limiter.join(_Waker(call), self.now, max_wait=call.max_wait, background=call.background)

    def _look(self, call: Call) -> None:
        if call.claim is None or call.sent is not None or call.is_cancelled or call.error is not None:
            return
        limiter = self._classes[call.process]
        try:
            turn = limiter.look(call.claim, self.now, 1.0)
        except RateLimitTimeoutError as error:
            call.error = error
            limiter.leave(call.claim, self.now)
            return
        if isinstance(turn, SharedLease):
            limiter.leave(call.claim, self.now)
            self._send(call, turn)

    def _send(self, call: Call, lease: SharedLease) -> None:
        call.sent = self.now
        there = self.now + self._random.uniform(*self._latency)

        def arrive() -> None:
            self.arrivals.append((self.now, call.process))
            for server in self.refused:
                self.refused[server] += not server.accept(self.now)
            status, headers = self.answer(call)
            call.statuses.append(status)
            self.at(
                self.now + self._random.uniform(*self._latency),
                lambda: lease.answered(self.now, status, headers),
            )

        self.at(there, arrive)
