"""Amounts are exact, and invalid ones are refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox.assumptions import PRICES
from inventpay.sandbox.merchant import money
from inventpay.sandbox.merchant.coins import AMOUNT_CURRENCIES, COINS

amounts = st.decimals(min_value=Decimal("1E-30"), max_value=Decimal("9E29"), allow_nan=False, places=30)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (True, "Must be a number"),
        ("5", "Must be a number"),
        (None, "Must be a number"),
        (Decimal("NaN"), "finite"),
        (Decimal("Infinity"), "finite"),
        (0, "greater than 0"),
        (Decimal("-0.0"), "greater than 0"),
        (-3, "greater than 0"),
        (Decimal("1E30"), "30 digits"),
        (Decimal("1E999999999"), "30 digits"),
        (Decimal("1E-31"), "30 digits"),
        (Decimal("1E-999999999"), "30 digits"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_reason(value: object, complaint: str) -> None:
    """Anything but a positive number of at most 30 digits on either side is a ValueError that names the rule."""
    with pytest.raises(ValueError, match=complaint):
        money.positive(value)


@pytest.mark.parametrize("value", [1, Decimal("1E29"), Decimal("1E-30"), Decimal("29.99")])
def test_amounts_up_to_the_limits_are_kept_exactly(value: int | Decimal) -> None:
    """A permitted amount comes back equal to what was given."""
    assert money.positive(value) == value


def test_python_amounts_may_be_text_but_not_float() -> None:
    """Text is read as a decimal; unreadable text and floats are refused with a reason."""
    assert money.from_python("29.990") == Decimal("29.99")
    with pytest.raises(ValueError, match="'lots'"):
        money.from_python("lots")
    with pytest.raises(ValueError, match="a float is not exact"):
        money.from_python(0.1)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E-8", "0.00000001"), ("29.900", "29.9"), ("100", "100"), ("3E+2", "300"), ("0E-18", "0"), ("0", "0")],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    """Amounts are written the way a person would write them."""
    assert money.plain(Decimal(value)) == text


@given(amounts)
def test_plain_text_reads_back_as_the_same_amount(amount: Decimal) -> None:
    """Writing an amount loses nothing."""
    assert Decimal(money.plain(amount)) == amount


@given(amounts, st.sampled_from(AMOUNT_CURRENCIES), st.sampled_from(sorted(COINS)))
def test_conversion_never_asks_for_less_and_for_less_than_one_unit_more(
    amount: Decimal, currency: str, code: str
) -> None:
    """A converted amount is worth at least what was asked, and one smallest unit less would not be."""
    coin = COINS[code]
    converted = coin.converted(amount, currency)
    unit = Decimal((0, (1,), -coin.scale))
    worth = money.multiply(amount, PRICES[currency])
    assert money.decimal_places(converted) <= coin.scale
    assert money.multiply(converted, coin.price) >= worth
    assert money.multiply(money.subtract(converted, unit), coin.price) < worth


def test_rounding_goes_away_from_zero_for_fees_and_towards_zero_for_halves() -> None:
    """Fees are rounded up and halves down to the decimal places of the coin."""
    assert money.round_up(Decimal("0.0000000101"), 8) == Decimal("0.00000002")
    assert money.half(Decimal("0.00000003"), 8) == Decimal("0.00000001")
