"""Payouts with a journal: each recipient is paid exactly once.

>>> with InventPay() as client, Payouts(client, journal="payouts.sqlite3") as payouts:
...     plan = payouts.plan(read_payouts("november.csv"))
...     report = payouts.run(batch=plan.batch, on_progress=print)
"""

from __future__ import annotations

from .._core.lazy_exports import exports

# Written from __init__.pyi by tools/generate_exports.py. Edit the stub, then run: nox -s sync
# pyright: reportUnsupportedDunderAll=false
_EXPORTS = {
    "_async.payouts": ["AsyncPayouts"],
    "_sync.payouts": ["Payouts"],
    "errors": ["JournalError", "PayoutPlanError", "PayoutProblem"],
    "files": ["read_payouts", "write_report"],
    "hooks": ["PayoutHook", "PayoutRowChanged"],
    "journal_copy": ["read_journal"],
    "reports": ["PayoutProgress", "PayoutReport", "PayoutTotals", "Plan"],
    "rows": ["Payout", "PayoutRow", "PayoutStatus"],
}
__all__ = [
    "AsyncPayouts",
    "JournalError",
    "Payout",
    "PayoutHook",
    "PayoutPlanError",
    "PayoutProblem",
    "PayoutProgress",
    "PayoutReport",
    "PayoutRow",
    "PayoutRowChanged",
    "PayoutStatus",
    "PayoutTotals",
    "Payouts",
    "Plan",
    "read_journal",
    "read_payouts",
    "write_report",
]
# End of the written part.

__getattr__, __dir__ = exports(__name__, _EXPORTS)
