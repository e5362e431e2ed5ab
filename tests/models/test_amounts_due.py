"""Missing and excess amounts are exact, and unknown where an amount is."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from attrs import frozen

from inventpay.models.amounts_due import AmountsDue


@frozen
class Due(AmountsDue):
    """A received and a required amount."""

    received: Decimal | None
    required: Decimal | None

    def _amounts(self) -> tuple[Decimal | None, Decimal | None]:
        return self.received, self.required


def due(received: str | None, required: str | None) -> Due:
    """Both amounts, from text."""
    return Due(*(None if text is None else Decimal(text) for text in (received, required)))


@pytest.mark.parametrize(
    ("received", "required", "remaining", "overpaid", "is_underpaid", "is_overpaid"),
    [
        ("0", "10", "10", "0", False, False),
        ("4", "10", "6", "0", True, False),
        ("10", "10", "0", "0", False, False),
        ("12", "10", "0", "2", False, True),
        ("9.99999999", "10", "1E-8", "0", False, False),
        ("9.999999989", "10", "1.1E-8", "0", True, False),
        ("10.00000001", "10", "0", "1E-8", False, False),
        ("10.000000011", "10", "0", "1.1E-8", False, True),
    ],
)
def test_amounts_due(
    received: str, required: str, remaining: str, overpaid: str, is_underpaid: bool, is_overpaid: bool
) -> None:
    """One unit of the eighth place is no difference, and nothing received is nothing underpaid."""
    with decimal.localcontext(decimal.Context(prec=1)):
        amounts = due(received, required)
        assert amounts.remaining_amount == Decimal(remaining)
        assert amounts.overpaid_amount == Decimal(overpaid)
        assert amounts.is_underpaid is is_underpaid
        assert amounts.is_overpaid is is_overpaid


@pytest.mark.parametrize(("received", "required"), [(None, "1"), ("1", None), (None, None)])
def test_where_an_amount_is_unknown_nothing_is_due(received: str | None, required: str | None) -> None:
    """No amount is taken for 0."""
    amounts = due(received, required)
    found = (amounts.remaining_amount, amounts.overpaid_amount, amounts.is_underpaid, amounts.is_overpaid)
    assert found == (None, None, None, None)
