"""The facts of the running command that its end depends on: whether a write began, and under which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..hooks import Event


class Progress:
    """The progress of one command."""

    def __init__(self) -> None:
        self.write_began = False
        """True once a request that may change something was passed to the network."""
        self.idempotency_key: str | None = None
        """The key of that request."""

    def reset(self) -> None:
        """Begin a new command."""
        self.write_began, self.idempotency_key = False, None

    def note(self, event: Event) -> None:
        """Note an attempt of a client; a hook."""
        from ..hooks import AttemptSent

        if isinstance(event, AttemptSent) and event.method not in ("GET", "HEAD"):
            self.write_began = True


PROGRESS: Final = Progress()
"""That of this process, which runs one command."""
