"""The rules of a run, without a clock, a file or a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from inventpay.models import Balance, Withdrawal
from inventpay.models.balances import Limit, WithdrawalLimits
from inventpay.payouts import PayoutRow
from inventpay.payouts.decisions import (
    Counter,
    Sighting,
    belongs,
    differences,
    limit_reached,
    server_time,
    unexplained,
    why_not_repeated,
)
from inventpay.payouts.planning import exceeds, warnings_of
from inventpay.payouts.rows import digest_of, key_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
ROW = PayoutRow(
    id="1", batch="b", amount=Decimal(10), currency="USDT_BEP20", destination_address=ADDRESS, first_sent_at=NOON
)
BALANCE = Balance(
    currency="USDT_BEP20", available_balance=Decimal(50), total_earned=Decimal(50), total_withdrawn=Decimal(0)
)


@pytest.mark.parametrize(
    ("effects", "stops"),
    [
        ("unknown " * 5, "5 unknown"),
        ("unknown " * 4 + "paid " + "unknown " * 4, None),
        ("unsent " * 3, "3 rows in a row"),
        ("unsent unsent wait unsent unsent", None),
        ("refused " * 5, "5 equal refusals"),
        ("refused " * 4 + "paid refused", None),
        ("wait " * 29, None),
        ("wait " * 30, "the rate limit"),
        ("stop", "reason"),
        ("paid " * 50, None),
    ],
)
def test_a_run_stops_after_what_follows_in_a_row(effects: str, stops: str | None) -> None:
    """Counts begin again after any other effect, and the run stops at the last of a series, not before."""
    counter = Counter()
    *before, last = [counter.stopped_by(effect, "reason") for effect in effects.split()]  # type: ignore[arg-type]
    assert not any(before)
    assert (last is None) if stops is None else (last is not None and last.startswith(stops))


def test_different_refusals_are_no_series() -> None:
    """Each is a problem of its own row."""
    counter = Counter()
    assert not any(counter.stopped_by("refused", str(number % 2)) for number in range(20))


@pytest.mark.parametrize(
    ("found", "merchant", "known", "expected"),
    [
        (None, "m1", False, (True, "merchant m1")),
        (None, None, False, (True, "an API key")),
        ("merchant m1", "m1", False, (True, None)),
        ("merchant m1", "m2", True, (False, None)),
        ("merchant m1", None, True, (True, None)),
        ("merchant m1", None, False, (False, None)),
        ("an API key", "m1", True, (True, "merchant m1")),
        ("an API key", "m1", False, (False, None)),
        ("an API key", None, False, (False, None)),
    ],
)
def test_a_journal_belongs_to_a_merchant(found: str | None, merchant: str | None, known: bool, expected: Any) -> None:
    """The merchant decides where the API names one; else the key must have opened the journal before."""
    assert belongs(found, merchant=merchant, is_known_key=known) == expected


AMOUNTS = st.decimals(min_value=0, max_value=1000, places=2)


@given(st.lists(AMOUNTS, max_size=5), st.lists(AMOUNTS, max_size=5), AMOUNTS)
def test_other_withdrawals_are_the_rise_beyond_the_rows(
    counted: list[Decimal], later: list[Decimal], other: Decimal
) -> None:
    """Whether the API counts a row when it is made or when it is complete, its own rows are never a surplus."""
    before = sum(counted, Decimal(0))
    ended = [evolve(ROW, status="completed", amount=each, ended_at=NOON - timedelta(1)) for each in counted]
    rows = [*ended, *(evolve(ROW, status="accepted", amount=each) for each in later)]
    seen = Sighting.read(str(Sighting(before, NOON)))
    whole = before + sum(later, Decimal(0))
    assert unexplained(rows, "USDT_BEP20", seen, whole) == 0
    assert unexplained(rows, "USDT_BEP20", seen, before) == 0
    assert unexplained(rows, "USDT_BEP20", seen, whole + other) == other
    assert unexplained(rows, "BTC", seen, whole) == sum(later, Decimal(0))


@pytest.mark.parametrize(
    ("changes", "arguments", "reason"),
    [
        ({}, {}, None),
        ({"first_sent_at": None}, {}, "no request"),
        ({"idempotency_key": None}, {}, "no request"),
        ({}, {"proven": False}, "not proven"),
        ({}, {"sent_as": "other"}, "another API key"),
        ({}, {"clock_is_back": True}, "clock"),
        ({}, {"now": NOON + timedelta(hours=20)}, None),
        ({}, {"now": NOON + timedelta(hours=20, seconds=1)}, "20 hours"),
    ],
)
def test_a_doubt_is_repeated_only_where_it_is_safe(changes: Any, arguments: Any, reason: str | None) -> None:
    """With proof, under the same keys and header, within 20 hours, by a clock that was not set back."""
    row = evolve(ROW, **{"idempotency_key": "k", "key_account": "a", **changes})
    found = why_not_repeated(row, **{"sent_as": "a", "proven": True, "now": NOON, "clock_is_back": False, **arguments})
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_limits_and_balance_stop_a_run_with_the_time_of_the_rest() -> None:
    """A reset that has passed says nothing; residues of binary arithmetic stop no run."""
    assert limit_reached(BALANCE, Decimal(50), NOON) is None
    assert limit_reached(BALANCE, Decimal(51), NOON) == ("stop", "balance", 0.0, None)
    assert limit_reached(evolve(BALANCE, available_balance=Decimal("49.99999999999999")), Decimal(50), NOON) is None
    midnight = datetime(2026, 11, 29, tzinfo=UTC)
    for reset_at, expected in ((None, midnight), (NOON - timedelta(1), midnight), (NOON + timedelta(1), None)):
        daily = Limit(limit=Decimal(30), used=Decimal(25), reset_at=reset_at)
        limited = evolve(BALANCE, limits=WithdrawalLimits(daily=daily, weekly=None, monthly=None))
        step = limit_reached(limited, Decimal(6), NOON)
        assert step is not None
        assert (step.reason, step.resume_at) == ("daily limit", expected or reset_at)
        assert limit_reached(limited, Decimal(5), NOON) is None


def test_amounts_differ_by_more_than_a_residue() -> None:
    """0.1 + 0.2 of a server with doubles is 0.3; a satoshi of a bitcoin is money."""
    assert not exceeds(Decimal("0.30000000000000004"), Decimal("0.3"))
    assert exceeds(Decimal("1.00000001"), Decimal(1))


def test_a_key_depends_on_the_data_and_the_attempt() -> None:
    """And not on the digits in which the amount is written; next month's row 1 has another key."""
    assert key_of(ROW) == key_of(evolve(ROW, amount=Decimal("10.00"), batch="c", line=7))
    others = [
        {"id": "2"},
        {"currency": "USDT_ERC20"},
        {"amount": Decimal(11)},
        {"destination_address": "x"},
        {"attempt": 2},
    ]
    keys = {key_of(evolve(ROW, **change)) for change in others}
    assert len(keys | {key_of(ROW)}) == 6


