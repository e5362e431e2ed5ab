"""Pages that stay up to date: their sections are rendered repeatedly, and the changed ones are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from starlette.types import Receive, Scope, Send

from ..clock import SandboxClock
from ..errors import SandboxError
from ..http.connection import pause

Sections = Mapping[str, str]
"""HTML by the id of the element whose content it is."""

# Milliseconds that browsers wait before they reconnect.
_RETRY = b"retry: 500\n\n"

_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


class LiveSections:
    """A stream of server-sent events.

    ``sections`` contains the changed sections, ``clock`` is sent after the clock was set, and ``gone`` after the record
    of the page was deleted.
    """

    def __init__(self, clock: SandboxClock, render: Callable[[Scope], Sections], seconds: float) -> None:
        """Render every ``seconds`` seconds: some changes come from time alone, so no notification announces them."""
        self._clock = clock
        self._render = render
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream of events."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
        shown: dict[str, str] = {}
        clock_shown = -1
        going = scope["method"] != "HEAD"
        while going:
            messages = b""
            if self._clock.changes != clock_shown:
                clock_shown = self._clock.changes
                messages += _event("clock", {"now": self._clock() * 1000, "speed": self._clock.speed})
            try:
                sections = self._render(scope)
            except SandboxError:
                messages += _event("gone", {})
                going = False
            else:
                changed = {name: html for name, html in sections.items() if shown.get(name) != html}
                shown.update(changed)
                if changed:
                    messages += _event("sections", changed)
            if messages:
                await send({"type": "http.response.body", "body": messages, "more_body": True})
            going = going and await pause(scope, self._seconds)
        await send({"type": "http.response.body", "body": b""})


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
