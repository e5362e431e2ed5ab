"""The key of an event is the same for every delivery of it, and another for every other event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.webhooks import parse_event
from inventpay.webhooks.keys import digest
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