def test_a_digest_is_that_of_the_payouts() -> None:
    """In any order, and whatever became of them; every other datum counts."""
    other = evolve(ROW, id="2", amount=Decimal(5))
    digest = digest_of([ROW, other])
    assert digest == digest_of([other, evolve(ROW, status="accepted", amount=Decimal("10.0"))])
    for change in ({"id": "3"}, {"amount": Decimal(6)}, {"destination_address": "x"}, {"description": "y"}):
        assert digest_of([ROW, evolve(other, **change)]) != digest
    assert digest_of([ROW]) != digest


@pytest.mark.parametrize(
    ("first", "second"), [("INV-7", "inv-007"), ("é", "e\u0301"), ("0", "00"), ("10", "010"), ("Ⅷ", "viii")]
)
def test_ids_that_people_take_for_one_are_warned_of(first: str, second: str) -> None:
    """Case, leading zeros, and forms of Unicode."""
    rows = [evolve(ROW, id=first), evolve(ROW, id=second, destination_address="y")]
    assert any("differ only in" in text for text in warnings_of(rows, [], NOON))
    assert not warnings_of([evolve(ROW, id="10"), evolve(ROW, id="1", amount=Decimal(9))], [], NOON)


@pytest.mark.parametrize(
    ("address", "written", "same"),
    [
        (ADDRESS, ADDRESS.lower(), True),
        ("BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", True),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1boatslrhtknngkdxeeobr76b53lettpyt", False),
    ],
)
def test_equal_payments_are_warned_of_on_any_chain(address: str, written: str, same: bool) -> None:
    """The address in other letters and the coin on another chain are the same payout to a person."""
    rows = [
        evolve(ROW, destination_address=address),
        evolve(ROW, id="other", destination_address=written, currency="USDT_ERC20"),
    ]
    assert any("the same amount to the same address" in text for text in warnings_of(rows, [], NOON)) is same
    assert any("the same amount" in text for text in warnings_of(rows[1:], rows[:1], NOON)) is same


def test_a_withdrawal_pays_a_row_only_where_it_is_the_same() -> None:
    """Amount, coin and address; hexadecimal addresses have no case, and an amount may come as a JSON double."""
    made = Withdrawal(
        withdrawal_id="w1",
        amount=Decimal(10),
        currency="USDT_BEP20",
        destination_address=ADDRESS.lower(),
        status="PENDING",
    )
    assert differences(ROW, made) == []
    other = evolve(made, amount=Decimal("10.01"), currency="BTC", destination_address="x")
    assert len(differences(ROW, other)) == 3


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    """The clock of this machine is used then."""
    assert server_time({"date": date} if date else {}) is None
    assert server_time({"date": "Sat, 28 Nov 2026 12:00:00 GMT"}) == NOON
