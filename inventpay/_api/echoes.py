"""Compare an answer with the request that it claims to answer.

One answer that arrives twice on a connection makes every later answer belong to another call, and a reused idempotency
key replays another request's answer by design. Both look like successes, so members of an answer that echo the request
are compared with it. What the API echoes is assumed from the documented bodies; absent, null and empty members are not
compared. The rules are explained in ``docs/outcomes.md``.
"""

from __future__ import annotations

import contextlib
import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

from attrs import frozen

from .._core.decimals import EXACT, NUMBER, fits
from .._core.json_values import is_object, shown
from .._json.converter import read_json
from ..errors import DecodeError
from . import endpoints
from .call import Call
from .endpoints import Endpoint
from .repeats import path_values

AnswerChecks = Literal["raise", "warn"]
"""The consequence of an amount, currency or order id that contradicts the request: an error, or a warning."""


@frozen
class Contradiction:
    """One member of an answer that contradicts the request."""

    member: str
    """Its JSON name."""
    asked: str
    answered: str
    is_identity: bool
    """Whether it says whose answer this is (an id or an address), so that no setting turns it into a warning."""

    def __str__(self) -> str:
        return f"{self.member} is {shown(self.answered)}, but {shown(self.asked)} was asked for"


class _Asked(NamedTuple):
    """The content of a request: the values in its path, and its body."""

    path: Mapping[str, str]
    body: Mapping[str, Any]


