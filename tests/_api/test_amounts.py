"""Money is exact both ways, and nothing that could not be meant exactly is sent."""

from __future__ import annotations

import decimal
import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api.amounts import Amount, read_amount
from inventpay._core.decimals import decode_money, plain, read_number, subtract
from inventpay._json.converter import read_json, write_json
from inventpay.errors import InvalidArgumentError

HOSTILE = decimal.Context(prec=5, rounding=decimal.ROUND_UP, Emin=-3, Emax=3, capitals=0, clamp=1)
"""A caller's decimal context in which hardly any operation is exact, and every inexact one raises."""
for signal in HOSTILE.traps:
    HOSTILE.traps[signal] = True


def sized(whole: int, fraction: str) -> Decimal:
    return Decimal(f"{whole}.{fraction}" if fraction else str(whole))


amounts = st.builds(sized, st.integers(0, 10**30 - 1), st.text(alphabet="0123456789", max_size=30)).filter(bool)


class NumpyLike(float):
    """As numpy.float64: a float whose repr and format name its type."""

    def __repr__(self) -> str:
        return f"np.float64({float.__repr__(self)})"

    def __format__(self, spec: str) -> str:
        return "np"


def refusal(value: object, argument: str = "amount") -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        read_amount(value, argument)
    assert caught.value.argument == argument
    assert caught.value.outcome == "not_sent"
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (Decimal("29.99"), "29.99"),
        (Decimal("0.10"), "0.1"),
        (Decimal("10.00000000"), "10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-8"), "0.00000001"),
        (1, "1"),
        (10**30 - 1, "9" * 30),
        ("29.99", "29.99"),
        ("0.10", "0.1"),
        ("007", "7"),
        ("0" * 99 + "1", "1"),
        ("1e3", "1000"),
        ("1E-8", "0.00000001"),
        ("9" * 30 + "." + "9" * 30, "9" * 30 + "." + "9" * 30),
        (29.99, "29.99"),
        (0.1, "0.1"),
        (1e-8, "0.00000001"),
        (1e21, "1" + "0" * 21),
        (123456789012345.0, "123456789012345"),
        (0.123456789012345, "0.123456789012345"),
        (NumpyLike(29.99), "29.99"),
    ],
)
def test_amounts_that_are_meant_exactly_are_read_exactly(given: Amount, read: str) -> None:
    """Every accepted kind of amount goes out as the very number that was given, without trailing zeros."""
    assert plain(read_amount(given)) == read


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (0, "amount=0 must be greater than 0"),
        (0.0, "amount=0.0 must be greater than 0"),
        ("0.00", "amount='0.00' must be greater than 0"),
        (Decimal("-0"), "amount=Decimal('-0') must be greater than 0"),
        (-5, "amount=-5 must be greater than 0"),
        ("-0.01", "amount='-0.01' must be greater than 0"),
        (-1.5, "amount=-1.5 must be greater than 0"),
        (Decimal(-1), "amount=Decimal('-1') must be greater than 0"),
        (Decimal("NaN"), "amount=Decimal('NaN') must be a finite number"),
        (Decimal("sNaN"), "amount=Decimal('sNaN') must be a finite number"),
        (Decimal("Infinity"), "amount=Decimal('Infinity') must be a finite number"),
        (Decimal("-Infinity"), "amount=Decimal('-Infinity') must be a finite number"),
        (math.nan, "amount=nan must be a finite number"),
        (math.inf, "amount=inf must be a finite number"),
        (-math.inf, "amount=-inf must be a finite number"),
        ("NaN", "amount='NaN' must be a plain number such as \"29.99\""),
        ("inf", "amount='inf' must be a plain number such as \"29.99\""),
        ("", "amount='' must be a plain number such as \"29.99\""),
        (" 1", "amount=' 1' must be a plain number such as \"29.99\""),
        ("1 ", "amount='1 ' must be a plain number such as \"29.99\""),
        ("1\n", "amount='1\\n' must be a plain number such as \"29.99\""),
        ("1,5", "amount='1,5' must be a plain number such as \"29.99\""),
        ("1_000", "amount='1_000' must be a plain number such as \"29.99\""),
        ("+1", "amount='+1' must be a plain number such as \"29.99\""),
        (".5", "amount='.5' must be a plain number such as \"29.99\""),
        ("5.", "amount='5.' must be a plain number such as \"29.99\""),
        ("0x10", "amount='0x10' must be a plain number such as \"29.99\""),
        ("$5", "amount='$5' must be a plain number such as \"29.99\""),
        ("٢٩", "amount='٢٩' must be a plain number such as \"29.99\""),
        ("１", "amount='１' must be a plain number such as \"29.99\""),
        ("1" * 101, f'amount=\'{"1" * 56}... must be a plain number such as "29.99"'),
        ("0" * 100 + "1", f'amount=\'{"0" * 56}... must be a plain number such as "29.99"'),
        ("1e9999999999", "amount='1e9999999999' must be a plain number such as \"29.99\""),
        ("1e999999999", "amount='1e999999999' has more than 30 digits before or after the point"),
        ("1e-31", "amount='1e-31' has more than 30 digits before or after the point"),
        (Decimal("1E+30"), "amount=Decimal('1E+30') has more than 30 digits before or after the point"),
        (10**30, "amount has more than 30 digits before the point"),
        (-(10**30), "amount has more than 30 digits before the point"),
        (1e300, "amount=1e+300 has more than 30 digits before or after the point"),
        (True, "amount must be a Decimal, int, str or float, not bool"),
        (False, "amount must be a Decimal, int, str or float, not bool"),
        (None, "amount must be a Decimal, int, str or float, not NoneType"),
        (b"29.99", "amount must be a Decimal, int, str or float, not bytes"),
        (["29.99"], "amount must be a Decimal, int, str or float, not list"),
        (1j, "amount must be a Decimal, int, str or float, not complex"),
        (
            0.1 + 0.2,
            'amount=0.30000000000000004 is a float with a residue of binary arithmetic; use Decimal("0.3") or a str',
        ),
        (
            NumpyLike(1.1 + 2.2),
            "amount=np.float64(3.3000000000000003) is a float with a residue of binary arithmetic; "
            'use Decimal("3.3") or a str',
        ),
    ],
)
def test_what_cannot_be_meant_exactly_is_refused_with_a_reason(given: Any, problem: str) -> None:
    """Every refusal names the argument, shows the value where that helps, and says what is wrong with it."""
    assert refusal(given) == problem


