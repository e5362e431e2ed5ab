"""Mistakes of the caller that only one of the two clients, or one kind of system, can make."""

from __future__ import annotations

import errno
import functools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inventpay import AsyncInventPay, ConfigurationError, InvalidArgumentError
from inventpay.payouts import AsyncPayouts, JournalError, Payout, Payouts, file_lock, read_journal
from inventpay.sandbox import Sandbox
from tests.support.clients import new_key
from tests.support.systems import needs_fork

ROW = Payout("1", 10, "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D")


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_payouts")
    made.deposit("USDT_BEP20", 1000)
    return made


async def progress(_: object) -> None:
    """Never run."""


class Progress:
    """Its call never runs."""

    async def __call__(self, _: object) -> None:
        """Never run."""


def yielding_progress(event: object) -> Iterator[object]:
    """Never run."""
    yield event


@pytest.mark.parametrize(
    ("function", "flaw"),
    [
        (progress, "is async"),
        (Progress(), "is async"),
        (functools.partial(Progress()), "is async"),
        (yielding_progress, "has a yield"),
        (functools.partial(yielding_progress), "has a yield"),
    ],
    ids=["async", "object", "partial of an object", "generator", "partial of a generator"],
)
def test_a_function_whose_call_runs_nothing_is_refused(
    sandbox: Sandbox, tmp_path: Path, function: Any, flaw: str
) -> None:
    """As progress and as a hook: it would never report anything."""
    with sandbox.client() as client, Payouts(client, tmp_path / "p.sqlite3") as payouts:
        payouts.plan([ROW])
        with pytest.raises(InvalidArgumentError, match=flaw):
            payouts.run(on_progress=function)
        with pytest.raises(ConfigurationError, match=flaw):
            payouts.add_hook(function)
        assert [row.status for row in payouts.report().rows] == ["planned"]


async def test_a_coroutine_function_is_refused_by_the_async_client_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """Progress is reported while nothing may be awaited."""
    async with (
        AsyncInventPay(sandbox.api_key, transport=sandbox.transport()) as client,
        AsyncPayouts(client, tmp_path / "p.sqlite3") as payouts,
    ):
        await payouts.plan([ROW])
        with pytest.raises(InvalidArgumentError, match="is async"):
            await payouts.run(on_progress=progress)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_locks_is_named(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Without the lock two processes could pay; but no other process has the journal, and waiting would not help."""

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(file_lock, "_lock", refuse)
    with sandbox.client() as client, pytest.raises(JournalError, match="cannot be opened") as caught:
        Payouts(client, tmp_path / "p.sqlite3")
    assert os.strerror(code) in str(caught.value)


@needs_fork
def test_a_forked_child_cannot_use_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    """It inherits the lock, and would send the rows a second time."""
    with sandbox.client() as client, Payouts(client, tmp_path / "p.sqlite3") as payouts:
        payouts.plan([ROW])
        # The state that a child would find; a real fork in a process with threads may hang.
        payouts._journal._process = os.getppid()
        with pytest.raises(JournalError, match="was forked"):
            payouts.run()
        payouts._journal._process = os.getpid()
        assert len(payouts.run().paid) == 1


def test_a_row_survives_a_power_failure(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each write reaches the disk before a request is sent, and a copy of the file alone has all of them."""
    with sandbox.client() as client, Payouts(client, tmp_path / "p.sqlite3") as payouts:
        database = payouts._journal._database
        assert database.execute("PRAGMA synchronous").fetchone()[0] == 3  # EXTRA
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def edit(path: Path, change: str) -> None:
    """Change the rows of a journal as another program does."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"UPDATE payouts SET {change}")
        database.commit()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("status = 'Planned'", "status='Planned' is no state"),
        ("amount = 'NaN'", "amount=NaN is no amount"),
        ("amount = '-1'", "amount=-1 is no amount"),
        ("amount = 'ten'", "cannot be read"),
        ("planned_at = 'yesterday'", "cannot be read"),
        ("columns = '{'", "cannot be read"),
    ],
)
def test_a_row_that_another_program_edited_is_not_sent(
    change: str, words: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A row that this package never wrote is an error, of a run and of a report, and no row is left out for it."""
    path = tmp_path / "journal.sqlite3"
    with sandbox.client() as client:
        with Payouts(client, path) as payouts:
            payouts.plan([ROW])
        edit(path, change)
        with Payouts(client, path) as payouts, pytest.raises(JournalError, match=words):
            payouts.run()
        with pytest.raises(JournalError, match=words):
            read_journal(path)
    assert sandbox.balance("USDT_BEP20").locked == 0


@pytest.mark.parametrize("status", ["planned", "sending", "in doubt"])
def test_a_paid_row_that_another_program_opened_again_is_not_sent(
    status: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The journal notes every withdrawal apart from the rows, and sends no row twice in one attempt."""
    path = tmp_path / "journal.sqlite3"
    with sandbox.client() as client:
        with Payouts(client, path) as payouts:
            payouts.plan([ROW])
            paid = payouts.run().paid[0]
        edit(path, f"status = '{status}', withdrawal_id = NULL")
        with pytest.raises(JournalError, match=f"withdrawal {paid.withdrawal_id} was made for it"):
            Payouts(client, path)
        edit(path, f"status = 'accepted', withdrawal_id = '{paid.withdrawal_id}'")
        with Payouts(client, path) as payouts:
            assert len(payouts.run().paid) == 1
