"""The links between endpoints: the ids and names in an answer that other endpoints take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..._api import endpoints as api


class Lead(NamedTuple):
    """A member of an answer, and the parameter that takes it."""

    pointer: str
    parameter: str
    targets: tuple[str, ...]


_OF_PAYMENT: Final = (
    api.PAYMENT_STATUS.name,
    *(
        f"POST /sandbox/payments/{{paymentId}}/{step}"
        for step in ("pay", "underpay", "overpay", "confirm", "select", "expire", "fail")
    ),
    api.WEBHOOK_DELIVERIES.name,
)
_OF_WITHDRAWAL: Final = (
    api.WITHDRAWAL.name,
    *(f"POST /sandbox/withdrawals/{{withdrawalId}}/{step}" for step in ("process", "complete", "fail")),
)
_OF_PRODUCT: Final = (
    api.ADD_KEYS.name,
    api.KEYS.name,
    api.KEY_STATS.name,
    api.REMOVE_KEYS.name,
    api.UPDATE_PRODUCT.name,
    api.DELETE_PRODUCT.name,
)
_OF_ORDER: Final = (api.ORDER.name, api.UPDATE_ORDER_STATUS.name)
_OF_DELIVERY: Final = (
    api.WEBHOOK_DELIVERY.name,
    api.RETRY_WEBHOOK.name,
    "POST /sandbox/webhooks/deliveries/{deliveryId}/retry",
)
_OF_STORE: Final = ("GET /store/{slug}", api.CHECKOUT.name, "GET /store/{slug}/product/{productSlug}")

_LEADS: Final[dict[str, tuple[Lead, ...]]] = {
    api.CREATE_PAYMENT.name: (Lead("/data/paymentId", "paymentId", _OF_PAYMENT),),
    api.CREATE_INVOICE.name: (Lead("/data/paymentId", "paymentId", _OF_PAYMENT),),
    api.CREATE_WITHDRAWAL.name: (Lead("/data/withdrawalId", "withdrawalId", _OF_WITHDRAWAL),),
    api.CREATE_STORE.name: (Lead("/data/slug", "slug", _OF_STORE),),
    api.STORE.name: (Lead("/data/slug", "slug", _OF_STORE),),
    api.CREATE_PRODUCT.name: (Lead("/data/id", "productId", _OF_PRODUCT),),
    api.PRODUCTS.name: (Lead("/data/products/0/id", "productId", _OF_PRODUCT),),
    api.CHECKOUT.name: (
        Lead("/data/order/id", "orderId", _OF_ORDER),
        Lead("/data/payment/paymentId", "paymentId", _OF_PAYMENT),
    ),
    api.ORDERS.name: (Lead("/data/orders/0/id", "orderId", _OF_ORDER),),
    api.WEBHOOK_DELIVERIES.name: (Lead("/data/deliveries/0/id", "deliveryId", _OF_DELIVERY),),
    api.WEBHOOK_CONFIG.name: (Lead("/data/recentDeliveries/0/id", "deliveryId", _OF_DELIVERY),),
    "POST /sandbox/faults": (Lead("/data/number", "number", ("DELETE /sandbox/faults/{number}",)),),
}


def operation_id(endpoint: str) -> str:
    """Return the operation's id: ``POST /v1/create_payment`` is ``post_v1_create_payment``."""
    words = "".join(letter if letter.isalnum() else " " for letter in endpoint).split()
    return "_".join(words).lower()


def links(endpoint: str, described: Iterable[str]) -> dict[str, object]:
    """Return the links of a successful answer of ``endpoint``, by the name of the linked operation."""
    known = set(described)
    return {
        operation_id(target): {
            "operationId": operation_id(target),
            "parameters": {lead.parameter: f"$response.body#{lead.pointer}"},
        }
        for lead in _LEADS.get(endpoint, ())
        for target in lead.targets
        if target in known
    }
