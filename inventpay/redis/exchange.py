"""The request of a process to the shared bucket, and its reply: one round trip. See ``exchange.lua``.

No message contains a time of this machine's clock: past events are sent as ages, future ones as delays. Both messages
are packed numbers, because JSON takes the server and the client ten microseconds more.
"""

from __future__ import annotations

import json
import re
import struct
from functools import cached_property
from importlib.resources import files
from typing import Any, ClassVar, Final

from attrs import Factory, define, frozen

from .._limits.backoff import constants
from ..options import Counting
from .participant import Script

SCRIPT: Final = re.sub(
    rf"\bbackoff\.({'|'.join(constants())})\b",
    lambda name: repr(constants()[name[1]]),
    files("inventpay.redis").joinpath("exchange.lua").read_text(encoding="utf-8"),
)
"""The Lua script that the server runs, with the constants of ``backoff.py`` in it."""

_SCRIPT: Final = Script(SCRIPT)

LEAD: Final = 0.002
"""Seconds between a process's request for more leases and its last lease's due time: about a round trip."""

_HEAD: Final = struct.Struct(">x9d")  # the zero byte ends the name of the process
_NUMBERS: Final = struct.Struct(">5d")
_ENDING: Final = struct.Struct(">3d")
_REPLY: Final = struct.Struct(">7i5d")


@frozen
class Ending:
    """The end of a lease: its number, its time, and whether no earlier request reported it.

    Numbers below 0 belong to requests that were sent from the process's own share.
    """

    number: int
    at: float
    is_news: bool = True


@frozen
class Refusal:
    """A 429: its time, and the seconds of its ``Retry-After`` (0.0 for none)."""

    at: float
    retry_after: float


@frozen
class View:
    """The newest rate-limit headers, and the time of the lease of their request."""

    asked: float
    limit: int | None
    remaining: int | None
    reset_in: float


@frozen(kw_only=True)
class LimitConfig:
    """The settings that do not change from request to request."""

    process: str
    """A random name of this process."""
    limit: int
    window: float
    span: float
    """The window with its margin."""
    counting: Counting
    burst: int | None
    patience: float
    """Seconds after which a lease that has not ended counts as lost."""

    @property
    def batch(self) -> int:
        """Most leases that one reply grants: small enough to leave tokens for other processes."""
        return max(1, -(-self.limit // 8))

    @property
    def horizon(self) -> float:
        """Seconds of further leases that are granted together with the first one."""
        return min(0.03, self.span / 16)

    @cached_property
    def head(self) -> bytes:
        """The first part of every message."""
        return self.process.encode() + _HEAD.pack(
            self.limit,
            self.window,
            self.span,
            self.counting == "unknown",
            self.burst or 0,
            self.patience,
            self.batch,
            self.horizon,
            LEAD,
        )


@define(kw_only=True)
class LeaseRequest:
    """The events since the last request, and the number of leases wanted."""

    script: ClassVar[Script] = _SCRIPT

    config: LimitConfig
    epoch: str = ""
    """The state from which the process got its latest leases; empty if it has had none for long."""
    serial: int = 0
    """Number of the request in its process: the script ignores requests that arrive after a later one."""
    away_since: float | None = None
    """Time at which the process found Redis unreachable, if it has used its own share since."""
    want: int = 0
    is_first: bool = True
    """Whether the process holds no lease for later."""
    next_number: int = 1
    """The number of the first lease that is granted; the others follow."""
    ended: list[Ending] = Factory(list[Ending])
    open: list[tuple[int, float]] = Factory(list[tuple[int, float]])
    """Requests in flight that the state may not contain: their numbers, and the times they began."""
    refunded: list[int] = Factory(list[int])
    held: list[int] | None = None
    """All leases of the process, after a reply that may have been lost; the script removes all others."""
    refusals: list[Refusal] = Factory(list[Refusal])
    view: View | None = None
    outlook: bool = False
    """Whether to reply with the times of further tokens although none is wanted."""

    def encode(self, now: float) -> bytes:
        """Return the script's argument; ages refer to ``now``, which must not be later than the sending."""
        numbers = _NUMBERS.pack(self.serial, self.want, self.next_number, self.is_first, len(self.ended))
        packed = b"%b%b%b\0" % (self.config.head, numbers, self.epoch.encode())
        for ending in self.ended:
            packed += _ENDING.pack(ending.number, now - ending.at, ending.is_news)
        others = self._others(now)
        return packed + json.dumps(others, separators=(",", ":")).encode() if others else packed

    def _others(self, now: float) -> dict[str, Any]:
        """Return the members that few requests have."""
        message: dict[str, Any] = {}
        if self.open:
            message["open"] = [[number, now - began] for number, began in self.open]
        if self.refunded:
            message["refunded"] = self.refunded
        if self.refusals:
            message["refusals"] = [[now - refusal.at, refusal.retry_after] for refusal in self.refusals]
        if self.outlook:
            message["outlook"] = True
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
        return message

    def decode(self, message: bytes) -> LeaseReply:
        """Return the reply in the script's result."""
        return decode(message)


class OvertakenError(Exception):
    """Raised for a request that arrived after a later one of the same process."""


@frozen
class LeaseReply:
    """The reply of the bucket. All times are seconds from now."""

    again: float
    """Seconds until the next request for leases that were not granted; negative if all were."""
    next: float
    """Seconds until a caller that joins now would get a lease."""
    free: int
    """Leases free right now."""
    free_next: int
    """Leases free at ``next``."""
    unclaimed: int
    """Free leases that no process waits for: the processes divide them if Redis becomes unreachable."""
    sharing: int
    """Processes that used this class in the last ten minutes, including this one."""
    recovery: float
    """Seconds in which nothing is granted, because other processes may have sent requests that are not counted."""
    startup_grace: float
    """Seconds in which few leases are granted, because such processes may report soon."""
    blocked: float
    """Seconds for which a 429 stops all processes."""
    effective: int
    """The limit at present: lower after 429s, or when the API names a lower one."""
    leased: int
    """Leases of all processes."""
    epoch: str
    """The name of the state."""
    delays: list[float]
    """Seconds until each granted lease may be used."""
    steps: list[float]
    """Earliest times at which a sliding log alone has room for the 1st, (1 + n/16)th, ... of further requests."""


def decode(message: bytes) -> LeaseReply:
    """Return the reply in the script's result."""
    if not message:
        raise OvertakenError
    (
        granted,
        free,
        free_next,
        unclaimed,
        sharing,
        effective,
        leased,
        again,
        upcoming,
        recovery,
        startup_grace,
        blocked,
    ) = _REPLY.unpack_from(message)
    name_end = message.index(0, _REPLY.size)
    times = struct.unpack_from(f">{(len(message) - name_end) // 8}d", message, name_end + 1)
    return LeaseReply(
        epoch=message[_REPLY.size : name_end].decode(),
        delays=list(times[:granted]),
        again=again,
        next=upcoming,
        free=free,
        free_next=free_next,
        unclaimed=unclaimed,
        steps=list(times[granted:]),
        sharing=sharing,
        recovery=recovery,
        startup_grace=startup_grace,
        blocked=blocked,
        effective=effective,
        leased=leased,
    )
