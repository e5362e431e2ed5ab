"""Which answers hold what other endpoints ask for: the ids and names that lead from one call to the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class Lead(NamedTuple):
    """A member of an answer, and where it goes."""

    pointer: str
    parameter: str
    targets: tuple[str, ...]


_OF_PAYMENT: Final = (
    "GET /v1/invoice/{paymentId}/status",
    *(
        f"POST /sandbox/payments/{{paymentId}}/{step}"
        for step in ("pay", "underpay", "confirm", "select", "expire", "fail")
    ),
    "GET /v1/merchant/webhook-deliveries",
)
_OF_WITHDRAWAL: Final = (
    "GET /v1/withdrawal/{withdrawalId}",
    *(f"POST /sandbox/withdrawals/{{withdrawalId}}/{step}" for step in ("process", "complete", "fail")),
)
_PRODUCT: Final = "/v1/store/manage/products/{productId}"
_OF_PRODUCT: Final = (
    f"POST {_PRODUCT}/keys",
    f"GET {_PRODUCT}/keys",
    f"GET {_PRODUCT}/keys/stats",
    f"DELETE {_PRODUCT}/keys",
    f"PUT {_PRODUCT}",
    f"DELETE {_PRODUCT}",
)
_OF_ORDER: Final = ("GET /v1/store/manage/orders/{orderId}", "PUT /v1/store/manage/orders/{orderId}/status")
_OF_DELIVERY: Final = (
    "GET /v1/merchant/webhook-delivery/{deliveryId}",
    "POST /v1/merchant/webhook-delivery/{deliveryId}/retry",
    "POST /sandbox/webhooks/deliveries/{deliveryId}/retry",
)
_OF_STORE: Final = ("GET /store/{slug}", "POST /v1/store/{slug}/checkout", "GET /store/{slug}/product/{productSlug}")

_LEADS: Final[dict[str, tuple[Lead, ...]]] = {
    "POST /v1/create_payment": (Lead("/data/paymentId", "paymentId", _OF_PAYMENT),),
    "POST /v1/create_invoice": (Lead("/data/paymentId", "paymentId", _OF_PAYMENT),),
    "POST /v1/merchant/withdrawal/create": (Lead("/data/withdrawalId", "withdrawalId", _OF_WITHDRAWAL),),
    "POST /v1/store/manage": (Lead("/data/slug", "slug", _OF_STORE),),
    "GET /v1/store/manage": (Lead("/data/slug", "slug", _OF_STORE),),
    "POST /v1/store/manage/products": (Lead("/data/id", "productId", _OF_PRODUCT),),
    "GET /v1/store/manage/products": (Lead("/data/products/0/id", "productId", _OF_PRODUCT),),
    "POST /v1/store/{slug}/checkout": (
        Lead("/data/order/id", "orderId", _OF_ORDER),
        Lead("/data/payment/paymentId", "paymentId", _OF_PAYMENT),
    ),
    "GET /v1/store/manage/orders": (Lead("/data/orders/0/id", "orderId", _OF_ORDER),),
    "GET /v1/merchant/webhook-deliveries": (Lead("/data/deliveries/0/id", "deliveryId", _OF_DELIVERY),),
    "GET /v1/merchant/webhook-config": (Lead("/data/recentDeliveries/0/id", "deliveryId", _OF_DELIVERY),),
    "POST /sandbox/faults": (Lead("/data/number", "number", ("DELETE /sandbox/faults/{number}",)),),
}


def operation_id(endpoint: str) -> str:
    """`POST /v1/create_payment` is `post_v1_create_payment`."""
    words = "".join(letter if letter.isalnum() else " " for letter in endpoint).split()
    return "_".join(words).lower()


def links(endpoint: str, described: Iterable[str]) -> dict[str, object]:
    """The links of a success of `endpoint`, by the name of the operation each leads to."""
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
