"""A paid event is believed unless its own members contradict it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from inventpay.webhooks import parse_event
from inventpay.webhooks.contradictions import UNDERPAID_TOLERANCE, find_contradiction
from tests.support.deliveries import NOON, SECRET, flat, nested, signed


def reason(body: bytes, **options: Any) -> str | None:
    """Return the contradiction of a genuine delivery."""
    return find_contradiction(parse_event(body, signed(body), SECRET, received_at=NOON), **options)


@pytest.mark.parametrize("shape", [flat, nested])
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"status": "COMPLETED", "test": False}, None),
        ({"status": "PENDING"}, None),
        ({"status": "EXPIRED"}, "its status is 'EXPIRED'"),
        ({"status": "FAILED"}, "its status is 'FAILED'"),
        ({"status": "CANCELLED"}, "its status is 'CANCELLED'"),
        ({"status": " underpaid "}, "its status is ' underpaid '"),
        ({"test": True}, None),
        ({"test": None, "status": None}, None),
        ({"test": "false"}, "its test flag is 'false', not a boolean"),
        ({"test": 0}, "its test flag is 0, not a boolean"),
        ({"requiredAmount": 100, "currentBalance": 95}, None),
        (
            {"requiredAmount": 100, "currentBalance": "94.999"},
            "it received 94.999 of 100 (currentBalance, requiredAmount)",
        ),
        ({"requiredAmount": 100, "currentBalance": 200}, None),
        ({"requiredAmount": 100}, None),
        ({"currentBalance": 0}, None),
        ({"requiredAmount": None, "currentBalance": 0}, None),
    ],
)
def test_a_paid_event_with_its_members(shape: Any, members: dict[str, Any], expected: str | None) -> None:
    """States of no payment, odd flags and too small a balance contradict, in both shapes and in these words."""
    assert reason(shape(**members)) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"status": 5}, "its status is 5, not text"),
        ({"requiredAmount": True}, "its requiredAmount is True, not an amount"),
        ({"requiredAmount": 1, "currentBalance": "much"}, "its currentBalance is 'much', not an amount"),
    ],
)
def test_members_that_cannot_be_read_contradict(members: dict[str, Any], expected: str) -> None:
    """A state that is no text, and money that is no number, are reasons in themselves."""
    body = flat()
    event = parse_event(body, signed(body), SECRET, received_at=NOON)
    event.raw.update(members)  # type: ignore[attr-defined]
    assert find_contradiction(event) == expected


def test_of_two_places_the_worse_one_counts() -> None:
    """A member may stand outside and inside ``data``; the largest requirement meets the smallest balance."""
    body = (
        b'{"event":"payment.completed","requiredAmount":100,"currentBalance":90,'
        b'"data":{"paymentId":"cmh1","requiredAmount":80,"currentBalance":100}}'
    )
    assert reason(body) == "it received 90 of 100 (currentBalance, requiredAmount)"
    inside = b'{"event":"payment.completed","status":"COMPLETED","data":{"paymentId":"cmh1","status":"EXPIRED"}}'
    assert reason(inside) == "its status is 'EXPIRED'"


def test_the_tolerance_is_a_share_of_the_required_amount() -> None:
    """By default a twentieth may be missing; with a tolerance of 0 nothing may."""
    assert Decimal("0.05") == UNDERPAID_TOLERANCE
    body = flat(requiredAmount=200, currentBalance=191)
    assert reason(body) is None
    assert reason(body, tolerance=Decimal(0)) is not None
    assert reason(body, tolerance=Decimal("0.045")) is None
    assert reason(body, tolerance=Decimal("0.044")) is not None
