"""Request bodies: read up to a limit, decoded without binary floats, refused with a reason when they are not JSON."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec
from starlette.types import Receive

from .. import assumptions
from ..errors import SandboxError, invalid

_decoder = msgspec.json.Decoder(float_hook=Decimal)


class ClientGone(Exception):
    """The client disconnected before its request was complete."""


async def read(receive: Receive, limit: int = assumptions.MAX_BODY_BYTES) -> bytes:
    """Return the whole body. Raises 413 as soon as it exceeds ``limit`` bytes, ``ClientGone`` if it ends early."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limit:
            problem = f"Must be at most {limit} bytes"
            raise SandboxError(413, assumptions.BODY_TOO_LARGE_ERROR, {"body": problem})
        if not message.get("more_body", False):
            return bytes(body)


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Raise 415 unless the request declares its body as JSON."""
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != assumptions.JSON_MEDIA_TYPE.encode():
        raise SandboxError(
            415, assumptions.MEDIA_TYPE_ERROR, {"Content-Type": f"Must be {assumptions.JSON_MEDIA_TYPE}"}
        )


def decode(body: bytes) -> object:
    """Return the JSON value, numbers as ``int`` or ``Decimal``. Raises 400 for anything that is not JSON."""
    if not body:
        raise invalid({"body": "The request body is empty; it must be a JSON object"})
    try:
        return _decoder.decode(body)
    except RecursionError:
        problem = "is nested too deeply"
    except InvalidOperation:
        problem = "contains a number that is out of range"
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    except msgspec.DecodeError as error:
        is_too_long = "out of range" in str(error)  # an integer with thousands of digits
        problem = "contains a number that is out of range" if is_too_long else f"is not JSON: {error}"
    raise invalid({"body": f"The request body {problem}"})
