"""Keys of events: two deliveries with a common key are the same event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from .._core.json_values import is_object

if TYPE_CHECKING:
    from .events import WebhookEvent

TEST_EVENT: Final = "payment.test"
CONFIRMED: Final = "payment.confirmed"
COMPLETED: Final = "payment.completed"
PAID_NAMES: Final = (CONFIRMED, COMPLETED)


@frozen
class EventKeys:
    """Keys to claim, keys to note beside them, and further keys of the same event: see ``SeenStore.claim``."""

    claims: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a body without its timestamps, members in order of their names.

    A delivery that is repeated may carry the same bytes, or a new timestamp and a new signature. Timestamps stand at
    the top of a nested or flat body, or in the ``data`` of a nested one, and both shapes of an event have one digest.
    Test events are equal in everything but their timestamp, and each is a new event: for them it is included.

    >>> digest({"event": "a", "id": 1, "timestamp": 2}) == digest({"event": "a", "timestamp": 3, "data": {"id": 1}})
    True
    """
    members = dict(document)
    data = document.get("data")
    if is_object(data):
        facts = {name: value for name, value in data.items() if name != "timestamp"}
        del members["data"]
        # Where both levels have a member of the same name, neither may hide the other.
        members |= {"data": facts} if members.keys() & facts.keys() else facts
        members.setdefault("timestamp", data.get("timestamp"))
    if document.get("event") != TEST_EVENT:
        members.pop("timestamp", None)
    return hashlib.sha256(_encode(members).encode()).hexdigest()


def _decimal(value: Decimal) -> str:
    return str(value)


_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_decimal).encode


def content_keys(event: WebhookEvent) -> EventKeys:
    """Return the keys of an event that may happen again with the same content, such as ``payment.underpaid``.

    Equal content is the same event unless both the signed timestamp and the delivery id are new. An id alone is not
    signed, and a timestamp alone is what a retry may change. Content alone decides where one of them is missing. Every
    key includes the content, so a forged id cannot stand for another event.
    """
    content = event.key
    whole = f"event:{content}"
    stamp = None if event.timestamp is None else "at:" + _hash_pair(content, event.timestamp.isoformat())
    delivery = None if event.delivery_id is None else "delivery:" + _hash_pair(content, event.delivery_id)
    if stamp is None:
        return EventKeys((whole,) if delivery is None else (whole, delivery))
    if delivery is None:
        return EventKeys((whole,), aliases=(stamp,))
    return EventKeys((stamp, delivery), (whole,), (stamp,))


def paid_keys(name: str, payment_id: str, *, test: bool, order_id: str | None = None) -> EventKeys:
    """Return the keys of ``on_paid``: the payment once, and both names noted as handled with it.

    With ``order_id`` the order is claimed too, so that a second payment of it is no new one.
    """
    order = () if order_id is None else (order_key(order_id, test=test),)
    names = tuple(name_key(each, payment_id, test=test) for each in PAID_NAMES if each != name)
    return EventKeys((*order, payment_key("+", payment_id, test=test), name_key(name, payment_id, test=test)), names)


def named_keys(name: str, payment_id: str, *, test: bool) -> EventKeys:
    """Return the keys of a handler of ``payment.confirmed`` or ``payment.completed`` by name.

    Both names are separate events. ``payment.completed`` notes the payment as fulfilled, for a later ``on_paid``.
    """
    notes = (payment_key("+", payment_id, test=test),) if name == COMPLETED else ()
    return EventKeys((name_key(name, payment_id, test=test),), notes)


def name_key(name: str, payment_id: str, *, test: bool) -> str:
    """Return the key of one event name of one payment."""
    return f"name:{_hash([name, payment_id, test])}"


def payment_key(folded: str, payment_id: str, *, test: bool) -> str:
    """Return the key of a payment, for all the events that are folded into one; ``"+"`` for those of ``on_paid``."""
    return f"payment:{_hash([folded, payment_id, test])}"


def order_key(order_id: str, *, test: bool) -> str:
    """Return the key of an order."""
    return f"order:{_hash([order_id, test])}"


def _hash_pair(first: str, second: str) -> str:
    """Return the SHA-256 of two texts as a JSON array."""
    text = f"[{encode_basestring_ascii(first)}, {encode_basestring_ascii(second)}]"
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(parts: list[str | bool]) -> str:
    """Return the SHA-256 of the parts as a JSON array."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
