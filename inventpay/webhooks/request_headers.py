"""Read the headers of a delivery from the types in which frameworks keep headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

SIGNATURE_HEADER: Final = "X-Webhook-Signature"
"""Carries the signature (every source)."""

DELIVERY_ID_HEADER: Final = "X-Webhook-ID"
"""Carries the id of the delivery, which nothing signs (docs: webhooks/security)."""

EVENT_HEADER: Final = "X-Webhook-Event"
"""Carries the event's name (vendor's JavaScript README). Never read: the body says the same, and the body is signed."""

HeadersLike: TypeAlias = (
    Mapping[str, Any] | Mapping[bytes, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
)
"""Headers as a mapping (Starlette, Django, Litestar, a ``dict``), as pairs (Werkzeug, Flask), as the raw headers of an
ASGI scope, or as a WSGI ``environ``."""

_SIGNATURE: Final = SIGNATURE_HEADER.lower()
_DELIVERY_ID: Final = DELIVERY_ID_HEADER.lower()
_WANTED: Final = frozenset({_SIGNATURE, _DELIVERY_ID, "content-encoding", "transfer-encoding"})


class DeliveryHeaders(NamedTuple):
    """The headers that matter."""

    signature: str | None
    delivery_id: str | None
    content_encoding: str | None = None
    """Any but ``identity``."""
    is_chunked: bool = False


def read_headers(headers: HeadersLike) -> DeliveryHeaders:
    """Return the headers that matter, in any case of letters. Raises TypeError for values that are no headers.

    A proxy may repeat a header. An ASGI server passes both, a WSGI server one with a comma: where all values are
    equal they count as one, else the signature keeps its commas and is refused.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(headers):
        name = _name(name)
        if name in _WANTED and value is not None:
            text = _text(value, name)
            found[name] = f"{found[name]},{text}" if name in found else text
    encoding = _once(found.get("content-encoding"))
    return DeliveryHeaders(
        _once(found.get(_SIGNATURE)),
        _once(found.get(_DELIVERY_ID)) or None,
        None if encoding is None or encoding.strip().lower() in ("", "identity") else encoding.strip(),
        "chunked" in found.get("transfer-encoding", "").lower(),
    )


def _once(value: str | None) -> str | None:
    """Return the value of a header: one that is repeated in equal parts counts once."""
    if value is None or "," not in value:
        return value
    parts = {part.strip() for part in value.split(",")}
    return parts.pop() if len(parts) == 1 else value


def _pairs(headers: HeadersLike) -> Iterable[tuple[Any, Any]]:
    items = getattr(headers, "items", None)
    if items is not None:
        pairs: Iterable[tuple[Any, Any]] = items()
        return pairs
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"headers must be all headers of the request, as a mapping or as pairs, not {type(headers).__name__}; "
            "to check a signature by itself, use verify_signature()"
        )
    pairs = []
    for pair in headers:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError("headers must be a mapping, or pairs of a name and a value")
        pairs.append((pair[0], pair[1]))
    return pairs


def _name(name: object) -> str:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str):
        return ""
    # A WSGI environ spells X-Webhook-ID as HTTP_X_WEBHOOK_ID.
    return (name[5:].replace("_", "-") if name.startswith("HTTP_") else name).lower()


def _text(value: object, name: str) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError(f"the header {name} is a {type(value).__name__}, not text; pass the headers as they arrived")
    return value
