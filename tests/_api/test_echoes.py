"""An answer is compared with its question: what belongs to another request is noticed, and no documented form is."""

from __future__ import annotations

import contextlib
import decimal
import json
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventpay._api import balances, echoes, orders, payments, products, webhooks, withdrawals
from inventpay._api.call import Call
from inventpay._api.raw_request import request
from inventpay.errors import DecodeError

ETHER = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


def payment(**changes: Any) -> Call[Any]:
    asked: dict[str, Any] = {
        "amount": "29.99",
        "amount_currency": "USD",
        "currency": "USDT_BEP20",
        "order_id": "order-1",
        "description": None,
        "callback_url": None,
        "expiration_minutes": None,
        "idempotency_key": "k",
    }
    return payments.create_payment(**{**asked, **changes})


def invoice(**changes: Any) -> Call[Any]:
    asked: dict[str, Any] = {
        "amount": 50,
        "amount_currency": "USD",
        "order_id": None,
        "description": None,
        "callback_url": None,
        "expiration_minutes": None,
        "idempotency_key": "k",
    }
    return payments.create_invoice(**{**asked, **changes})


def withdrawal(**changes: Any) -> Call[Any]:
    asked: dict[str, Any] = {
        "amount": 10,
        "currency": "USDT_BEP20",
        "destination_address": ETHER,
        "description": None,
        "idempotency_key": "k",
    }
    return withdrawals.create_withdrawal(**{**asked, **changes})


