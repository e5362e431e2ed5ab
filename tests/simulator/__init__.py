"""Rate-limited servers and a client in virtual time: what would really have been refused, without waiting for it.

>>> from inventpay._limits.token_bucket import TokenBucket
>>> from tests.simulator import FixedWindow, flood, simulate
>>> report = simulate(TokenBucket(10), [FixedWindow(10, 60.0)], flood(30), seed=1)
>>> report.requests, report.refusals
(30, [0])
"""

from __future__ import annotations

from .driver import Cancellations, Network, Report, simulate
from .servers import FixedWindow, RefillingBucket, Server, SlidingCounter, SlidingLog
from .traffic import bursts, flood, mixed, trickle

__all__ = [
    "Cancellations",
    "FixedWindow",
    "Network",
    "RefillingBucket",
    "Report",
    "Server",
    "SlidingCounter",
    "SlidingLog",
    "bursts",
    "flood",
    "mixed",
    "simulate",
    "trickle",
]
