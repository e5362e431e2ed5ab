"""Four processes, one limit, one server that counts: the same flood at any size, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from .limited_server import Arrival, limited_server
from .redis_servers import RedisServer
from .redis_worker import Worker


@frozen(kw_only=True)
class Flood:
    """The result of a flood."""

    arrivals: list[Arrival]
    results: list[dict[str, Any]]
    exchanges: int
    """Scripts that Redis ran."""
    script_seconds: float
    """Seconds of Redis' time that they took."""
    window: float
    limit: int

    @property
    def refused(self) -> int:
        """429s."""
        return sum(not arrival.let_in for arrival in self.arrivals)

    @property
    def times(self) -> list[float]:
        """When requests arrived."""
        return [arrival.at for arrival in self.arrivals]

    @property
    def evenness(self) -> float:
        """Requests of the slowest process over those of the fastest, when half of all were sent."""
        half = [arrival.who for arrival in self.arrivals[: len(self.arrivals) // 2]]
        counts = [half.count(who) for who in {arrival.who for arrival in self.arrivals}]
        return min(counts) / max(counts)

    @property
    def use(self) -> float:
        """Share of the permitted rate at which the last requests came, over whole limits after the second."""
        times = self.times
        rounds = len(times) // self.limit - 2
        return rounds * self.window / (times[-1] - times[-1 - rounds * self.limit])

    @property
    def errors(self) -> dict[str, int]:
        """Errors of the calls that failed."""
        found: dict[str, int] = {}
        for result in self.results:
            for name, count in result["errors"].items():
                found[name] = found.get(name, 0) + count
        return found

    @property
    def slowest(self) -> float:
        """Seconds of the slowest call."""
        return max(result["slowest"] for result in self.results)


def flood(
    server: RedisServer,
    workers: Sequence[Worker],
    *,
    policy: str,
    counting: str,
    limit: int,
    window: float,
    calls: int,
    disturb: Callable[[], Any] = lambda: None,
    after: float = 0.0,
    each: Sequence[dict[str, Any]] = (),
    **options: Any,
) -> Flood:
    """Let all workers send calls; some seconds after the first of each something happens.

    Dead workers have no result.
    """
    exchanges, seconds = server.calls("eval", "evalsha"), server.script_seconds()
    with limited_server(policy, limit, window) as api:
        for number, worker in enumerate(workers):
            job = {"redis": server.url, "api": api.url, "who": str(number), "counting": counting, "limit": limit}
            worker.begin(**{**job, "window": window, "calls": calls, **options, **(each[number] if each else {})})
        if after:
            # A process that starts while the sent calls are unknown is another matter. One that gives up soon may find
            # all tokens taken by the others, and never send a call.
            patient = {str(number) for number in range(len(workers)) if not (each and each[number].get("max_wait"))}
            while not patient <= {arrival.who for arrival in api.arrivals()}:
                time.sleep(0.02)
            time.sleep(after)
            disturb()
        results = [worker.result() for worker in workers if worker.process.poll() is None]
        arrivals = api.arrivals()
    return Flood(
        arrivals=arrivals,
        results=results,
        exchanges=server.calls("eval", "evalsha") - exchanges,
        script_seconds=server.script_seconds() - seconds,
        window=window,
        limit=limit,
    )
