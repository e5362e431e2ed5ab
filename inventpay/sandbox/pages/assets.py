"""The style sheet, scripts and icon that the pages link to."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib.resources import files

from starlette.types import Receive, Scope, Send

from ..errors import not_found
from ..http.answers import Answer, refusal

_TYPES = {
    "sandbox.css": b"text/css; charset=utf-8",
    "live.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}


class Assets:
    """GET /sandbox/assets/{name}: the file, or 304 if the browser has it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        name: str = scope["path_params"]["name"]
        answer = _answer(name, dict(scope["headers"])) if name in _TYPES else refusal(not_found("Asset"))
        await answer.send(send)


def _answer(name: str, request: Mapping[bytes, bytes]) -> Answer:
    body, tag = _asset(name)
    headers = ((b"etag", tag), (b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff"))
    if request.get(b"if-none-match") == tag:
        return Answer(304, b"", _TYPES[name], headers)
    return Answer(200, body, _TYPES[name], headers)


@functools.cache
def _asset(name: str) -> tuple[bytes, bytes]:
    body = files("inventpay.sandbox.pages").joinpath("assets", name).read_bytes()
    return body, b'"%s"' % hashlib.sha256(body).hexdigest()[:16].encode()
