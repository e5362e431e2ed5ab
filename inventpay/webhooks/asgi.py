"""A receiver as an ASGI application, for asyncio and trio."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias, overload

from .answers import WebhookAnswer, malformed, not_allowed, too_large
from .content_length import read_content_length
from .processor import DeliveryProcessor

logger: Final = logging.getLogger("inventpay.webhooks")

# Frameworks disagree on these: mappings in Starlette, typed dictionaries in Litestar, which are no mutable mappings.
Scope: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

WORK_AFTER_ANSWER: Final = 10
"""Stored events that are handled after one answer at most, so that every request ends."""


class ASGIApplication:
    """Answers POST requests with the outcome of the delivery, and everything else with 405.

    It is an object and no function, so that frameworks take it for an application, as in ``app.add_route(path,
    receiver.asgi)``.
    """

    def __init__(self, processor: DeliveryProcessor) -> None:
        self._processor = processor

    @overload
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
    # Only for type checkers: ``app.add_route`` of Starlette and FastAPI asks for a function of a request.
    @overload
    def __call__(self, request: Any, /) -> Any: ...

    async def __call__(self, scope: Scope, receive: Receive | None = None, send: Send | None = None) -> None:
        """Answer one request, by the ASGI specification."""
        if receive is None or send is None:
            raise TypeError(
                "receiver.asgi is an ASGI application, and this is a call with a request; in a view of your own use "
                "await receiver.handle_async(body, headers)"
            )
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003, "reason": "webhooks are sent by POST"})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            answer = not_allowed()
        else:
            body = await self._read(scope["headers"], receive)
            if body is None:
                return
            if isinstance(body, WebhookAnswer):
                self._processor.refuse(body)
            answer = (
                body
                if isinstance(body, WebhookAnswer)
                else await self._processor.run_async(self._processor.deliver(body, scope["headers"]))
            )
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
        if answer.outcome == "accepted":
            await self._processor.run_async(self._processor.work(WORK_AFTER_ANSWER))

    async def _read(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes | WebhookAnswer | None:
        """Return the body, the answer instead of it, or ``None`` when the sender has gone."""
        most = self._processor.max_body
        length = read_content_length(
            next((value for name, value in headers if name.lower() == b"content-length"), None)
        )
        if isinstance(length, str):
            return malformed(length)
        if length is not None and length > most:
            return too_large(most)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                hint = "" if body else ", unless other code of the application has read them"
                logger.warning("the sender of a delivery went away: %d bytes of its body arrived%s", len(body), hint)
                return None
            body += message.get("body", b"")
            if len(body) > most:
                return too_large(most)
            if not message.get("more_body", False):
                return bytes(body)

    def __repr__(self) -> str:
        return "<receiver.asgi>"


async def _live(receive: Receive, send: Send) -> None:
    """Confirm the start and the stop that a server asks for if it runs the application by itself."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
