"""Read the event of a verified body, in either of the two documented shapes.

Nested, what happened stands under ``data`` (docs: webhooks/events); flat, it stands beside the event's name (vendor's
JavaScript README). Both give the same event, and so does a mixture, which one known consumer is prepared for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._core.json_values import is_object, kind, printable
from .._json.converter import read_json, structure
from .._json.unread import warn_unread
from ..errors import DecodeError, EventDecodeError
from .events import KNOWN_EVENTS, PaymentTestEvent, UnknownEvent, WebhookEvent, payment_id_of, withdrawal_id_of

MOST_VALUES: Final = 20_000
"""assumed: most values in a body. Documented bodies have under thirty; far larger ones take long to decode."""

_ENVELOPE: Final = ("event", "timestamp", "test")
"""Members of the delivery, not of the event: at the top in both shapes."""

_OTHER_NAMES: Final = (
    ("transactionHash", "txHash"),
    ("failureReason", "errorMessage"),
    ("failureReason", "error"),
    ("withdrawalId", "id"),
)
"""Members that some source calls by another name."""

_OF_METADATA: Final = ("netAmount", "confirmations")
"""Members of a withdrawal that the documentation puts into its ``metadata``."""


def decode_event(body: bytes, *, delivery_id: str | None = None) -> WebhookEvent:
    """Return the event of a body with a checked signature. Raises EventDecodeError, which names the JSON path."""
    try:
        event = _event(_document(body))
    except DecodeError as error:
        raise EventDecodeError(error.message, json_path=error.json_path, body=body) from None
    if event.unread:
        warn_unread(f"{printable(event.event)} events", event.unread)
    # From the headers, never from the body.
    object.__setattr__(event, "delivery_id", delivery_id)
    return event


def read_event(document: object) -> WebhookEvent:
    """Return the event of a parsed document that needs no verification: text of ``to_json``, or a body of the API.

    Raises DecodeError.
    """
    if not is_object(document):
        raise DecodeError(f"$ is {kind(document)}, not an object", json_path="$")
    event = _event(document)
    for name, attribute in (("deliveryId", "delivery_id"), ("key", "_key")):
        value = document.get(name)
        if isinstance(value, str):
            object.__setattr__(event, attribute, value)
    return event


def _document(body: bytes) -> dict[str, Any]:
    document = read_json(body, what="the event", most_values=MOST_VALUES)
    if not is_object(document):
        raise DecodeError(f"$ is {kind(document)}, not an object", json_path="$")
    return document


def _event(document: dict[str, Any]) -> WebhookEvent:
    name = _name(document)
    path, members, data = "$", document, document.get("data")
    moved: dict[str, str] = {}
    if is_object(data):
        path, members = "$.data", dict(data)
        # Top-level members are used if `data` has no such member; those of the delivery are always used.
        for member, value in document.items():
            if member != "data" and (members.get(member) is None or (member in _ENVELOPE and value is not None)):
                members[member] = value
                moved[member] = f"$.{member}"
    elif data is None:
        members = dict(document)
    else:
        raise DecodeError(f"$.data is {kind(data)}, not an object", json_path="$.data")

    # Anything but false, null and absence, in either place, is a test: no coin may have moved.
    outer, inner = document.get("test"), data.get("test") if data is not None else None
    if outer is not None or inner is not None:
        members["test"] = _is_test(outer) or _is_test(inner)
    model = KNOWN_EVENTS.get(name, UnknownEvent)
    if model is UnknownEvent:
        # A new event must not break a deployed merchant, whatever its members.
        ids = {member: members[member] for member in ("paymentId", "withdrawalId") if type(members.get(member)) is str}
        members = {**ids, **{member: members[member] for member in _ENVELOPE if member in members}}
    else:
        _rename(members, path, moved)
    event = structure(model, members, path=path, raw=document, moved=moved)
    if model not in (UnknownEvent, PaymentTestEvent):
        _check_ids(event, path, moved)
    return event


def _check_ids(event: WebhookEvent, path: str, moved: Mapping[str, str]) -> None:
    # All events with an empty id would be taken for one.
    for value, member in ((payment_id_of(event), "paymentId"), (withdrawal_id_of(event), "withdrawalId")):
        if value is not None and not value.strip():
            place = moved.get(member, f"{path}.{member}")
            raise DecodeError(f"{place} is empty; it must be an id", json_path=place)


def _is_test(flag: object) -> bool:
    return flag is not None and flag is not False


def _name(document: Mapping[str, Any]) -> str:
    name = document.get("event")
    if isinstance(name, str) and name:
        return name
    problem = "is missing" if "event" not in document else f"is {'empty' if name == '' else kind(name)}"
    raise DecodeError(f"$.event {problem}; it must be the name of an event", json_path="$.event")


def _rename(members: dict[str, Any], path: str, moved: dict[str, str]) -> None:
    """Put members with several documented names or places under one name."""
    for name, other in _OTHER_NAMES:
        if other in members and members.get(name) is None:
            members[name] = members[other]
            moved[name] = f"{path}.{other}"
    metadata = members.get("metadata")
    if is_object(metadata):
        for name in _OF_METADATA:
            if name in metadata and members.get(name) is None:
                members[name] = metadata[name]
                moved[name] = f"{path}.metadata.{name}"
    # No source says whether this is a flag or the name of the coin.
    if type(members.get("currencySelected")) is str:
        members["currencySelected"] = members["currencySelected"] != ""
