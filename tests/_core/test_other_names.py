"""A name that another SDK has is answered with the name of this package, and stays an AttributeError."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from operator import attrgetter

import pytest

import inventpay
from inventpay import AsyncInventPay, BadRequestError, Balances, InventPay, InventPayError, NotFoundError, Payment
from inventpay._core.names_advice import NamesAdvice
from inventpay._core.other_names import ADVICE
from inventpay.webhooks import PaymentCompletedEvent, WebhookReceiver

CASES = [(kind, name) for kind, names in ADVICE.items() for name in names]
GROUPS = {
    "PaymentCalls": "payments",
    "InvoiceCalls": "invoices",
    "BalanceCalls": "balances",
    "WithdrawalCalls": "withdrawals",
    "WebhookCalls": "webhooks",
}
OBJECTS = {
    "InventPayError": BadRequestError("no"),
    "PaymentEvent": PaymentCompletedEvent(payment_id="cmh1"),
    "WebhookReceiver": WebhookReceiver("whsec_1"),
}
# Each client has its own way to be closed, and the other way is advised against.
OWN = {(AsyncInventPay, "aclose"), (InventPay, "close")}


def objects(kind: str) -> Iterator[object]:
    """Yield what has the advice: the groups of calls of both clients, or the class."""
    for client in (InventPay("pk_test_1"), AsyncInventPay("pk_test_1")):
        if kind == "InventPay":
            yield client
        elif kind in GROUPS:
            yield getattr(client, GROUPS[kind])
    if kind in OBJECTS:
        yield OBJECTS[kind]
    elif kind not in ("InventPay", *GROUPS):
        yield getattr(inventpay, kind)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_advice_is_given_for_names_that_are_not_there(kind: str, name: str) -> None:
    """No name of the table is one of this package: advice against a name that works would be wrong."""
    for found in objects(kind):
        if (type(found), name) not in OWN:
            assert not hasattr(found, name)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("kind", "advice"), sorted({(kind, text) for kind in ADVICE for text in ADVICE[kind].values()})
)
def test_advice_names_what_is_there(kind: str, advice: str) -> None:
    """Every call, class and attribute that the advice names exists."""
    client = InventPay("pk_test_1")
    for path in re.findall(r"\bclient((?:\.[a-z_]+)+)", advice):
        attrgetter(path[1:])(client)
    for module, name in re.findall(r"\b(inventpay\.[a-z]+)\.(\w+)", advice):
        assert hasattr(import_module(module), name)
    own = re.match(r"use (\w+)(?: and (\w+))?", advice)
    for name in filter(None, own.groups() if own else ()):
        assert name in ("client", "inventpay") or any(hasattr(found, name) for found in objects(kind))


def test_the_error_says_what_to_use() -> None:
    """The message of both clients, of a subclass, of models, of errors and of receivers has the advice."""

    class Mine(InventPay):
        pass

    with Mine("pk_test_1") as client:
        with pytest.raises(AttributeError, match=r"'PaymentCalls'.*'get'; use client\.payments\.status\(payment_id\)"):
            client.payments.get("cmh1")  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match=r"'Mine' .*'ping'; use client\.check\(\)"):
            client.ping()  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match=r"'Mine' object has no attribute 'nothing_like_it'$"):
            _ = client.nothing_like_it  # type: ignore[attr-defined]
    payment = Payment(payment_id="cmh1", amount=Decimal(1), currency="BTC", invoice_url="https://inventpay.io/1")
    with pytest.raises(AttributeError, match="'Payment' object has no attribute 'id'; use payment_id"):
        _ = payment.id  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="use status"):
        _ = NotFoundError("no").status_code  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"use on\(\"payment.expired\"\)"):
        _ = WebhookReceiver("whsec_1").on_expired  # type: ignore[attr-defined]


def test_the_error_of_a_property_is_its_own() -> None:
    """A property that fails with an AttributeError is not reported as missing."""

    class Broken(NamesAdvice):
        @property
        def payments(self) -> object:
            return None.nothing  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'nothing'"):
        _ = Broken().payments


def test_protocols_are_not_taken_for_other_names() -> None:
    """Names of protocols are answered at once: copying, pickling and notebooks look for dozens of them."""
    for thing in (Balances(by_currency={}), InventPayError("x")):
        for name in ("__deepcopy__", "_repr_mimebundle_", "_ipython_display_", "__nothing__"):
            assert getattr(thing, name, None) is None
