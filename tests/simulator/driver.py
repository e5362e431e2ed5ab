"""A client in virtual time: callers queue for tokens, requests travel, answers come back, some callers give up."""

from __future__ import annotations

import functools
import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import attrs

from inventpay._limits.token_bucket import TokenBucket

from .servers import Server


@attrs.frozen
class Network:
    """Seconds for one way: uniform between two bounds, and for a share `tail` of the ways exponentially more."""

    shortest: float = 0.005
    longest: float = 0.25
    tail: float = 0.0
    tail_mean: float = 2.0

    def one_way(self, rng: random.Random) -> float:
        seconds = rng.uniform(self.shortest, self.longest)
        return seconds + rng.expovariate(1.0 / self.tail_mean) if rng.random() < self.tail else seconds


@attrs.frozen
class Cancellations:
    """Shares of the callers that give up while they hold a token: before writing, or with the answer still out."""

    before_writing: float = 0.0
    after_writing: float = 0.0


@attrs.define
class Report:
    """The result of a run.

    Attributes:
        refusals: how many requests each server refused.
        sent: when each request was sent, ascending.
        arrived: when each reached the servers, ascending.
        accepted: requests of ours that the first server let in.
        stranger_accepted: those of the stranger.
        seconds: length of the run.
    """

    refusals: list[int]
    sent: list[float] = attrs.Factory(list[float])
    arrived: list[float] = attrs.Factory(list[float])
    accepted: int = 0
    stranger_accepted: int = 0
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.arrived)

    def use(self, limit: int, window: float) -> float:
        """Sustained share of the permitted rate, from at least `3 * limit` requests.

        The first `limit` requests go out at once; so whole rounds of `limit` requests are timed from the next on.
        """
        rounds = (len(self.sent) - 1) // limit - 1
        return rounds * window / (self.sent[(rounds + 1) * limit] - self.sent[limit])

    def share_of_the_rest(self, limit: int, window: float) -> float:
        """The share we got of that which the stranger left."""
        return self.accepted / (limit * self.seconds / window - self.stranger_accepted)


# Feedback to the client: nothing, a bare 429, a 429 with Retry-After, or that and X-RateLimit-* on every answer.
Feedback = Literal["none", "status", "retry_after", "headers"]


def simulate(
    bucket: TokenBucket,
    servers: Sequence[Server],
    calls: Iterable[float],
    *,
    seed: int,
    network: Network | None = None,
    cancellations: Cancellations | None = None,
    stranger: float = 0.0,
    feedback: Feedback = "none",
) -> Report:
    """Send `calls` through `bucket`, first come first served, and let every server judge every arrival.

    The first server is the one that answers: its verdicts reach the bucket as far as `feedback` says, and a refused
    caller goes back to the head of the queue. The others only count what they would have refused. `stranger` is
    another client on the same key that sends at random, this share of the limit on average. The same arguments give the
    same report.
    """
    run = _Run(bucket, servers, seed, network or Network(), cancellations or Cancellations(), stranger, feedback)
    return run.until_all_are_answered(calls)


@attrs.frozen
class _Verdict:
    accepted: bool
    limit: int
    remaining: int
    retry_after: float


class _Run:
    def __init__(
        self,
        bucket: TokenBucket,
        servers: Sequence[Server],
        seed: int,
        network: Network,
        cancellations: Cancellations,
        stranger: float,
        feedback: Feedback,
    ) -> None:
        self._bucket = bucket
        self._servers = servers
        self._random = random.Random(seed)
        self._network = network
        self._cancellations = cancellations
        self._stranger = stranger
        self._feedback = feedback
        self._report = Report([0] * len(servers))
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()  # events of the same moment happen in the order they were planned in
        self._now = 0.0
        self._waiting = 0
        self._unfinished = 0
        self._wake_at: float | None = None

    def until_all_are_answered(self, calls: Iterable[float]) -> Report:
        for at in calls:
            self._unfinished += 1
            self._plan(at, self._call)
        if self._stranger:
            self._plan_stranger()
        while self._unfinished:
            self._now, _, happen = heapq.heappop(self._events)
            happen()
        self._report.seconds = self._now
        return self._report

    def _plan(self, at: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._number), happen))

    def _call(self) -> None:
        self._waiting += 1
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._bucket.lease(self._now):
            self._waiting -= 1
            self._send()
        if self._waiting:
            ready = self._bucket.ready_at(self._now)
            if ready is not None and ready != self._wake_at:
                self._plan(ready, functools.partial(self._wake, ready))
            self._wake_at = ready

    def _wake(self, planned: float) -> None:
        if planned == self._wake_at:
            self._wake_at = None
            self._grant()

    def _send(self) -> None:
        now, fate = self._now, self._random.random()
        if fate < self._cancellations.before_writing:
            self._plan(now + self._random.uniform(0.0, self._network.longest), self._refund)
            return
        self._report.sent.append(now)
        arrival = now + self._network.one_way(self._random)
        answer = arrival + self._network.one_way(self._random)
        if fate < self._cancellations.before_writing + self._cancellations.after_writing:
            lost = self._random.uniform(now, answer)
            self._plan(lost, self._lose)
            self._plan(min(arrival, lost + self._bucket.grace), self._arrive)
        else:
            self._plan(arrival, functools.partial(self._arrive, answer))

    def _arrive(self, answer: float | None = None) -> None:
        self._report.arrived.append(self._now)
        verdicts = [server.accept(self._now) for server in self._servers]
        for index, accepted in enumerate(verdicts):
            self._report.refusals[index] += not accepted
        self._report.accepted += verdicts[0]
        if answer is not None:
            self._plan(answer, functools.partial(self._answer, self._verdict(verdicts[0])))

    def _verdict(self, accepted: bool) -> _Verdict | None:
        if self._feedback == "none":
            return None
        server, now = self._servers[0], self._now
        return _Verdict(accepted, server.limit, server.remaining(now), server.retry_after(now))

    def _answer(self, verdict: _Verdict | None) -> None:
        now, bucket = self._now, self._bucket
        bucket.answered(now)
        if verdict is not None and self._feedback == "headers":
            bucket.observe(now, limit=verdict.limit, remaining=verdict.remaining, reset_in=verdict.retry_after)
        if verdict is None or verdict.accepted:
            self._unfinished -= 1
        else:
            bucket.refused(now, None if self._feedback == "status" else verdict.retry_after)
            self._waiting += 1
        self._grant()

    def _refund(self) -> None:
        self._bucket.refund(self._now)
        self._unfinished -= 1
        self._grant()

    def _lose(self) -> None:
        self._bucket.abandoned(self._now)
        self._unfinished -= 1
        self._grant()

    def _plan_stranger(self) -> None:
        per_second = self._stranger * self._servers[0].limit / self._servers[0].window
        self._plan(self._now + self._random.expovariate(per_second), self._strange)

    def _strange(self) -> None:
        self._report.stranger_accepted += self._servers[0].accept(self._now)
        self._plan_stranger()
