"""The interfaces between the worker, which sends commands to Redis, and the parts that need it to."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Protocol

from .._limits.class_limiter import ReentrantLock
from ..errors import InventPayError


class Script:
    """A Lua script that the server runs."""

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.sha: Final = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        """The SHA-1 digest by which the server finds the script."""


class Command(Protocol):
    """One call of a script."""

    @property
    def script(self) -> Script:
        """The script that is called."""
        ...

    def encode(self, now: float) -> str:
        """Return the script's argument; ages refer to ``now``, which must not be later than the sending."""
        ...

    def decode(self, message: bytes) -> Any:
        """Return the reply in the script's result."""
        ...


class Participant(Protocol):
    """A part that sends commands through the worker. Every method is called with the worker's lock held."""

    is_asking: bool
    """Whether a command is under way."""

    @property
    def waiting(self) -> int:
        """Callers that wait for a reply."""
        ...

    @property
    def has_news(self) -> bool:
        """Whether there is something to send that no caller waits for."""
        ...

    @property
    def is_watched(self) -> bool:
        """Whether a caller waits for the state of this part."""
        ...

    def key_of(self, command: Any) -> str:
        """Return the name of the key in Redis that a command is about."""
        ...

    def next_event(self, now: float, *, can_ask: bool) -> float:
        """Return the time of the next step: infinity for none, ``now`` or earlier for at once."""
        ...

    def next_request(self, now: float) -> float:
        """Return the time of the next command; infinity for none."""
        ...

    def ask(self, now: float) -> Any:
        """Return the next command; its end is passed to ``apply_reply`` or ``failed``."""
        ...

    def apply_reply(self, request: Any, reply: Any, now: float) -> None:
        """Apply a reply that arrived at ``now``."""
        ...

    def failed(self, request: Any, now: float) -> None:
        """Keep what must arrive of a failed command: it is unknown whether it did."""
        ...

    def distribute(self, now: float) -> None:
        """Serve the callers that can be served without a command."""
        ...

    def serve_without(self, now: float, sharing: int | None) -> bool:
        """Serve callers without Redis, as one of ``sharing`` processes; return whether this part can."""
        ...

    def fail(self, error: InventPayError) -> None:
        """End all waiting callers."""
        ...


class Owner(Protocol):
    """The part of the worker that its participants use."""

    @property
    def lock(self) -> ReentrantLock:
        """The lock that is held during all arithmetic."""
        ...

    def notify(self, part: Participant) -> None:
        """Wake the scheduler: a caller may be served, or there is something to send."""
        ...

    def serve(self, part: Participant, *, may_block: bool) -> None:
        """Send the command of a caller that joined the queue; blocks for it at most if ``may_block``."""
        ...
