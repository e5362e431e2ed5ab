"""Faults of deliveries, for tests of receivers."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import attrs

FaultKind: TypeAlias = Literal["twice", "late", "out_of_order", "wrong_signature", "lost", "unlogged"]
"""The kinds of faults.

``twice``: two requests at the same moment. ``late``: some seconds after the event. ``out_of_order``: after the next
event for the same URL. ``wrong_signature``: the first attempt is signed with a wrong secret, the retry with the right
one. ``lost``: neither sent nor logged, so that only the payment's status shows the change. ``unlogged``: sent, but
missing in the log.
"""

FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)

# Default delay of a `late` delivery, in seconds.
LATE = 60.0


@attrs.frozen(kw_only=True)
class Fault:
    """A fault of the next ``count`` deliveries, or only of those of ``event``."""

    kind: FaultKind
    count: int = 1
    event: str | None = None
    seconds: float = LATE

    def meets(self, event: str) -> bool:
        """Return whether the fault applies to an event."""
        return self.event in (None, event)


@attrs.frozen(kw_only=True)
class Handling:
    """The faults that apply to one delivery."""

    copies: int = 1
    delay: float = 0.0
    overtaken: bool = False
    forged: bool = False
    lost: bool = False
    unlogged: bool = False


def handling(faults: list[Fault], event: str) -> tuple[Handling, list[Fault]]:
    """Return the handling of the next delivery of that event, and the faults that remain."""
    met = {fault.kind: fault for fault in reversed(faults) if fault.meets(event)}
    left = [attrs.evolve(fault, count=fault.count - 1) if met.get(fault.kind) is fault else fault for fault in faults]
    chosen = Handling(
        copies=2 if "twice" in met else 1,
        delay=met["late"].seconds if "late" in met else 0.0,
        overtaken="out_of_order" in met,
        forged="wrong_signature" in met,
        lost="lost" in met,
        unlogged="unlogged" in met,
    )
    return chosen, [fault for fault in left if fault.count > 0]
