"""Read the sources of a replay."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from .._core.json_values import shown
from .._json.converter import write_json
from ..errors import InvalidArgumentError
from ..models.webhooks import WebhookDelivery
from .answers import WebhookAnswer
from .bodies import decode_event
from .events import WebhookEvent
from .seen import DeadLetter


@frozen(kw_only=True)
class Replay:
    """A body to handle again."""

    event: WebhookEvent
    body: bytes
    believe: bool = False
    """Whether a contradiction is ignored, since a person has looked at it."""
    letter_id: str = ""

    def is_done(self, answer: WebhookAnswer) -> bool:
        """Return whether a dead letter is no longer needed."""
        return bool(self.letter_id) and answer.outcome in ("handled", "accepted", "duplicate")


def read_replay(source: str | os.PathLike[str] | bytes | DeadLetter | WebhookDelivery) -> Replay:
    """Return the event of a file, of bytes, of a dead letter, or of a delivery of the API's log.

    Raises OSError, EventDecodeError, and InvalidArgumentError for a delivery without a payload.
    """
    if isinstance(source, DeadLetter):
        event = decode_event(source.body, delivery_id=source.delivery_id)
        return Replay(event=event, body=source.body, believe=True, letter_id=source.id)
    if isinstance(source, WebhookDelivery):
        body = payload_of(source)
        return Replay(event=decode_event(body, delivery_id=source.id or None), body=body)
    body = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else Path(source).read_bytes()
    return Replay(event=decode_event(body), body=body)


def payload_of(delivery: WebhookDelivery) -> bytes:
    """Return the body that was sent. Raises InvalidArgumentError for a delivery without one."""
    if delivery.payload is None:
        raise InvalidArgumentError(
            f"delivery {delivery.id} has no payload; fetch it with client.webhooks.delivery({delivery.id!r})",
            argument="source",
        )
    if isinstance(delivery.payload, str):
        # Half a surrogate pair, which JSON can hold and UTF-8 cannot, is replaced.
        return delivery.payload.encode(errors="replace")
    try:
        return write_json(delivery.payload)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"delivery {delivery.id} has a payload that is no JSON: {shown(delivery.payload)}", argument="source"
        ) from None
