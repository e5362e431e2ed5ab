"""The bytes in which a store keeps a delivery that is handled after its answer."""

from __future__ import annotations

import json
from typing import Any

from .bodies import decode_event
from .events import WebhookEvent


def packed(event: WebhookEvent, body: bytes, *, believe: bool) -> bytes:
    """Return the bytes to store: a line of JSON with the delivery's id, and the body as it was signed."""
    head: dict[str, Any] = {"delivery_id": event.delivery_id}
    if believe:
        head["believe"] = True
    return json.dumps(head).encode() + b"\n" + body


def unpacked(stored: bytes) -> tuple[WebhookEvent, bytes, bool]:
    """Return the event, its body and ``believe`` of stored bytes. Raises EventDecodeError."""
    line, _, body = stored.partition(b"\n")
    head: dict[str, Any] = json.loads(line) or {}
    return decode_event(body, delivery_id=head.get("delivery_id")), body, head.get("believe", False)
