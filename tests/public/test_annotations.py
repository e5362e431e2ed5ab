"""``help()`` shows annotations as they are written."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import re
import typing
from decimal import Decimal
from typing import Any

import pytest

import inventpay
from inventpay._core.annotations import readable

pytest.importorskip("sqlalchemy", reason="one of the stores needs SQLAlchemy: pip install sqlalchemy")

PACKAGES = ["", ".models", ".webhooks", ".payouts", ".redis", ".sandbox", ".telemetry"]
PUBLIC = [
    getattr(module, name)
    for module in (importlib.import_module(f"inventpay{package}") for package in PACKAGES)
    for name in module.__all__
]
FUNCTIONS = sorted(
    {
        member
        for public in PUBLIC
        if inspect.isclass(public) and public.__module__.startswith("inventpay")
        for kind in public.__mro__
        if kind.__module__.startswith("inventpay")
        for member in vars(kind).values()
        if inspect.isfunction(member) and member.__module__.startswith("inventpay")
    }
    | {public for public in PUBLIC if inspect.isfunction(public)},
    key=lambda function: (function.__module__, function.__qualname__),
)


def test_no_public_function_shows_quotes() -> None:
    """Neither in the signatures of classes, nor in those of methods and functions."""
    assert len(FUNCTIONS) > 300
    quoted = [
        f"{function.__qualname__}{inspect.signature(function)}"
        for function in FUNCTIONS
        for annotation in function.__annotations__.values()
        if type(annotation) is str
    ]
    assert quoted == []


@pytest.mark.parametrize("client", [inventpay.InventPay, inventpay.AsyncInventPay])
def test_the_groups_of_calls_show_no_quotes(client: type[Any]) -> None:
    """Their classes have no public name; people ask for help on the method of a client."""
    made = client("pk_live_1")
    for group in ("payments", "invoices", "balances", "withdrawals", "store", "webhooks"):
        shown = pydoc.render_doc(type(getattr(made, group)), renderer=pydoc.plaintext)
        assert re.search(r"\w: \w|-> \w", shown)
        assert not re.search(r"(?::|->) '[A-Za-z]", shown), shown


def test_the_annotations_can_still_be_evaluated() -> None:
    """They are text, as before, for pydantic, cattrs and FastAPI."""

    @readable
    def pay(amount: Decimal, currency: str | None = None) -> Decimal:
        return amount

    assert repr(inspect.signature(pay)) == "<Signature (amount: Decimal, currency: str | None = None) -> Decimal>"
    assert typing.get_type_hints(pay) == {"amount": Decimal, "currency": str | None, "return": Decimal}
    hints = typing.get_type_hints(inventpay.RateLimits.__init__)
    assert hints["window"] is float
