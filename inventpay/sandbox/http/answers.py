"""Finished HTTP answers in the API's envelope."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import msgspec
from starlette.types import Message, Send

from ..errors import SandboxError

JSON = b"application/json; charset=utf-8"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"

_encode = msgspec.json.Encoder().encode

Header = tuple[bytes, bytes]


@attrs.frozen
class Answer:
    """Status, body and headers of one response; itself an ASGI application that sends it."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()
    reason: str | None = None
    """The problem that a refusal names, for the log."""

    def with_headers(self, *headers: Header) -> Answer:
        """Return the answer with further headers."""
        return attrs.evolve(self, headers=self.headers + headers)

    def start(self) -> Message:
        """Return the ASGI message that starts the response."""
        headers = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.headers]
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    async def send(self, send: Send) -> None:
        """Send the whole response."""
        await send(self.start())
        await send({"type": "http.response.body", "body": self.body})


def bare(body: Mapping[str, object]) -> Answer:
    """Return a 200 with ``body`` alone, without an envelope."""
    return Answer(200, _encode(body))


def success(data: Mapping[str, object], message: str) -> Answer:
    """Return a 200 in the documented envelope (page api-reference/introduction)."""
    return Answer(200, _encode({"success": True, "data": data, "message": message, "statusCode": 200}))


def refusal(error: SandboxError) -> Answer:
    """Return the documented error body (pages introduction and get-balance-by-currency)."""
    body: dict[str, object] = {"success": False, "error": error.error}
    if error.details is not None:
        body["details"] = error.details
    return Answer(error.status, _encode({**body, "statusCode": error.status}), reason=str(error))


def text(body: str) -> Answer:
    """Return a 200 with plain text."""
    return Answer(200, body.encode(), TEXT)
