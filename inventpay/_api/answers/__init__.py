"""From parsed JSON to models: one function an answer, each accepting every variant some source documents.

Members that sources put in different places are moved to one before the model is made; a shape no source documents is
a DecodeError with its JSON path. The store's answers are in modules of their own, which nothing here imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._core import lazy_exports

if TYPE_CHECKING:
    from .funds import balance, balances, withdrawal
    from .payments import invoice, payment, payment_status
else:
    __getattr__, __dir__ = lazy_exports.exports(
        __name__,
        {
            "funds": ["balance", "balances", "withdrawal"],
            "payments": ["invoice", "payment", "payment_status"],
        },
    )

__all__ = ["balance", "balances", "invoice", "payment", "payment_status", "withdrawal"]