SAME: list[tuple[Call[Any], dict[str, Any]]] = [
    (payment(), {}),
    (payment(), {"orderId": None, "currency": "", "baseAmount": None, "baseCurrency": "  "}),
    (payment(), {"orderId": " order-1 ", "currency": "USDT_BEP20", "baseAmount": 29.99, "baseCurrency": "USDT"}),
    (payment(), {"currency": "USDT", "network": "bep20"}),
    (payment(), {"currency": "usdt_bep20"}),
    (payment(order_id="e\u0301"), {"orderId": "\u00e9"}),
    (payment(order_id="7"), {"orderId": 7}),
    (payment(currency="MULTI"), {"currency": "BTC"}),
    (payment(order_id=None), {"orderId": "made-by-the-server"}),
    (payment(amount="29.999"), {"baseAmount": Decimal("30.00")}),
    (payment(amount="29.991"), {"baseAmount": "29.99"}),
    (payment(amount_currency="BTC", amount="0.123456785"), {"baseAmount": "0.12345678", "baseCurrency": "BTC"}),
    (payment(), {"amount": Decimal("0.00072")}),
    (payment(), {"baseAmount": "a lot"}),
    (payment(), {"baseAmount": "1e400"}),
    (payment(), {"baseAmount": True}),
    (invoice(), {"baseAmount": 50, "baseCurrency": "USDT"}),
    (invoice(amount_currency="USDT"), {"baseAmount": "50.00", "baseCurrency": "USD"}),
    (withdrawal(), {"amount": "10", "currency": "USDT_BEP20", "destinationAddress": ETHER.lower()}),
    (withdrawal(), {"amount": Decimal("10.000"), "destinationAddress": f" {ETHER} "}),
    (
        withdrawal(currency="BTC", destination_address="bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        {"destinationAddress": "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ"},
    ),
    (withdrawal(amount="0.1"), {"amount": Decimal("0.1000000000000000055511151231257827021181583404541015625")}),
    (payments.payment_status("cmh1"), {"paymentId": "cmh1"}),
    (payments.payment_status("cmh1"), {}),
    (payments.payment_status("7"), {"paymentId": 7}),
    (payments.payment_status("a/b?c"), {"paymentId": "a/b?c"}),
    (balances.balance("BTC"), {"currency": "BTC"}),
    (balances.balance("BTC"), {"balance": {"currency": "btc"}}),
    (balances.balance("BTC"), {"currency": "BTC", "balance": {"currency": "ETH"}}),  # the reader compares the two
    (balances.balance("BTC"), {"currency": None, "balance": []}),
    (request("POST", "/v1/anything", params=None, json={"orderId": "1"}, idempotency_key=None), {"orderId": "2"}),
    (request("POST", "/v1/create_payment", params=None, json=[1], idempotency_key=None), {"orderId": "2"}),
    (request("POST", "/v1/create_payment", params=None, json={"orderId": {}}, idempotency_key=None), {"orderId": "2"}),
]

OTHER: list[tuple[Call[Any], dict[str, Any], str]] = [
    (payment(), {"orderId": "order-2"}, "orderId"),
    (payment(), {"orderId": "ORDER-1"}, "orderId"),
    (payment(), {"currency": "BTC"}, "currency"),
    (payment(), {"currency": "USDT", "network": "ERC20"}, "currency"),
    (payment(), {"currency": "USDT"}, "currency"),
    (payment(), {"baseCurrency": "BTC", "baseAmount": 29.99}, "baseCurrency"),
    (payment(), {"baseCurrency": "BTC", "baseAmount": "0.0007"}, "baseCurrency"),
    (payment(), {"baseAmount": 30}, "baseAmount"),
    (payment(amount="10.00"), {"baseAmount": "10.01"}, "baseAmount"),
    (payment(amount_currency="BTC", amount=1), {"baseAmount": "1.00000001"}, "baseAmount"),
    (invoice(), {"baseAmount": 20, "baseCurrency": "USD"}, "baseAmount"),
    (withdrawal(), {"amount": "5"}, "amount"),
    (withdrawal(), {"currency": "USDT_ERC20"}, "currency"),
    (withdrawal(), {"destinationAddress": "0xBBB"}, "destinationAddress"),
    (withdrawal(currency="SOL", destination_address="AbC"), {"destinationAddress": "aBc"}, "destinationAddress"),
    (payments.payment_status("cmh1"), {"paymentId": "cmh2"}, "paymentId"),
    (payments.payment_status("cmh1"), {"paymentId": "CMH1"}, "paymentId"),
    (withdrawals.withdrawal("w1"), {"withdrawalId": "w2"}, "withdrawalId"),
    (balances.balance("BTC"), {"currency": "ETH"}, "currency"),
    (balances.balance("BTC"), {"balance": {"currency": "ETH"}}, "balance.currency"),
    (balances.balance("BTC"), {"currency": "", "balance": {"currency": "ETH"}}, "balance.currency"),
    (products.update("p1", name="Mug"), {"id": "p2"}, "id"),
    (orders.get("o1"), {"id": "o2"}, "id"),
    (orders.update_status("o1", "PAID", notes=None), {"id": "o2"}, "id"),
    (webhooks.delivery("d1"), {"id": "d2"}, "id"),
    (webhooks.retry("d1"), {"id": "d2"}, "id"),
]
IDENTITY = {"paymentId", "withdrawalId", "id", "destinationAddress"}


@pytest.mark.parametrize(("call", "answer"), SAME)
def test_what_says_the_same_is_the_same(call: Call[Any], answer: dict[str, Any]) -> None:
    """Every form in which an API may repeat the request passes: a false alarm locks a merchant out."""
    assert echoes.contradictions(call, answer) == []


@pytest.mark.parametrize(("call", "answer", "member"), OTHER)
def test_what_belongs_to_another_request_is_noticed(call: Call[Any], answer: dict[str, Any], member: str) -> None:
    """The contradiction names the member and both values, and whether it says whose answer this is."""
    (found,) = echoes.contradictions(call, answer)
    assert found.member == member
    assert found.is_identity == (member in IDENTITY)
    assert repr(found.asked) in str(found)
    assert repr(found.answered) in str(found)


amounts = st.decimals(min_value=Decimal("1E-12"), max_value=Decimal("1E12"), allow_nan=False, places=12)
currencies = st.sampled_from(["USD", "USDT", "USDT_BEP20", "BTC", "ETH"])


@given(amounts, currencies)
@example(Decimal("0.000000000001"), "BTC")
def test_an_amount_survives_its_journey(amount: Decimal, currency: str) -> None:
    """As it is, as a JSON double, with zeros, or rounded as the coin is: the same amount."""
    if amount <= 0:
        return
    places = Decimal("0.01") if currency.startswith("USD") else Decimal("1E-8")
    forms = [amount, Decimal(str(float(amount))), Decimal(float(amount)), amount.normalize()]
    forms += [amount.quantize(places, rounding=rounding) for rounding in (ROUND_UP, ROUND_DOWN)]
    for form in forms:
        assert echoes.same_amount(amount, form, currency=currency)


@given(amounts, currencies, st.integers(1, 10**6))
def test_another_amount_is_another_amount(amount: Decimal, currency: str, units: int) -> None:
    """Whole units of the smallest place apart is never the same, unless a double cannot tell them apart."""
    place = Decimal("0.01") if currency.startswith("USD") else Decimal("1E-8")
    asked = amount.quantize(place)
    answered = asked + units * place
    if asked > 0 and float(asked) != float(answered):
        assert not echoes.same_amount(asked, answered, currency=currency)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
members = st.sampled_from(
    ["orderId", "currency", "network", "baseAmount", "baseCurrency", "amount", "destinationAddress", "paymentId", "id"]
)


@given(st.sampled_from([call for call, _ in SAME]), st.dictionaries(members, json_values, max_size=6))
def test_no_answer_breaks_the_comparison(call: Call[Any], answer: dict[str, Any]) -> None:
    """Any JSON of an answer is compared or left alone; only DecodeError says that a creation is none."""
    echoes.contradictions(call, answer)
    echoes.created_id(call, answer)
    with contextlib.suppress(DecodeError):
        echoes.check_creation(call, answer)


@pytest.mark.parametrize(
    ("call", "answer", "path"),
    [
        (payment(), {"paymentId": "", "amount": 1}, "$.data.paymentId"),
        (payment(), {"paymentId": "  ", "amount": 1}, "$.data.paymentId"),
        (payment(), {"amount": 1}, "$.data.paymentId"),
        (payment(), {"paymentId": "p", "amount": 0}, "$.data.amount"),
        (payment(), {"paymentId": "p", "amount": "-1"}, "$.data.amount"),
        (payment(currency="MULTI"), {"paymentId": "p", "amount": None, "baseAmount": 0}, "$.data.baseAmount"),
        (invoice(), {"paymentId": "p", "baseAmount": Decimal("0.00")}, "$.data.baseAmount"),
        (withdrawal(), {"withdrawalId": "w", "amount": "0"}, "$.data.amount"),
    ],
)
def test_what_was_created_has_an_id_and_an_amount(call: Call[Any], answer: dict[str, Any], path: str) -> None:
    """A success that names nothing, or a sum of nothing, is no success."""
    with pytest.raises(DecodeError) as caught:
        echoes.check_creation(call, answer)
    assert caught.value.json_path == path
    assert str(caught.value).startswith(f"{path} is ")


def test_a_creation_in_full_passes() -> None:
    """An id and a positive amount suffice, wherever the amount stands."""
    echoes.check_creation(payment(), {"paymentId": "p", "amount": "0.00000001"})
    echoes.check_creation(payment(currency="MULTI"), {"paymentId": "p", "baseAmount": 5})
    echoes.check_creation(products.update("p1", name="Mug"), {})
    assert json.loads(payment().body or b"")["orderId"] == "order-1"
    assert echoes.asked_order_id(payment()) == "order-1"
    assert echoes.asked_order_id(invoice()) is None


def test_an_echo_of_an_id_says_whose_answer_it_is() -> None:
    """It compares the value of the path letter by letter, and a difference is one of identity."""
    echo = echoes._id("id", "orderId")
    asked = echoes._Asked({"orderId": "o1"}, {"orderId": "o2"})
    assert (echo.member, echo.is_identity, echo.asked(asked)) == ("id", True, "o1")
    assert echo.agrees("o1", "o1", asked, {})
    assert not echo.agrees("o1", "O1", asked, {})
    assert echoes._of_body("orderId")(asked) == "o2"


def test_text_of_up_to_a_hundred_characters_is_compared_as_an_amount() -> None:
    """Longer text is for the reader of the answer to refuse."""
    assert len(echoes.contradictions(payment(), {"baseAmount": "0" * 95 + "30.00"})) == 1
    assert echoes.contradictions(payment(), {"baseAmount": "0" * 96 + "30.00"}) == []


def test_letters_that_only_look_alike_are_another_address() -> None:
    """The sign for kelvin is a small k in lower case, and no letter of any address."""
    address = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    call = withdrawal(currency="BTC", destination_address=address)
    assert echoes.contradictions(call, {"destinationAddress": address.upper().replace("K", "\u212a")})


def test_only_dollars_are_rounded_to_cents() -> None:
    """And with a decimal context of the caller that has hardly a digit; an amount beyond all use equals no other."""
    assert not echoes.same_amount(Decimal("0.015"), Decimal("0.02"), currency="BTC")
    with decimal.localcontext(decimal.Context(prec=3)):
        assert echoes.same_amount(Decimal("123456.789"), Decimal("123456.79"), currency="USD")
        assert echoes.same_amount(Decimal("0.123456785"), Decimal("0.12345679"), currency="BTC")
    assert not echoes.same_amount(Decimal("1e4000"), Decimal(1), currency="BTC")


def test_a_creation_names_what_it_made() -> None:
    """An id of text or a whole number; other calls, and answers without one, name nothing."""
    assert echoes.created_id(payment(), {"paymentId": "p"}) == "p"
    assert echoes.created_id(withdrawal(), {"withdrawalId": 7}) == "7"
    assert echoes.created_id(payment(), {"paymentId": " "}) is None
    assert echoes.created_id(payment(), {}) is None
    assert echoes.created_id(payments.payment_status("p"), {"paymentId": "p"}) is None


def test_a_contradiction_holds_both_values_as_text() -> None:
    """For the log and the error; a number is its digits."""
    found = echoes.contradictions(payment(), {"baseAmount": 30})
    assert found == [echoes.Contradiction("baseAmount", "29.99", "30", False)]
    assert str(found[0]) == "baseAmount is '30', but '29.99' was asked for"


def test_a_body_that_cannot_be_read_is_not_compared() -> None:
    """A request of the caller's own may nest deeper than any answer."""
    deep = Call(endpoint=payment().endpoint, path="/v1/create_payment", read=lambda _: None, body=b"[" * 10_000)
    assert echoes.contradictions(deep, {"orderId": "2"}) == []
    assert echoes.asked_order_id(deep) is None
