"""The key of an event is the same for every delivery of it, and another for every other event."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._json.converter import read_json
from inventpay.webhooks import parse_event
from inventpay.webhooks.keys import EventKeys, content_keys, digest, named_keys, order_key, paid_keys, payment_key
from tests.support.deliveries import NOON, SECRET, flat, nested, signed


def key(body: bytes) -> str:
    """The key of a genuine delivery."""
    return parse_event(body, signed(body), SECRET, received_at=NOON).key


def test_the_timestamp_does_not_count_in_either_shape() -> None:
    """A delivery that is repeated with a new timestamp, and so a new signature, is the same event."""
    for shape in (flat, nested):
        first = key(shape(amount=1, timestamp="2024-01-01T12:00:00Z"))
        assert key(shape(amount=1, timestamp="2024-01-01T12:00:05Z")) == first
        assert key(shape(amount=1)) == first
    inside = nested(amount=1)[:-2] + b',"timestamp":"2024-01-01T12:00:07Z"}}'
    assert key(inside) == key(nested(amount=1))


def test_the_shape_and_the_order_do_not_count() -> None:
    """A sender that changes its layout between two deliveries has not made a new event of it."""
    bodies = (
        flat(amount=1.5, test=False),
        nested(amount=1.5, test=False),
        b'{ "test": false, "amount": 1.5, "paymentId": "cmh1", "event": "payment.completed" }',
    )
    assert len({key(body) for body in bodies}) == 1


@pytest.mark.parametrize(
    "other",
    [
        flat("payment.confirmed", amount=1),
        flat(payment_id="cmh2", amount=1),
        flat(amount=2),
        flat(amount=1.1),
        flat(amount=1, test=True),
        flat(amount=1, note="timestamp"),
        flat(amount=1, inner={"timestamp": 1}),
        nested(amount=1, inner={"timestamp": 2}),
    ],
)
def test_everything_else_counts(other: bytes) -> None:
    """Name, ids, amounts, unknown members, and what is merely called a timestamp deeper inside."""
    assert key(other) != key(flat(amount=1))


def test_a_name_that_stands_on_both_levels_hides_nothing() -> None:
    """Bodies that differ in one of the two are two events."""
    bodies = [b'{"event":"x","id":%d,"data":{"id":%d}}' % pair for pair in ((1, 1), (1, 2), (2, 1), (2, 2))]
    assert len({key(body) for body in bodies}) == 4


def test_every_test_is_a_new_one() -> None:
    """Two test events with equal bodies are two events; repeated deliveries of one are duplicates."""
    first, second = (flat("payment.test", timestamp=f"2024-01-01T12:00:0{second}Z") for second in (1, 2))
    assert key(first) != key(second)
    assert key(first) == key(nested("payment.test", timestamp="2024-01-01T12:00:01Z"))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _values, max_size=5), _values, _values)
def test_any_object_has_a_key_that_ignores_its_timestamp(
    members: dict[str, object], one: object, other: object
) -> None:
    """Any JSON object, with or without `data`, has a digest of 64 hexadecimal digits."""
    members.pop("timestamp", None)
    members["event"] = "payment.completed"
    expected = digest(members)
    assert len(expected) == 64
    assert digest({**members, "timestamp": one}) == digest({"timestamp": other, **members}) == expected


def sha(*parts: object) -> str:
    """The SHA-256 of a JSON array, by other means than the package's."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def keys(delivery_id: str | None = None, **members: Any) -> EventKeys:
    """The keys of a genuine event that may happen again with the same content."""
    body = flat("payment.underpaid", **members)
    headers = signed(body) if delivery_id is None else signed(body, X_Webhook_ID=delivery_id)
    return content_keys(parse_event(body, headers, SECRET, received_at=NOON))


FIRST, SECOND = "2024-01-01T12:00:01Z", "2024-01-01T12:00:02Z"


def claimed_twice(first: EventKeys, second: EventKeys) -> bool:
    """Whether the second finds a key that the first one has left in the store."""
    return bool({*first.claims, *first.notes, *first.aliases} & set(second.claims))


