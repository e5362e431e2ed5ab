"""Pay out from a file: plan, run, and write a report. Kill it at any moment and start it again.

    python examples/payouts/pay.py examples/payouts/november.csv payouts.sqlite3 report.csv

Keys and base URL come from the environment; `python -m inventpay sandbox` prints some to try it with.
"""

from __future__ import annotations

import sys

from inventpay import InventPay
from inventpay.payouts import PayoutPlanError, Payouts, read_payouts, write_report


def main(file: str, journal: str, report_file: str) -> int:
    """Return 0 when every row was accepted, 1 when rows are left, 2 when the file was refused."""
    with InventPay() as client, Payouts(client, journal) as payouts:
        try:
            plan = payouts.plan(read_payouts(file))
        except PayoutPlanError as error:
            print(error)
            return 2
        print(plan)
        for warning in plan.warnings:
            print("look at:", warning)
        report = payouts.run(batch=plan.batch, digest=plan.digest, on_progress=print)
        write_report(report, report_file)
        print(report)
        for row in report.in_doubt:
            print(f"{row.id} may have been paid: {row.reason}")
        return 0 if report.is_complete else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
