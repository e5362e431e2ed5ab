"""When callers come: ascending lists of seconds."""

from __future__ import annotations

import random


def flood(calls: int, *, at: float = 0.0) -> list[float]:
    """All at once."""
    return [at] * calls


def trickle(calls: int, *, per_second: float, rng: random.Random, at: float = 0.0) -> list[float]:
    """One by one, at random, `per_second` on average."""
    times: list[float] = []
    for _ in range(calls):
        at += rng.expovariate(per_second)
        times.append(at)
    return times


def bursts(calls: int, *, size: int, pause: float, rng: random.Random, at: float = 0.0) -> list[float]:
    """Up to `size` at once, then silence of `pause` seconds on average."""
    times: list[float] = []
    while len(times) < calls:
        times += [at] * min(rng.randint(1, size), calls - len(times))
        at += rng.expovariate(1.0 / pause)
    return times


def mixed(calls: int, *, limit: int, window: float, rng: random.Random) -> list[float]:
    """Floods, trickles and bursts in turn, with silences of up to two windows between them."""
    times: list[float] = []
    at = 0.0
    while len(times) < calls:
        some = min(rng.randint(1, 2 * limit), calls - len(times))
        kind = rng.randrange(3)
        if kind == 0:
            times += flood(some, at=at)
        elif kind == 1:
            times += trickle(some, per_second=rng.uniform(0.3, 1.5) * limit / window, rng=rng, at=at)
        else:
            times += bursts(some, size=max(1, limit // 2), pause=window / 4, rng=rng, at=at)
        at = times[-1] + rng.uniform(0.0, 2.0 * window)
    return times
