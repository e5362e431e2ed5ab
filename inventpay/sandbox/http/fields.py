"""Read the members of a JSON request, and report all problems together, under their members' names."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal

from ..._api import bounds
from .. import assumptions
from ..errors import invalid
from ..merchant import money
from ..merchant.coins import AMOUNT_CURRENCIES, ANY_COIN, COINS, Coin
from ..merchant.payments import NewPayment
from ..merchant.withdrawals import NewWithdrawal
from . import urls

# Documented (pages create-payment and create-invoice).
PAYMENT_EXPIRATION_MINUTES = 30
INVOICE_EXPIRATION_MINUTES = 60

_MAX_CONFIRMATIONS = 1_000_000


def new_payment(body: object) -> NewPayment:
    """Return the request of POST /v1/create_payment. Raises 400 with all invalid members."""
    fields = Fields(body)
    currency = fields.required_choice("currency", (*COINS, ANY_COIN))
    return _new_payment(fields, COINS.get(currency), AMOUNT_CURRENCIES, PAYMENT_EXPIRATION_MINUTES)


def new_invoice(body: object) -> NewPayment:
    """Return the request of POST /v1/create_invoice. Raises 400 with all invalid members."""
    return _new_payment(Fields(body), None, assumptions.INVOICE_AMOUNT_CURRENCIES, INVOICE_EXPIRATION_MINUTES)


def _new_payment(
    fields: Fields, coin: Coin | None, amount_currencies: Collection[str], default_minutes: int
) -> NewPayment:
    new = NewPayment(
        amount=fields.required_amount("amount"),
        amount_currency=fields.choice("amountCurrency", amount_currencies) or assumptions.DEFAULT_AMOUNT_CURRENCY,
        coin=coin,
        lifetime=60.0 * fields.whole("expirationMinutes", *bounds.EXPIRATION_MINUTES, default_minutes),
        order_id=fields.text("orderId", bounds.ORDER_ID_LENGTH),
        description=fields.text("description", bounds.DESCRIPTION_LENGTH),
        callback_url=fields.callback_url("callbackUrl"),
    )
    fields.check()
    return new


def new_withdrawal(body: object) -> NewWithdrawal:
    """Return the request of POST /v1/merchant/withdrawal/create. Raises 400 with all invalid members."""
    fields = Fields(body)
    amount = fields.required_amount("amount")
    currency = fields.required_choice("currency", COINS)
    address = fields.address("destinationAddress", COINS.get(currency))
    description = fields.text("description", bounds.DESCRIPTION_LENGTH)
    fields.check()
    return NewWithdrawal(amount=amount, coin=COINS[currency], destination_address=address, description=description)


def coin(code: str) -> Coin:
    """Return the coin with that code; raise the documented 400 for any other (page get-balance-by-currency)."""
    if code not in COINS:
        raise invalid({"currency": f"Must be one of: {', '.join(COINS)}"})
    return COINS[code]


class Fields:
    """The members of one JSON object; null counts as absent.

    A reader that refuses its member returns a neutral value. It is never used: ``check`` raises first.
    """

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict):
            raise invalid({"body": "The request body must be a JSON object"})
        self._members: dict[object, object] = body
        self._problems: dict[str, str] = {}

    def check(self) -> None:
        """Raise 400 if any member was refused."""
        if self._problems:
            raise invalid(self._problems)

    def required_amount(self, name: str) -> Decimal:
        """Return an amount, which must not be absent."""
        self._require(name)
        return self.amount(name) or money.ZERO

    def amount(self, name: str) -> Decimal | None:
        """Return an amount, or None if it is absent."""
        value = self._members.get(name)
        if value is None:
            return None
        try:
            return self._read_amount(value)
        except ValueError as error:
            self._problems[name] = str(error)
            return None

    def _read_amount(self, value: object) -> Decimal:
        return money.positive(value)

    def required_choice(self, name: str, allowed: Collection[str]) -> str:
        """Return one of the allowed texts, which must not be absent."""
        self._require(name)
        return self.choice(name, allowed) or ""

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return one of the allowed texts, or None if it is absent."""
        value = self._members.get(name)
        if isinstance(value, str) and value in allowed:
            return value
        if value is not None:
            self._problems[name] = f"Must be one of: {', '.join(allowed)}"
        return None

    def text(self, name: str, max_length: int) -> str | None:
        """Return text of at most ``max_length`` characters, or None if it is absent."""
        value = self._members.get(name)
        if value is None or (isinstance(value, str) and len(value) <= max_length):
            return value
        self._problems[name] = f"Must be a string of at most {max_length} characters"
        return None

    def whole(self, name: str, lowest: int, highest: int, default: int) -> int:
        """Return a whole number between the bounds, or the default if it is absent."""
        value = self._members.get(name)
        if value is None:
            return default
        # The range comes before `int`, which would write out 1e999999999.
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, Decimal))
            or not lowest <= value <= highest
            or value != int(value)
        ):
            self._problems[name] = f"Must be a whole number from {lowest} to {highest}"
            return default
        return int(value)

    def confirmations(self, name: str) -> int | None:
        """Return a number of confirmations, or None if it is absent."""
        return None if self._members.get(name) is None else self.whole(name, 0, _MAX_CONFIRMATIONS, 0)

    def callback_url(self, name: str) -> str | None:
        """Return a URL to which events may be delivered, or None if it is absent."""
        value = self.text(name, bounds.URL_LENGTH)
        if value is not None and not urls.is_callback(value):
            self._problems[name] = "Must be an https URL (plain http is accepted for a loopback host only)"
        return value

    def address(self, name: str, coin: Coin | None) -> str:
        """Return an address of the coin, which must not be absent."""
        self._require(name)
        value = self.text(name, assumptions.MAX_ADDRESS_LENGTH)
        # The valid form depends on the coin; if the coin is invalid, report only the coin.
        if value is not None and coin is not None and not _is_address(value, coin):
            self._problems[name] = f"Must be an address of {coin.code}"
        return value or ""

    def _require(self, name: str) -> None:
        if self._members.get(name) is None:
            self._problems[name] = "Is required"


def _is_address(value: str, coin: Coin) -> bool:
    if len(value) < assumptions.MIN_ADDRESS_LENGTH:
        return False
    if coin.is_evm:
        return re.fullmatch(r"0x[0-9a-fA-F]+", value) is not None
    return re.fullmatch(r"[0-9A-Za-z]+", value) is not None and not value.startswith("0x")
