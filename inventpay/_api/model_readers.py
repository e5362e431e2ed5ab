"""Read any model from its own JSON, or from a body of the API in any documented variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from .._core.json_values import is_object
from .._json.converter import structure
from .envelope import Json, object_at

Reader: TypeAlias = Callable[[Json, str], Any]


def read_document(model: type[Any], document: object) -> Any:
    """Return the model of a parsed document, bare or in the API's envelope. Raises DecodeError."""
    held = object_at(document, "$")
    is_enveloped = is_object(held.get("data")) and ("success" in held or len(held) == 1)
    data, path = (held["data"], "$.data") if is_enveloped else (held, "$")
    read = _readers().get(model)
    return structure(model, data, path=path) if read is None else read(data, path)


@cache
def _readers() -> Mapping[type[Any], Reader]:
    """Return how the models are read that the API shows in several variants; all others have one."""
    from .. import models
    from . import balances, orders, payments, stores, webhooks, withdrawals

    return {
        models.Payment: _payment,
        models.Invoice: payments.read_one_invoice,
        models.PaymentStatus: lambda data, path: payments.read_one_status(data),
        models.Balance: _balance,
        models.Balances: lambda data, path: balances.read_balances({"data": data}),
        models.Withdrawal: withdrawals.read_one,
        models.Store: stores.read_one,
        models.StoreAnalytics: lambda data, path: stores.read_figures(data),
        models.Order: orders.read_one,
        models.Checkout: orders.read_one_checkout,
        models.WebhookConfig: webhooks.read_one_config,
        models.WebhookDelivery: webhooks.read_delivery,
        models.WebhookStatistics: webhooks.read_statistics,
        models.WebhookStats: webhooks.read_one_stats,
        models.WebhookTest: webhooks.read_one_test,
    }


def _payment(data: Json, path: str) -> Any:
    from .payments import read_one

    return read_one(data, path, is_open=data.get("currency") in (None, "MULTI"))


def _balance(data: Json, path: str) -> Any:
    from ..models import Balance
    from .balances import read_one

    return read_one(data, path) if "balance" in data else structure(Balance, data, path=path)
