"""What a process and the shared bucket tell each other: one request, one reply, one round trip. See ``exchange.lua``.

Nothing here carries a time of this machine: what happened is told as an age, what will happen as a delay.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Any, Final

from attrs import Factory, define, frozen

from .._limits.backoff import constants
from ..options import Counting

SCRIPT: Final = files("inventpay.redis").joinpath("exchange.lua").read_text(encoding="utf-8")
"""The server's side."""

SCRIPT_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""What the server knows it by."""

STEPS: Final = 16
"""How many moments of further tokens a reply names."""


@frozen
class Ending:
    """A lease that was spent: its number, when it ended here, and whether this was never reported before.

    Numbers below 0 are those of requests that were sent without asking.
    """

    number: int
    at: float
    is_news: bool = True


@frozen
class Refusal:
    """A 429: when, and the seconds it asked for (0.0 for none)."""

    at: float
    retry_after: float


@frozen
class View:
    """The newest rate-limit headers, and when the request that brought them was leased."""

    asked: float
    limit: int | None
    remaining: int | None
    reset_in: float


@frozen(kw_only=True)
class LimitConfig:
    """What does not change from request to request."""

    process: str
    """A random name of this process."""
    limit: int
    window: float
    span: float
    """The window with its margin."""
    counting: Counting
    burst: int | None
    patience: float
    """Seconds after which a lease that nobody ended counts as lost."""

    @property
    def batch(self) -> int:
        """Most leases that one reply grants: small enough for others to have their turn."""
        return max(1, -(-self.limit // 8))

    @property
    def horizon(self) -> float:
        """Leases this many seconds ahead are granted along with the first one."""
        return min(0.03, self.span / 16)


@define(kw_only=True)
class LeaseRequest:
    """What happened since the last one, and how many leases are wanted."""

    config: LimitConfig
    epoch: str = ""
    """The state that the asker's latest leases came from; empty when it has had none for long."""
    serial: int = 0
    """Its place among the requests of the process: one that was overtaken by a later one is not heeded."""
    away_since: float | None = None
    """When the asker found that Redis was away, if it has gone on alone since."""
    want: int = 0
    is_first: bool = True
    """Whether the asker holds no lease for later."""
    next_number: int = 1
    """The number of the first lease that is granted; the others follow."""
    ended: list[Ending] = Factory(list[Ending])
    open: list[tuple[int, float]] = Factory(list[tuple[int, float]])
    """Requests in flight that the state may not know: their numbers, and when they began."""
    refunded: list[int] = Factory(list[int])
    held: list[int] | None = None
    """All leases the asker has, after a reply that may have been lost: those it does not know are given up."""
    refusals: list[Refusal] = Factory(list[Refusal])
    view: View | None = None
    outlook: bool = False
    """Whether to say when further tokens come although none is wanted."""

    def encode(self, now: float) -> str:
        """The script's argument; ``now`` is a moment not later than that of sending it, for the ages."""
        config = self.config
        message: dict[str, Any] = {
            "process": config.process,
            "limit": config.limit,
            "window": config.window,
            "span": config.span,
            "counting": config.counting,
            "patience": config.patience,
            "batch": config.batch,
            "horizon": config.horizon,
            "lead": LEAD,
            "epoch": self.epoch,
            "serial": self.serial,
            "want": self.want,
            "first": self.is_first,
            "next": self.next_number,
            "ended": [[ending.number, now - ending.at, int(ending.is_news)] for ending in self.ended],
            "open": [[number, now - began] for number, began in self.open],
            "refunded": self.refunded,
            "refusals": [[now - refusal.at, refusal.retry_after] for refusal in self.refusals],
            "outlook": self.outlook,
            "backoff": constants(),
        }
        if config.burst is not None:
            message["burst"] = config.burst
        if self.away_since is not None:
            message["away"] = now - self.away_since
        if self.held is not None:
            message["held"] = self.held
        if self.view is not None:
            view = {"asked": now - self.view.asked, "reset": self.view.reset_in}
            if self.view.limit is not None:
                view["limit"] = self.view.limit
            if self.view.remaining is not None:
                view["remaining"] = self.view.remaining
            message["view"] = view
        return json.dumps(message, separators=(",", ":"))


LEAD: Final = 0.002
"""Seconds before its last lease is due at which a process asks for more: about a round trip."""


class OvertakenError(Exception):
    """The request arrived after a later one of the same process."""


@frozen
class LeaseReply:
    """What the bucket says. All times are seconds from now."""

    epoch: str
    delays: list[float]
    """When each granted lease may be used."""
    again: float
    """When to ask again for what was not granted; negative when everything was."""
    next: float
    """When a caller who came now would get a lease."""
    free: int
    """Leases free right now."""
    free_next: int
    """How many there are at ``next``."""
    unclaimed: int
    """Leases that are free and that nobody waits for: what is left of them when Redis goes away may be divided."""
    steps: list[float]
    """When a sliding log alone has room for the 1st, (1 + n/16)th, ... of further requests, at the earliest."""
    sharing: int
    """Processes that used this class in the last ten minutes, the asker included."""
    recovery: float
    """How long nothing is granted, because others may have sent what is not known here."""
    startup_grace: float
    """How long little is granted, because such others may be about to come."""
    blocked: float
    """How long a 429 stops everybody."""
    effective: int
    """The limit at present: lower after 429s, or when the API names a lower one."""
    leased: int
    """Leases of all processes."""


def decode(message: bytes | str) -> LeaseReply:
    """The script's result."""
    facts: dict[str, Any] = json.loads(message)
    if facts.get("overtaken"):
        raise OvertakenError
    for name in ("delays", "steps"):
        facts[name] = facts[name] or []  # Lua has one empty table for both an empty list and an empty object
    return LeaseReply(**facts)
