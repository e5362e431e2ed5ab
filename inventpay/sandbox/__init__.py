"""A local stand-in of the InventPay API: the documented endpoints over real HTTP, with made-up money and no account.

    from inventpay.sandbox import Sandbox

    sandbox = Sandbox()
    with sandbox.run() as server:
        print(server.url)          # http://127.0.0.1:<a free port>
        ...                        # create payments through the client, then: sandbox.pay(payment_id)

Needs the extra `sandbox` (Starlette, uvicorn, Jinja2, segno). What the documentation leaves open is decided in
`assumptions.py`.
"""

from __future__ import annotations

from importlib.util import find_spec as _find_spec

try:
    import starlette  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]

    # The pages load these two when they are first opened, but whoever lacks them should hear of it here.
    for _name in ("jinja2", "segno"):
        if _find_spec(_name) is None:
            raise ImportError(f"No module named {_name!r}")
except ImportError as _missing:
    raise ImportError(
        f'The sandbox needs Starlette, uvicorn, Jinja2 and segno ({_missing}); from a clone: pip install ".[sandbox]"'
    ) from _missing

from inventpay.sandbox.balances import Balance
from inventpay.sandbox.clock import Clock, ManualClock, SandboxClock
from inventpay.sandbox.errors import AddressError, SandboxError, StateFileError
from inventpay.sandbox.faults import Fault, FaultKind, Faults, PlannedFault
from inventpay.sandbox.foreground import serve
from inventpay.sandbox.inbox import WebhookInbox, webhook_inbox
from inventpay.sandbox.payments import Payment, PaymentStatus
from inventpay.sandbox.rate_limit_headers import RateLimitHeaders
from inventpay.sandbox.rate_limits import (
    FixedWindow,
    RateClass,
    RateLimitPolicy,
    SlidingLog,
    SlidingWindowCounter,
    TokenBucket,
    Unlimited,
    Verdict,
)
from inventpay.sandbox.request_log import LoggedRequest, RequestLog
from inventpay.sandbox.sandbox import Sandbox
from inventpay.sandbox.server import RunningServer
from inventpay.sandbox.testing import renew, running_sandbox
from inventpay.sandbox.transport import SandboxTransport
from inventpay.sandbox.variants import MIXED, VARIANTS, Variants
from inventpay.sandbox.webhooks import Delivery, Webhooks, WebhookSettings
from inventpay.sandbox.withdrawals import Withdrawal, WithdrawalStatus

__all__ = [
    "MIXED",
    "VARIANTS",
    "AddressError",
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