def test_equal_content_is_the_same_event_unless_time_and_id_are_new() -> None:
    """An id alone is not signed, and a time alone is what a retry changes; without one of them content decides."""
    event = keys("d1", timestamp=FIRST)
    assert claimed_twice(event, keys("d1", timestamp=FIRST))
    assert claimed_twice(event, keys("d1", timestamp=SECOND))
    assert claimed_twice(event, keys("d2", timestamp=FIRST))
    assert not claimed_twice(event, keys("d2", timestamp=SECOND))
    for part in (keys(), keys("d2"), keys(timestamp=SECOND)):
        assert claimed_twice(event, part)
    for part in (keys(), keys("d1"), keys(timestamp=FIRST)):
        assert claimed_twice(part, keys())
        assert claimed_twice(part, keys("d2"))
        assert claimed_twice(part, keys(timestamp=SECOND))
    assert claimed_twice(keys("d1"), keys("d1", timestamp=SECOND))
    assert claimed_twice(keys(timestamp=FIRST), keys("d9", timestamp=FIRST))


def test_other_content_is_another_event_whatever_its_id_and_time() -> None:
    """A forged id or an equal time cannot make one event stand for another."""
    for delivery_id in (None, "d1"):
        for members in ({}, {"timestamp": FIRST}):
            first = keys(delivery_id, **members)
            second = keys(delivery_id, payment_id="cmh2", **members)
            assert not {*first.claims, *first.notes, *first.aliases} & {*second.claims, *second.notes, *second.aliases}


def test_stored_keys_of_content_stay_as_they_are() -> None:
    """A store of an earlier version recognizes what it has handled."""
    content = parse_event(body := flat("payment.underpaid"), signed(body), SECRET, received_at=NOON).key
    whole, stamp = f"event:{content}", "at:" + sha(content, "2024-01-01T12:00:01+00:00")
    delivery = "delivery:" + sha(content, "d1")
    assert keys() == EventKeys((whole,))
    assert keys("d1") == EventKeys((whole, delivery))
    assert keys(timestamp=FIRST) == EventKeys((whole,), (), (stamp,))
    assert keys("d1", timestamp=FIRST) == EventKeys((stamp, delivery), (whole,), (stamp,))


@pytest.mark.parametrize("test", [True, False])
def test_a_payment_is_paid_once_under_either_name(test: bool) -> None:
    """``on_paid`` claims the payment and the name, notes the other name, and claims the order where there is one."""
    confirmed, completed = (f"name:{sha(f'payment.{name}', 'p1', test)}" for name in ("confirmed", "completed"))
    paid, order = f"payment:{sha('+', 'p1', test)}", f"order:{sha('o1', test)}"
    assert paid_keys("payment.confirmed", "p1", test=test) == EventKeys((paid, confirmed), (completed,))
    assert paid_keys("payment.completed", "p1", test=test) == EventKeys((paid, completed), (confirmed,))
    with_order = paid_keys("payment.completed", "p1", test=test, order_id="o1")
    assert with_order == EventKeys((order, paid, completed), (confirmed,))
    assert order_key("o1", test=test) == order
    assert payment_key("+", "p1", test=test) == paid
    assert named_keys("payment.confirmed", "p1", test=test) == EventKeys((confirmed,))
    assert named_keys("payment.completed", "p1", test=test) == EventKeys((completed,), (paid,))


def test_stored_digests_stay_as_they_are() -> None:
    """A digest is that of the members by name, in compact JSON, with every amount in its own digits."""
    body = b'{"event":"x","data":{"b":1.10,"a":"\xc3\xa9","timestamp":1},"timestamp":2}'
    assert digest(read_json(body)) == hashlib.sha256(b'{"a":"\\u00e9","b":"1.10","event":"x"}').hexdigest()
    clash = {"event": "x", "data": {"event": "y"}}
    assert digest(clash) == hashlib.sha256(b'{"data":{"event":"y"},"event":"x"}').hexdigest()
    test = {"event": "payment.test", "data": {"id": 1, "timestamp": 3}}
    assert digest(test) == hashlib.sha256(b'{"event":"payment.test","id":1,"timestamp":3}').hexdigest()
    outside = {**test, "timestamp": 4}
    assert digest(outside) == hashlib.sha256(b'{"event":"payment.test","id":1,"timestamp":4}').hexdigest()
    assert digest({"event": "x", "data": [1]}) == hashlib.sha256(b'{"data":[1],"event":"x"}').hexdigest()
