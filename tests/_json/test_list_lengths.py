"""Lists and objects that are longer than any of this API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventpay import DecodeError
from inventpay._api.balances import read_balances
from inventpay._api.pagination import read_page
from inventpay._json.bounds import MAX_ITEMS
from inventpay._json.converter import MAX_ODD, read_json, structure
from inventpay.models import Invoice

INVOICE = {"paymentId": "cmh1", "baseAmount": 1, "baseCurrency": "USD"}


def rows(number: int) -> object:
    """Return a page with a number of rows."""
    return {"success": True, "data": {"products": [{"id": str(each)} for each in range(number)]}}


def test_the_rows_of_a_page_are_bounded() -> None:
    """The longest page is read, and a longer one refused with its length."""
    page = read_page(rows(MAX_ITEMS), "products", lambda row, path: row["id"], number=1, limit=None)
    assert len(page.items) == MAX_ITEMS
    with pytest.raises(DecodeError, match=r"\$\.data\.products has 1,001 elements; at most 1,000 are read"):
        read_page(rows(MAX_ITEMS + 1), "products", lambda row, path: row["id"], number=1, limit=None)


@pytest.mark.parametrize("nested", [True, False])
def test_balances_have_as_many(nested: bool) -> None:
    """The bound holds for both documented forms."""
    names = [f"C{number}" for number in range(MAX_ITEMS + 1)]
    held: object = {"balances": [{"currency": name} for name in names]} if nested else {name: {} for name in names}
    with pytest.raises(DecodeError, match="has 1,001 elements"):
        read_balances({"success": True, "data": {"balances": held}})


@pytest.mark.parametrize("odd", [False, True])
def test_a_member_that_is_too_long_is_unread(odd: bool) -> None:
    """Decoration that is too long does no harm, by either reader."""
    rates = {f"C{number}": {"price": "1", "cryptoAmount": "1"} for number in range(MAX_ITEMS + 1)}
    coins = ["BTC"] * (MAX_ITEMS + 1)
    data = {**INVOICE, "conversionRates": rates, "availableCurrencies": coins, "expiresAt": [] if odd else None}
    invoice = structure(Invoice, data, path="$.data")
    assert invoice.conversion_rates == {}
    assert invoice.available_currencies == ()
    assert {"$.data.conversionRates", "$.data.availableCurrencies"} <= set(invoice.unread)


def test_a_large_body_that_only_the_slow_reader_reads_is_refused() -> None:
    """Half a surrogate pair is read in a small body, and makes a large one unreadable."""
    assert read_json(b'["\\ud800"]') == ["\ufffd"]
    with pytest.raises(DecodeError, match="cannot be read as JSON"):
        read_json(b'["' + b"x" * MAX_ODD + b'\\ud800"]')


def test_a_long_number_in_a_large_body_is_no_number() -> None:
    """In a body of a mebibyte it is exact, and in a larger one it harms nothing else."""
    long = "0." + "7" * 100
    small, large = (b'{"a":"' + b"x" * size + b'","b":' + long.encode() + b',"c":1.5}' for size in (10, MAX_ODD))
    assert read_json(small)["b"] == Decimal(long)
    found = read_json(large)
    assert found["b"].is_nan()
    assert found["c"] == Decimal("1.5")