@frozen(kw_only=True)
class Echo:
    """One member that echoes the request."""

    member: str
    """Its JSON name in the answer."""
    asked: Callable[[_Asked], object]
    """Returns the value in the request."""
    agrees: Callable[[Any, Any, _Asked, Mapping[str, Any]], bool]
    """Compares the value in the request with that in the answer; gets both as a whole too."""
    is_identity: bool = False
    within: str | None = None
    """Name of the object in which the member stands where the answer itself has none."""

    def find(self, answer: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the place of the member in the answer, and its value there."""
        value = answer.get(self.member)
        inner = None if self.within is None or _is_comparable(value) else answer.get(self.within)
        return (f"{self.within}.{self.member}", inner.get(self.member)) if is_object(inner) else (self.member, value)


def _same_text(asked: Any, answered: Any, _request: _Asked, _answer: Mapping[str, Any]) -> bool:
    return _text(asked) == _text(answered)


def _same_id(asked: Any, answered: Any, _request: _Asked, _answer: Mapping[str, Any]) -> bool:
    return str(asked) == str(answered)


def _text(value: object) -> str:
    return unicodedata.normalize("NFC", str(value).strip())


def same_coin(asked: str, answered: str, network: object = None) -> bool:
    """Return whether a coin is the asked one, in any case; a coin and its ``network`` are one name.

    >>> same_coin("USDT_BEP20", "USDT", "bep20")
    True
    """
    wanted, found = asked.upper(), answered.strip().upper()
    return wanted == found or (isinstance(network, str) and wanted == f"{found}_{network.strip().upper()}")


def _same_currency(asked: Any, answered: Any, _request: _Asked, answer: Mapping[str, Any]) -> bool:
    # The payer of MULTI still has to pick a coin.
    return str(asked).upper() == "MULTI" or same_coin(str(asked), str(answered), answer.get("network"))


_DOLLARS: Final = frozenset({"USD", "USDT"})
"""Documented variants of one answer: a request in USD is echoed as either."""


def _same_base(asked: Any, answered: Any, _request: _Asked, _answer: Mapping[str, Any]) -> bool:
    wanted, found = str(asked).upper(), str(answered).strip().upper()
    return wanted == found or {wanted, found} <= _DOLLARS


_CASELESS: Final = re.compile(r"0x[0-9a-f]+|(bc|tb|bcrt|ltc|tltc|rltc)1[02-9ac-hj-np-z]+", re.ASCII | re.IGNORECASE)
"""Addresses whose letters mean the same in either case: hexadecimal ones and bech32 ones."""


def same_address(asked: str, answered: str) -> bool:
    """Return whether an address is the asked one; case counts unless both are hexadecimal or bech32.

    >>> same_address("0xAB", "0xab"), same_address("1Boat", "1bOAT")
    (True, False)
    """
    wanted, found = asked.strip(), answered.strip()
    if _CASELESS.fullmatch(wanted) and _CASELESS.fullmatch(found):
        return wanted.lower() == found.lower()
    return wanted == found


def _same_address(asked: Any, answered: Any, _request: _Asked, _answer: Mapping[str, Any]) -> bool:
    return same_address(str(asked), str(answered))


_CENTS: Final = Decimal("0.01")
_SATOSHIS: Final = Decimal("0.00000001")
_ROUNDINGS: Final = (ROUND_UP, ROUND_DOWN, ROUND_HALF_UP, ROUND_HALF_EVEN)


def same_amount(asked: Decimal, answered: Decimal, *, currency: str) -> bool:
    """Return whether an amount is the asked one: equal, as a JSON double, or rounded to 8 places (to 2 for dollars).

    >>> same_amount(Decimal("29.999"), Decimal("30.00"), currency="USD")
    True
    >>> same_amount(Decimal("10.00"), Decimal("10.01"), currency="USD")
    False
    """
    if answered == asked or float(answered) == float(asked):
        return True
    places = (_CENTS, _SATOSHIS) if currency.upper().startswith("USD") else (_SATOSHIS,)
    try:
        return any(
            answered == asked.quantize(place, rounding=rounding, context=EXACT)
            for place in places
            for rounding in _ROUNDINGS
        )
    except InvalidOperation:
        return False


def _agreeing_amount(currency_member: str) -> Callable[[Any, Any, _Asked, Mapping[str, Any]], bool]:
    def agrees(asked: Any, answered: Any, request: _Asked, _answer: Mapping[str, Any]) -> bool:
        wanted, found = _number(asked), _number(answered)
        # A value that is no number is for the reader of the answer to refuse.
        if wanted is None or found is None:
            return True
        return same_amount(wanted, found, currency=str(request.body.get(currency_member)))

    return agrees


def _agreeing_base_amount(asked: Any, answered: Any, request: _Asked, answer: Mapping[str, Any]) -> bool:
    base = answer.get("baseCurrency")
    if base and not _same_base(request.body.get("amountCurrency"), base, request, answer):
        # An amount in another currency cannot be compared; the currency contradicts by itself.
        return True
    return _agreeing_amount("amountCurrency")(asked, answered, request, answer)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        number = Decimal(value)
    elif isinstance(value, str) and len(value) <= 100 and NUMBER.fullmatch(value.strip()):
        number = Decimal(value.strip())
    else:
        return None
    return number if fits(number) else None


def _of_path(name: str) -> Callable[[_Asked], object]:
    return lambda request: request.path.get(name)


def _of_body(name: str) -> Callable[[_Asked], object]:
    return lambda request: request.body.get(name)


def _id(member: str, of_path: str) -> Echo:
    return Echo(member=member, asked=_of_path(of_path), agrees=_same_id, is_identity=True)


_ORDER_ID: Final = Echo(member="orderId", asked=_of_body("orderId"), agrees=_same_text)
_COIN: Final = Echo(member="currency", asked=_of_body("currency"), agrees=_same_currency)
_BASE_AMOUNT: Final = Echo(member="baseAmount", asked=_of_body("amount"), agrees=_agreeing_base_amount)
_BASE_CURRENCY: Final = Echo(member="baseCurrency", asked=_of_body("amountCurrency"), agrees=_same_base)

# The ``amount`` of a payment is in its coin, and what a coin costs is the API's to say; it is not compared.
ECHOES: Final[Mapping[str, tuple[Echo, ...]]] = {
    endpoints.CREATE_PAYMENT.name: (_ORDER_ID, _COIN, _BASE_CURRENCY, _BASE_AMOUNT),
    endpoints.CREATE_INVOICE.name: (_ORDER_ID, _BASE_CURRENCY, _BASE_AMOUNT),
    endpoints.PAYMENT_STATUS.name: (_id("paymentId", "paymentId"),),
    endpoints.CREATE_WITHDRAWAL.name: (
        _COIN,
        Echo(
            member="destinationAddress",
            asked=_of_body("destinationAddress"),
            agrees=_same_address,
            is_identity=True,
        ),
        Echo(member="amount", asked=_of_body("amount"), agrees=_agreeing_amount("currency")),
    ),
    endpoints.UPDATE_PRODUCT.name: (_id("id", "productId"),),
    endpoints.ORDER.name: (_id("id", "orderId"),),
    endpoints.UPDATE_ORDER_STATUS.name: (_id("id", "orderId"),),
    endpoints.WEBHOOK_DELIVERY.name: (_id("id", "deliveryId"),),
    endpoints.RETRY_WEBHOOK.name: (_id("id", "deliveryId"),),
}
"""The members of an endpoint's answer that echo its request, beside those of :func:`echoes_of`."""


@functools.cache
def echoes_of(endpoint: Endpoint) -> tuple[Echo, ...]:
    """Return the echoes in the table, or else that of the value with which the path ends."""
    if endpoint.name in ECHOES or not endpoint.template.endswith("}"):
        return ECHOES.get(endpoint.name, ())
    name = endpoint.template.rpartition("{")[2][:-1]
    if name == "currency":
        return (Echo(member=name, asked=_of_path(name), agrees=_same_currency, within="balance"),)
    return (_id(name, name),)


def contradictions(call: Call[Any], answer: Mapping[str, Any]) -> list[Contradiction]:
    """Return the members of an answer (its ``data``, or the whole body where it has none) that contradict the call."""
    table = echoes_of(call.endpoint)
    if not table:
        return []
    request = _asked(call)
    found: list[Contradiction] = []
    for echo in table:
        asked, (place, answered) = echo.asked(request), echo.find(answer)
        if _is_comparable(asked) and _is_comparable(answered) and not echo.agrees(asked, answered, request, answer):
            found.append(Contradiction(place, str(asked), str(answered), echo.is_identity))
    return found


def _is_comparable(value: object) -> bool:
    if isinstance(value, str):
        return value.strip() != ""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _asked(call: Call[Any]) -> _Asked:
    body: object = None
    if call.body is not None:
        # A body of client.request() may nest deeper than any answer.
        with contextlib.suppress(DecodeError):
            body = read_json(call.body)
    return _Asked(path_values(call.endpoint, call.path), body if is_object(body) else {})


@frozen
class Creation:
    """The members of an answer that say what was created."""

    id_member: str
    amounts: tuple[str, ...] = ()
    """The members of which the first that is there must be a positive amount."""


CREATIONS: Final[Mapping[str, Creation]] = {
    endpoints.CREATE_PAYMENT.name: Creation("paymentId", ("amount", "baseAmount")),
    endpoints.CREATE_INVOICE.name: Creation("paymentId", ("baseAmount",)),
    endpoints.CREATE_WITHDRAWAL.name: Creation("withdrawalId", ("amount",)),
    endpoints.CREATE_PRODUCT.name: Creation("id"),
    endpoints.CHECKOUT.name: Creation("orderId"),
}
"""Endpoints that create something with an id of its own, which no other call may be given."""


def created_id(call: Call[Any], answer: Mapping[str, Any]) -> str | None:
    """Return the id of what a creation made; ``None`` for other calls and where the answer has none."""
    creation = CREATIONS.get(call.endpoint.name)
    value = None if creation is None else answer.get(creation.id_member)
    return str(value) if _is_comparable(value) else None


def check_creation(call: Call[Any], answer: Mapping[str, Any]) -> None:
    """Raise DecodeError where the answer to a creation has no id, or an amount that is not positive."""
    creation = CREATIONS.get(call.endpoint.name)
    if creation is None or not creation.amounts:
        return
    if created_id(call, answer) is None:
        path = f"$.data.{creation.id_member}"
        raise DecodeError(f"{path} is empty: it names nothing that was created", json_path=path)
    for member in creation.amounts:
        if answer.get(member) is not None:
            number = _number(answer[member])
            if number is not None and number <= 0:
                path = f"$.data.{member}"
                raise DecodeError(f"{path} is {number}; what was created has a positive amount", json_path=path)
            return


def asked_order_id(call: Call[Any]) -> str | None:
    """Return the order id that a creation named, ``None`` where it named none."""
    value = _asked(call).body.get("orderId")
    return _text(value) or None if isinstance(value, str) else None