def test_a_refusal_names_the_argument_it_was_asked_about() -> None:
    """The argument's name is the caller's, not always ``amount``."""
    assert refusal(0, "price") == "price=0 must be greater than 0"


def test_a_huge_int_is_refused_without_writing_it_out() -> None:
    """An int beyond Python's own limit for decimal text is refused like any other that is too large."""
    assert refusal(10**5000) == "amount has more than 30 digits before the point"


@given(amounts)
def test_an_amount_goes_out_as_a_plain_json_number_and_comes_back_equal(amount: Decimal) -> None:
    """An amount is written with no exponent, no quotes and no rounding, and reads back as the same Decimal."""
    written = write_json({"amount": read_amount(amount)}).decode()
    text = written.removeprefix('{"amount":').removesuffix("}")
    assert "e" not in text.lower()
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == amount
    assert decode_money(read_json(text.encode())) == amount


@given(amounts)
def test_the_callers_decimal_context_changes_nothing(amount: Decimal) -> None:
    """Precision, traps and flags of the caller's context neither change a digit nor raise, and stay as they were."""
    expected = plain(read_amount(amount))
    with decimal.localcontext(HOSTILE) as context:
        for form in (amount, expected):
            assert plain(read_amount(form)) == expected
        assert plain(decode_money(expected)) == expected
        assert plain(decode_money(read_json(expected.encode()))) == expected
        assert plain(subtract(decode_money(expected), Decimal(0))) == expected
        assert write_json(read_amount(amount)).decode() == expected
        assert not any(context.flags.values())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_goes_out_by_its_shortest_repr_or_not_at_all(number: float) -> None:
    """An accepted float is the number Python prints for it; no other float passes, whatever the decimal context."""
    with decimal.localcontext(HOSTILE):
        try:
            amount = read_amount(number)
        except InvalidArgumentError:
            return
    assert amount == Decimal(repr(number))
    assert float(plain(amount)) == number
    assert len(amount.normalize().as_tuple().digits) <= 15


