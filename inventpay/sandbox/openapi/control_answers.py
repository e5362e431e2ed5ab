"""The 200 answers of the sandbox's own routes."""

from __future__ import annotations

from typing import Final

from ...options import RateClass
from ..http.faults import FaultKind
from ..limits.rate_limit_headers import RateLimitHeaders
from ..shapes.variants import VARIANTS
from ..webhooks.events import EVENTS
from ..webhooks.faults import FAULT_KINDS
from .answers import ALL_BALANCES, BALANCE, DELIVERY, DELIVERY_MEMBERS, DELIVERY_OUTCOME, STATUS, WITHDRAWAL
from .schemas import BOOL, COUNT, ID, NUMBER, TEXT, TIME, Schema, array, choice, members, nullable, table

_CLOCK: Final[Schema] = members({"now": TIME, "speed": NUMBER, "frozen": BOOL, "real": BOOL})
_CLASS: Final[Schema] = members({"limit": COUNT, "remaining": COUNT, "resetAt": TIME})
_RATE_LIMITS: Final[Schema] = members(
    {
        "policy": TEXT,
        "window": nullable(NUMBER),
        "headers": choice(tuple(RateLimitHeaders)),
        "classes": members({}, {str(name): _CLASS for name in RateClass}),
    }
)
_FAULT: Final[Schema] = members(
    {
        "number": COUNT,
        "kind": choice(tuple(FaultKind)),
        "status": COUNT,
        "retryAfter": nullable(NUMBER),
        "seconds": NUMBER,
        "afterEffect": BOOL,
        "on": nullable(TEXT),
        "times": nullable(COUNT),
        "probability": NUMBER,
        "hits": COUNT,
    }
)
_FAULTS: Final[Schema] = members({"faults": array(_FAULT)})
_VARIANTS: Final[Schema] = members(
    {"endpoints": members(dict.fromkeys(VARIANTS, members({"variant": TEXT, "of": array(TEXT)})))}
)
_REQUEST: Final[Schema] = members(
    {
        "number": COUNT,
        "at": TIME,
        "method": TEXT,
        "path": TEXT,
        "endpoint": nullable(TEXT),
        "status": COUNT,
        "milliseconds": NUMBER,
        "note": nullable(TEXT),
    }
)
_WEBHOOK_FAULT: Final[Schema] = members(
    {"fault": choice(FAULT_KINDS), "count": COUNT, "event": nullable(choice(EVENTS))}, {"seconds": NUMBER}
)
_WEBHOOKS: Final[Schema] = members(
    {
        "url": nullable(TEXT),
        "secret": ID,
        "shape": choice(("nested", "flat")),
        "faults": array(_WEBHOOK_FAULT),
        "planned": COUNT,
        "nextDueAt": nullable(TIME),
    }
)
_STATE: Final[Schema] = members(
    {
        **ALL_BALANCES,
        "counts": table(COUNT),
        "payments": array(STATUS),
        "withdrawals": array(WITHDRAWAL),
        "requests": table(table(COUNT)),
    }
)

_PAYMENT: Final = "POST /sandbox/payments/{paymentId}"
_WITHDRAWAL: Final = "POST /sandbox/withdrawals/{withdrawalId}"

CONTROL_DATA: Final[dict[str, Schema]] = {
    **{f"{_PAYMENT}/{step}": STATUS for step in ("pay", "underpay", "overpay", "confirm", "select", "expire", "fail")},
    **{f"{_WITHDRAWAL}/{step}": WITHDRAWAL for step in ("process", "complete", "fail")},
    "POST /sandbox/deposit": BALANCE,
    "POST /sandbox/reset": members({}),
    "GET /sandbox/state": _STATE,
    "GET /sandbox/clock": _CLOCK,
    **{f"POST /sandbox/clock/{step}": _CLOCK for step in ("freeze", "advance", "run", "reset")},
    "GET /sandbox/rate-limits": _RATE_LIMITS,
    "POST /sandbox/rate-limits": _RATE_LIMITS,
    "GET /sandbox/faults": _FAULTS,
    "POST /sandbox/faults": _FAULT,
    "DELETE /sandbox/faults": _FAULTS,
    "DELETE /sandbox/faults/{number}": _FAULTS,
    **{f"{method} /sandbox/variants": _VARIANTS for method in ("GET", "POST", "DELETE")},
    **{f"{method} /sandbox/idempotency": members({"honoured": BOOL, "kept": COUNT}) for method in ("GET", "POST")},
    "GET /sandbox/requests": members({"total": COUNT, "requests": array(_REQUEST)}),
    **{f"{method} /sandbox/webhooks": _WEBHOOKS for method in ("GET", "POST")},
    **{f"{method} /sandbox/webhooks/faults": _WEBHOOKS for method in ("POST", "DELETE")},
    "POST /sandbox/webhooks/deliveries/{deliveryId}/retry": DELIVERY,
    "POST /sandbox/webhooks/deliver": members(
        {"deliveries": array(members({"event": choice(EVENTS), **DELIVERY_MEMBERS}, DELIVERY_OUTCOME))}
    ),
}
"""``data`` by endpoint."""

PAGES: Final = ("GET /store/{slug}", "GET /store/{slug}/product/{productSlug}")
"""The endpoints that answer in plain text."""
