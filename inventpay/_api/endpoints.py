"""The table of endpoints: method, path, rate class, and what repeating a call could do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote

from attrs import Factory, field, frozen

from ..options import RateClass

Safety = Literal["read", "repeatable", "once"]
"""The possible effects of repeating a call.

- ``"read"``: it changes nothing.
- ``"repeatable"``: it moves no money, and either its key makes the API replay the first answer or saying it twice is
  the same as once; repeated after any failure that a second try may cure.
- ``"once"``: it moves money, or its effect is not known; repeated only when the first try certainly had no effect.
"""


def _name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.template}"


@frozen(kw_only=True, cache_hash=True)
class Endpoint:
    """One row of the API's table."""

    method: str
    template: str
    """Path with ``{names}``, as metrics and logs show it."""
    rate_class: RateClass
    """The class whose limit a call counts against."""
    safety: Safety
    public: bool = False
    """Whether it is called without the API key."""
    withdrawal_key: bool = False
    """Whether it needs the withdrawal key too."""
    kept: bool = False
    """Whether its latest answer is remembered for callers that accept a recent one."""

    name: str = field(init=False, eq=False, repr=False, default=Factory(_name_of, takes_self=True))
    """``"GET /v1/merchant/balance"``, the key in ``RateLimits(classes=...)``."""

    def path(self, **values: str) -> str:
        """Return the path of one call, each value as one percent-encoded segment.

        ``../merchant/balance`` and ``a?b=c`` stay one segment each.

        >>> BALANCE.path(currency="BTC")
        '/v1/merchant/balance/BTC'
        """
        return self.template.format_map({name: quote(value, safe="") for name, value in values.items()})


def _row(method: str, template: str, rate_class: RateClass, safety: Safety, **more: bool) -> Endpoint:
    return Endpoint(method=method, template=template, rate_class=rate_class, safety=safety, **more)


_CREATION: Final = RateClass.PAYMENT_CREATION
_STATUS: Final = RateClass.STATUS_CHECKS
_WITHDRAWALS: Final = RateClass.WITHDRAWALS
_OTHER: Final = RateClass.OTHER

# The documentation names four classes (100, 300, 10 and 60 a minute) without listing their endpoints.
# assumed: invoices count as payment creations; reading one withdrawal, a checkout and everything else count as "other".
# ``RateLimits(classes={"GET /v1/withdrawal/{withdrawalId}": "status_checks"})`` says otherwise.

# Payments, balances, withdrawals (docs: one page each)
CREATE_PAYMENT: Final = _row("POST", "/v1/create_payment", _CREATION, "repeatable")
CREATE_INVOICE: Final = _row("POST", "/v1/create_invoice", _CREATION, "repeatable")
PAYMENT_STATUS: Final = _row("GET", "/v1/invoice/{paymentId}/status", _STATUS, "read", public=True)
BALANCES: Final = _row("GET", "/v1/merchant/balance", _OTHER, "read", kept=True)
BALANCE: Final = _row("GET", "/v1/merchant/balance/{currency}", _OTHER, "read", kept=True)
CREATE_WITHDRAWAL: Final = _row("POST", "/v1/merchant/withdrawal/create", _WITHDRAWALS, "once", withdrawal_key=True)
WITHDRAWAL: Final = _row("GET", "/v1/withdrawal/{withdrawalId}", _OTHER, "read")

# Store (vendor's SDKs and MCP server; analytics and checkout: vendor's skill document only)
CREATE_STORE: Final = _row("POST", "/v1/store/manage", _OTHER, "repeatable")
STORE: Final = _row("GET", "/v1/store/manage", _OTHER, "read")
UPDATE_STORE: Final = _row("PUT", "/v1/store/manage", _OTHER, "repeatable")
STORE_ANALYTICS: Final = _row("GET", "/v1/store/manage/analytics", _OTHER, "read")
# assumed: whether idempotency keys cover checkouts is documented nowhere, and one repeated could sell twice.
CHECKOUT: Final = _row("POST", "/v1/store/{slug}/checkout", _OTHER, "once", public=True)

# assumed, as for checkouts: a product created twice doubles its stock, and could sell what is not there.
CREATE_PRODUCT: Final = _row("POST", "/v1/store/manage/products", _OTHER, "once")
PRODUCTS: Final = _row("GET", "/v1/store/manage/products", _OTHER, "read")
UPDATE_PRODUCT: Final = _row("PUT", "/v1/store/manage/products/{productId}", _OTHER, "repeatable")
DELETE_PRODUCT: Final = _row("DELETE", "/v1/store/manage/products/{productId}", _OTHER, "repeatable")

ADD_KEYS: Final = _row("POST", "/v1/store/manage/products/{productId}/keys", _OTHER, "repeatable")
KEYS: Final = _row("GET", "/v1/store/manage/products/{productId}/keys", _OTHER, "read")
KEY_STATS: Final = _row("GET", "/v1/store/manage/products/{productId}/keys/stats", _OTHER, "read")
REMOVE_KEYS: Final = _row("DELETE", "/v1/store/manage/products/{productId}/keys", _OTHER, "repeatable")

ORDERS: Final = _row("GET", "/v1/store/manage/orders", _OTHER, "read")
ORDER: Final = _row("GET", "/v1/store/manage/orders/{orderId}", _OTHER, "read")
UPDATE_ORDER_STATUS: Final = _row("PUT", "/v1/store/manage/orders/{orderId}/status", _OTHER, "repeatable")

# Webhook management (vendor's SDKs; one delivery and its retry: vendor's JavaScript SDK only)
CONFIGURE_WEBHOOK: Final = _row("PUT", "/v1/merchant/webhook-url", _OTHER, "repeatable")
DELETE_WEBHOOK: Final = _row("DELETE", "/v1/merchant/webhook-url", _OTHER, "repeatable")
WEBHOOK_CONFIG: Final = _row("GET", "/v1/merchant/webhook-config", _OTHER, "read")
TEST_WEBHOOK: Final = _row("POST", "/v1/merchant/test-webhook", _OTHER, "repeatable")
WEBHOOK_DELIVERIES: Final = _row("GET", "/v1/merchant/webhook-deliveries", _OTHER, "read")
WEBHOOK_DELIVERY: Final = _row("GET", "/v1/merchant/webhook-delivery/{deliveryId}", _OTHER, "read")
RETRY_WEBHOOK: Final = _row("POST", "/v1/merchant/webhook-delivery/{deliveryId}/retry", _OTHER, "repeatable")
WEBHOOK_STATS: Final = _row("GET", "/v1/merchant/webhook-stats", _OTHER, "read")

ENDPOINTS: Final[Mapping[str, Endpoint]] = {row.name: row for row in list(vars().values()) if isinstance(row, Endpoint)}
"""Every endpoint, by name."""
