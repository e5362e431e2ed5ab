"""Count the arrivals that a server would have refused, under each of the four policies in common use.

Arrivals are ascending seconds on the server's clock. A request that is refused is not counted by the policy.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

PHASES = 8
"""Number of phases of a window that are tried; the worst one is reported."""


def fixed_window(arrivals: Sequence[float], limit: int, window: float, phase: float) -> int:
    """At most `limit` between two marks that lie `window` apart."""
    refused, number, count = 0, -1, 0
    for at in arrivals:
        current = math.floor((at - phase) / window)
        if current != number:
            number, count = current, 0
        if count < limit:
            count += 1
        else:
            refused += 1
    return refused


def sliding_log(arrivals: Sequence[float], limit: int, window: float) -> int:
    """At most `limit` in the `window` seconds up to now."""
    refused = 0
    log: deque[float] = deque()
    for at in arrivals:
        while log and log[0] <= at - window:
            log.popleft()
        if len(log) < limit:
            log.append(at)
        else:
            refused += 1
    return refused


def sliding_counter(arrivals: Sequence[float], limit: int, window: float, phase: float) -> int:
    """This fixed window, and the share of the one before that still lies within `window` seconds, rounded down."""
    refused, number, previous, count = 0, -1, 0, 0
    for at in arrivals:
        windows = (at - phase) / window
        current = math.floor(windows)
        if current != number:
            previous = count if current == number + 1 else 0
            number, count = current, 0
        if math.floor(previous * (1.0 - (windows - current))) + count < limit:
            count += 1
        else:
            refused += 1
    return refused


def token_bucket(arrivals: Sequence[float], limit: int, window: float) -> int:
    """`limit` tokens, refilled continuously at `limit / window`."""
    refused, tokens, last = 0, float(limit), arrivals[0]
    for at in arrivals:
        tokens = min(limit, tokens + (at - last) * limit / window)
        last = at
        if tokens >= 1.0:
            tokens -= 1.0
        else:
            refused += 1
    return refused


def refusals(arrivals: Sequence[float], limit: int, window: float) -> dict[str, int]:
    """Refusals by policy: of all phases the worst."""

    def worst(policy: Callable[[Sequence[float], int, float, float], int]) -> int:
        phases = (arrivals[0] + window * number / PHASES for number in range(PHASES))
        return max(policy(arrivals, limit, window, phase) for phase in phases)

    return {
        "fixed": worst(fixed_window),
        "log": sliding_log(arrivals, limit, window),
        "counter": worst(sliding_counter),
        "bucket": token_bucket(arrivals, limit, window),
    }


def most_in_a_window(arrivals: Sequence[float], window: float) -> int:
    """The most arrivals that lie less than `window` seconds apart."""
    most, first = 0, 0
    for last, at in enumerate(arrivals):
        while at - arrivals[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def sustained_use(arrivals: Sequence[float], limit: int, window: float) -> float:
    """Share of the permitted rate at which the last requests came, over as many whole limits as follow the second.

    The first limit may come as one burst, and what is sent with the second only makes up for it.
    """
    rounds = len(arrivals) // limit - 2
    return rounds * window / (arrivals[-1] - arrivals[-1 - rounds * limit])
