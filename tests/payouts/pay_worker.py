"""A process that plans rows and pays them until none is left to be sent, for tests that kill it.

    python -m tests.payouts.pay_worker URL JOURNAL ROWS TRUSTS ROOM

TRUSTS is 1 where the API is known to honour idempotency keys. ROOM is the number of pages by which the journal may
grow before SQLite says that the disk is full, -1 for no bound. Prints the statuses at the end.
"""

from __future__ import annotations

import contextlib
import sys

from inventpay import InventPay, RateLimits, RetryPolicy
from inventpay._concurrency.threads import Backend
from inventpay.payouts import JournalError, Payout, Payouts

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
LIMITS = RateLimits(withdrawals=10**6, other=10**6, status_checks=10**6, payment_creation=10**6)


def payouts(count: int) -> list[Payout]:
    """Return the rows of the test: their description is their id, by which the ledger knows them."""
    return [Payout(f"row{n}", 10 + n, "USDT_BEP20", ADDRESS, f"row{n}") for n in range(count)]


class Impatient(Backend):
    """Waits for nothing: pauses between requests are no part of these tests."""

    def sleep(self, seconds: float) -> None:
        """Return at once."""


def client_of(url: str, *, trusts: bool) -> InventPay:
    """Return a client without limits."""
    policy = RetryPolicy(trust_idempotency=trusts)
    options = {"withdrawal_key": "wk_live_of_payouts", "base_url": url, "rate_limits": LIMITS}
    client = InventPay("pk_live_of_payouts", retry=policy, timeout=10.0, **options)  # type: ignore[arg-type]
    client._backend = client._transport._backend = Impatient()  # pyright: ignore[reportPrivateUsage]
    return client


def pay(url: str, journal: str, count: int, *, trusts: bool, room: int = -1) -> list[str]:
    """Plan and run until nothing is left that another run could change; return the statuses."""
    with client_of(url, trusts=trusts) as client, Payouts(client, journal) as ledger:
        batch = ledger.plan(payouts(count)).batch
        report = ledger.report(batch=batch)
        if room >= 0:
            database = ledger._journal._database  # pyright: ignore[reportPrivateUsage]
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count = {pages + room}")
        for _ in range(40):
            with contextlib.nullcontext() if room >= 0 else contextlib.suppress(JournalError):
                report = ledger.run(batch=batch)
            if report.is_complete or (not report.planned and not trusts):
                break
        return [row.status for row in report.rows]


def adopt(url: str, journal: str) -> None:
    """Make this place that of a copied journal."""
    with client_of(url, trusts=False) as client, Payouts(client, journal) as ledger:
        ledger.adopt()


def main() -> None:
    """Run the worker."""
    url, journal, count, trusts, room = sys.argv[1:]
    try:
        print(*pay(url, journal, int(count), trusts=trusts == "1", room=int(room)), sep=",")
    except JournalError as error:
        sys.exit(error.message)


if __name__ == "__main__":
    main()
