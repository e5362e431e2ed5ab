"""Calls as data: one row per endpoint, one pure builder per call.

A :class:`Call` says everything about one request and how to read its answer, so that the transport needs to know no
endpoint. Builders of the store are in modules of their own (``calls.store`` and those beside it), which nothing here
imports: whoever runs no store does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core import lazy_exports

if TYPE_CHECKING:
    from .call import Call, new_idempotency_key
    from .endpoints import (
        BALANCE,
        BALANCES,
        CREATE_INVOICE,
        CREATE_PAYMENT,
        CREATE_WITHDRAWAL,
        ENDPOINTS,
        PAYMENT_STATUS,
        WITHDRAWAL,
        Endpoint,
        Safety,
    )
    from .funds import balance, balances, create_withdrawal, withdrawal
    from .payments import create_invoice, create_payment, payment_status
    from .raw_request import request
else:
    # Builders import what reads JSON and the models of their answers.
    __getattr__, __dir__ = lazy_exports.exports(
        __name__,
        {
            "raw_request": ["request"],
            "call": ["Call", "new_idempotency_key"],
            "endpoints": [
                "BALANCE",
                "BALANCES",
                "CREATE_INVOICE",
                "CREATE_PAYMENT",
                "CREATE_WITHDRAWAL",
                "ENDPOINTS",
                "PAYMENT_STATUS",
                "WITHDRAWAL",
                "Endpoint",
                "Safety",
            ],
            "funds": ["balance", "balances", "create_withdrawal", "withdrawal"],
            "payments": ["create_invoice", "create_payment", "payment_status"],
        },
    )

__all__ = [
    "BALANCE",
    "BALANCES",
    "CREATE_INVOICE",
    "CREATE_PAYMENT",
    "CREATE_WITHDRAWAL",
    "ENDPOINTS",
    "PAYMENT_STATUS",
    "WITHDRAWAL",
    "Call",
    "Endpoint",
    "Safety",
    "balance",
    "balances",
    "create_invoice",
    "create_payment",
    "create_withdrawal",
    "new_idempotency_key",
    "payment_status",
    "request",
    "withdrawal",
]
