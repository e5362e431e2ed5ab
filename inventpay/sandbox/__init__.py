"""A local stand-in of the InventPay API: the documented endpoints over real HTTP, with made-up money and no account.

    from . import Sandbox

    sandbox = Sandbox()
    with sandbox.run() as server:
        print(server.url)          # http://127.0.0.1:<a free port>
        ...                        # create payments through the client, then: sandbox.pay(payment_id)

Needs the extra ``sandbox`` (Starlette, uvicorn, Jinja2, segno). Where the documentation leaves a behaviour open,
``assumptions.py`` defines it.
"""

from __future__ import annotations

from importlib.util import find_spec as _find_spec

try:
    import starlette  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]

    # The pages import these two when they are first opened; report a missing one here already.
    for _name in ("jinja2", "segno"):
        if _find_spec(_name) is None:
            raise ImportError(f"No module named {_name!r}")
except ImportError as _missing:
    raise ImportError(
        f'The sandbox needs Starlette, uvicorn, Jinja2 and segno ({_missing}); from a clone: pip install ".[sandbox]"'
    ) from _missing

from .._core.annotations import readable as _readable
from ..options import RateClass
from .clock import Clock, ManualClock, SandboxClock
from .errors import AddressError, SandboxError, StateFileError
from .http.faults import Fault, FaultKind, Faults, PlannedFault
from .http.request_log import LoggedRequest, RequestLog
from .http.server import RunningServer
from .http.transport import SandboxTransport
from .in_process_delivery import AppDeliveries
from .limits.rate_limit_headers import RateLimitHeaders
from .limits.rate_limits import (
    FixedWindow,
    RateLimitPolicy,
    SlidingLog,
    SlidingWindowCounter,
    TokenBucket,
    Unlimited,
    Verdict,
)
from .merchant.balances import Balance
from .merchant.payments import Payment, PaymentStatus
from .merchant.withdrawals import Withdrawal, WithdrawalStatus
from .sandbox import Sandbox
from .serve import serve
from .shapes.variants import MIXED, VARIANTS, Variants
from .testing import renew, running_sandbox
from .webhook_inbox import WebhookInbox, webhook_inbox
from .webhooks import Delivery, Webhooks, WebhookSettings

__all__ = [
    "MIXED",
    "VARIANTS",
    "AddressError",
    "AppDeliveries",
    "Balance",
    "Clock",
    "Delivery",
    "Fault",
    "FaultKind",
    "Faults",
    "FixedWindow",
    "LoggedRequest",
    "ManualClock",
    "Payment",
    "PaymentStatus",
    "PlannedFault",
    "RateClass",
    "RateLimitHeaders",
    "RateLimitPolicy",
    "RequestLog",
    "RunningServer",
    "Sandbox",
    "SandboxClock",
    "SandboxError",
    "SandboxTransport",
    "SlidingLog",
    "SlidingWindowCounter",
    "StateFileError",
    "TokenBucket",
    "Unlimited",
    "Variants",
    "Verdict",
    "WebhookInbox",
    "WebhookSettings",
    "Webhooks",
    "Withdrawal",
    "WithdrawalStatus",
    "renew",
    "running_sandbox",
    "serve",
    "webhook_inbox",
]

for _name in __all__:
    _readable(globals()[_name])