@given(st.decimals(0, 10**12, places=2).filter(bool))
def test_every_float_of_cents_passes(amount: Decimal) -> None:
    """Prices in cents up to a trillion are accepted as floats, and keep their cents."""
    assert read_amount(float(amount)) == amount


@given(st.text(max_size=20))
def test_text_is_a_positive_number_or_refused(text: str) -> None:
    """Any text gives a positive Decimal or an InvalidArgumentError; nothing else."""
    try:
        amount = read_amount(text)
    except InvalidArgumentError:
        return
    assert amount > 0
    assert amount == Decimal(text)


def test_one_satoshi_is_written_out() -> None:
    """One satoshi is ``0.00000001``, where ``str`` says ``1E-8``."""
    assert str(Decimal("0.00000001")) == "1E-8"
    assert write_json({"amount": read_amount(Decimal("0.00000001"))}) == b'{"amount":0.00000001}'


@pytest.mark.parametrize(
    ("answered", "read"),
    [
        (Decimal("29.99"), "29.99"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-1.5"), "-1.5"),
        (0, "0"),
        (-3, "-3"),
        (10**30 - 1, "9" * 30),
        ("29.99", "29.99"),
        ("-0.5", "-0.5"),
        ("1e-30", "0." + "0" * 29 + "1"),
        ("0" * 99 + "1", "1"),
        ("0" * 1999 + "1", "1"),
        (Decimal("1e400"), "1" + "0" * 400),
        (Decimal("-1e-400"), "-0." + "0" * 399 + "1"),
    ],
)
def test_money_in_answers_is_read_from_numbers_and_text(answered: object, read: str) -> None:
    """Numbers and the text of numbers are money, negative and zero included."""
    assert plain(decode_money(answered)) == read


@pytest.mark.parametrize(
    ("answered", "problem"),
    [
        (None, "is null, not money"),
        (True, "is a boolean, not money"),
        ([], "is a list, not money"),
        ({}, "is an object, not money"),
        ("", "is text that is not a number"),
        ("n/a", "is text that is not a number"),
        ("1,5", "is text that is not a number"),
        ("٢", "is text that is not a number"),
        ("NaN", "is text that is not a number"),
        ("1" * 2001, "is text that is not a number"),
        ("1e999999999", "is a number with an exponent beyond 400"),
        (Decimal("1e401"), "is a number with an exponent beyond 400"),
        (Decimal("1e-401"), "is a number with an exponent beyond 400"),
        (Decimal("NaN"), "is a number with an exponent beyond 400"),
        (Decimal("-Infinity"), "is a number with an exponent beyond 400"),
        (10**401, "is a number with an exponent beyond 400"),
        (-(10**401), "is a number with an exponent beyond 400"),
        (-(10**4000), "is a number with an exponent beyond 400"),
    ],
)
def test_what_is_no_money_is_refused_in_words(answered: object, problem: str) -> None:
    """Everything else in the place of money says what it is, and is never read as 0."""
    with pytest.raises(ValueError, match=r"^is ") as caught:
        decode_money(answered)
    assert str(caught.value) == problem


@given(amounts, amounts)
def test_differences_are_exact(minuend: Decimal, subtrahend: Decimal) -> None:
    """A difference of two amounts loses no digit in a context that would round it."""
    with decimal.localcontext(HOSTILE):
        difference = subtract(minuend, subtrahend)
    assert Fraction(difference) == Fraction(minuend) - Fraction(subtrahend)


def test_a_number_of_any_use_is_read_exactly() -> None:
    """Up to 2,000 characters; a longer one is no number, nor is one whose exponent no Decimal can hold."""
    assert read_number("1" * 2000) == int("1" * 2000)
    with decimal.localcontext(HOSTILE) as context:
        context.traps[decimal.InvalidOperation] = False
        assert read_number("1" * 2001).is_nan()
        assert read_number("1e" + "9" * 20).is_nan()
        assert not any(context.flags.values())
