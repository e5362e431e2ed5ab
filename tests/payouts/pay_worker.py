"""Processes that plan rows and pay them until none is left to be sent, for tests that kill them.

They are forked from a process that has imported everything and has no threads, one after the other. The arguments of
each are URL, JOURNAL, ROWS, TRUSTS, ROOM, BYTES: TRUSTS is 1 where the API is known to honour idempotency keys. ROOM is
the number of pages by which the journal may grow before SQLite says that the disk is full, -1 for no bound; with BYTES
1 the operating system sets that bound.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from inventpay import InventPay, InventPayError, RateLimits, RetryPolicy
from inventpay._concurrency.threads import Backend
from inventpay._transport import http_client  # noqa: F401 - imported once, before the workers are forked
from inventpay.payouts import JournalError, Payout, PayoutReport, PayoutRow, Payouts

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
LIMITS = RateLimits(withdrawals=10**6, other=10**6, status_checks=10**6, payment_creation=10**6)
PAGE = 4096
T = TypeVar("T")
RUNS = 60
"""Runs after which every row has its answer: each ends at the first refused key, or at five unknown outcomes."""


def payouts(count: int) -> list[Payout]:
    """Return the rows of the test: their description is their id, by which the ledger knows them."""
    return [Payout(f"row{n}", 10 + n, "USDT_BEP20", ADDRESS, f"row{n}") for n in range(count)]


class Impatient(Backend):
    """A clock that is set ahead, and pauses that take no time: they are no part of these tests."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def wall(self) -> datetime:
        """Return the time, later by ``ahead``."""
        return super().wall() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Return at once."""


def client_of(url: str, *, trusts: bool) -> InventPay:
    """Return a client without limits."""
    policy = RetryPolicy(trust_idempotency=trusts)
    options = {"withdrawal_key": "wk_live_of_payouts", "base_url": url, "rate_limits": LIMITS}
    client = InventPay("pk_live_of_payouts", retry=policy, timeout=60.0, attempt_timeout=60.0, **options)  # type: ignore[arg-type]
    client._backend = client._transport._backend = Impatient()  # pyright: ignore[reportPrivateUsage]
    return client


def persistent(call: Callable[[], T]) -> T:
    """Make a call again while the first reads of the balance fail."""
    for _ in range(RUNS):
        try:
            return call()
        except JournalError:
            raise
        except InventPayError as error:
            latest = error
    raise latest


def run_all(ledger: Payouts, batch: str, *, trusts: bool) -> PayoutReport:
    """Run until no row is left that another run could change."""
    report = ledger.report(batch=batch)
    for _ in range(RUNS):
        report = persistent(lambda: ledger.run(batch=batch))
        if report.is_complete or (not report.planned and not trusts):
            break
    return report


def pay(url: str, journal: str, count: int, *, trusts: bool, room: int = -1, limits_bytes: bool = False) -> None:
    """Plan and run until no row is left that another run could change."""
    with client_of(url, trusts=trusts) as client, Payouts(client, journal) as ledger:
        batch = persistent(lambda: ledger.plan(payouts(count))).batch
        if room >= 0 and limits_bytes:
            assert sys.platform != "win32"
            import resource

            most = os.path.getsize(journal) + room * PAGE
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        elif room >= 0:
            database = ledger._journal._database  # pyright: ignore[reportPrivateUsage]
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count = {pages + room}")
        run_all(ledger, batch, trusts=trusts)


def settled(ledger: Payouts, row: PayoutRow, known: str | None) -> PayoutRow:
    """Settle a row by the dashboard."""
    return ledger.settle(row.id, withdrawal_id=known, not_paid=known is None, by="Ada")


def finish(url: str, journal: str, dashboard: Callable[[], dict[str, str]], *, trusts: bool) -> None:
    """Do what a person does in the end: settle doubts by the dashboard, retry what was not paid, until all is paid."""
    with client_of(url, trusts=trusts) as client, Payouts(client, journal) as ledger:
        backend = client._backend
        assert isinstance(backend, Impatient)
        backend.ahead = timedelta(minutes=31)
        for _ in range(RUNS):
            report = ledger.report()
            for row in report.in_doubt:
                known = dashboard().get(row.id)
                persistent(lambda row=row, known=known: settled(ledger, row, known))  # type: ignore[misc]
            ledger.retry([row.id for row in ledger.report().rows if row.status in ("refused", "not paid")])
            report = run_all(ledger, report.rows[0].batch, trusts=trusts)
            if len(report.paid) == len(report.rows):
                return
            # The half hour after the latest request passes.
            backend.ahead += timedelta(minutes=31)


def adopt(url: str, journal: str) -> None:
    """Make this place that of a copied journal."""
    with client_of(url, trusts=False) as client, Payouts(client, journal) as ledger:
        ledger.adopt()


def work(arguments: list[str]) -> None:
    """Run one worker."""
    url, journal, count, trusts, room, limits_bytes = arguments
    try:
        pay(url, journal, int(count), trusts=trusts == "1", room=int(room), limits_bytes=limits_bytes == "1")
    except JournalError as error:
        sys.exit(error.message)


def main() -> None:
    """Fork a worker for each line of arguments; print its process id, and its exit code when it ends."""
    assert sys.platform != "win32"
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        worker = os.fork()
        if worker == 0:
            code = 1
            try:
                work(arguments)
                code = 0
            except BaseException:
                Path(log).write_text(traceback.format_exc())
            finally:
                os._exit(code)
        print(worker, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
