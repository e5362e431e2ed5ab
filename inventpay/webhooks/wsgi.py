"""A receiver as a WSGI application."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, TypeAlias

from .answers import WebhookAnswer, length_required, malformed, not_allowed, too_large
from .asgi import WORK_AFTER_ANSWER
from .content_length import read_content_length
from .procedure import run
from .processor import DeliveryProcessor

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]

_CHUNK = 65_536


class WSGIApplication:
    """Answers POST requests with the outcome of the delivery, and everything else with 405.

    In Flask a view returns it: ``return receiver.wsgi``.
    """

    def __init__(self, processor: DeliveryProcessor) -> None:
        self._processor = processor

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, by PEP 3333."""
        method = environ.get("REQUEST_METHOD", "")
        if method != "POST":
            answer = not_allowed()
        else:
            body = self._read(environ)
            answer = (
                self._processor.refuse(body)
                if isinstance(body, WebhookAnswer)
                else run(self._processor.deliver(body, environ))
            )
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        body_parts = [] if method == "HEAD" else [answer.body]
        return _ThenWork(body_parts, self._processor) if answer.outcome == "accepted" else body_parts

    def _read(self, environ: Environ) -> bytes | WebhookAnswer:
        """Return the body, or the answer instead of it."""
        most = self._processor.max_body
        length = read_content_length(environ.get("CONTENT_LENGTH"))
        if isinstance(length, str):
            return malformed(length)
        if length is None:
            # Chunked. Servers that end such a body by themselves set this; with others it must not be read.
            if not environ.get("wsgi.input_terminated"):
                return length_required()
        elif length > most:
            return too_large(most)
        body = bytearray()
        rest = most + 1 if length is None else length
        try:
            while rest > 0 and (chunk := environ["wsgi.input"].read(min(rest, _CHUNK))):
                body += chunk
                rest -= len(chunk)
        except OSError:
            return malformed("the body ended before its end")
        if not body and rest > 0:
            body += _read_before(environ)
            rest -= len(body)
        if len(body) > most:
            return too_large(most)
        if length is None or rest == 0:
            return bytes(body)
        hint = "" if body else ", unless other code of the application has read them"
        return malformed(f"the body ended before its end: {len(body)} of {length} bytes arrived{hint}")

    def __repr__(self) -> str:
        return "<receiver.wsgi>"


def _read_before(environ: Environ) -> bytes:
    """Return the body that Flask has read, such as for a ``before_request`` function; ``b""`` where it has not."""
    read = getattr(environ.get("werkzeug.request"), "get_data", None)
    # Without a body it raises an error of its own, which is answered here like any body that ended early.
    with contextlib.suppress(Exception):
        body = b"" if read is None else read()
        return body if isinstance(body, bytes) else b""
    return b""


class _ThenWork:
    """The body of an answer after which stored events are handled: servers call ``close`` when it is sent."""

    def __init__(self, body_parts: list[bytes], processor: DeliveryProcessor) -> None:
        self._parts = body_parts
        self._processor = processor

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """Handle the stored events that are due."""
        run(self._processor.work(WORK_AFTER_ANSWER))
