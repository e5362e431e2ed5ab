"""The rules of a run, without a clock, a file or a server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from inventpay.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    InvalidArgumentError,
    InventPayError,
    LimiterUnavailableError,
    RateLimitedError,
    RateLimitTimeoutError,
)
from inventpay.models import Balance, Withdrawal
from inventpay.models.balances import Limit, WithdrawalLimits
from inventpay.payouts import PayoutRow
from inventpay.payouts.decisions import (
    Counter,
    SeenTotal,
    belongs,
    differences,
    evidence,
    facts_of,
    is_replayed,
    judge,
    key_refused,
    limit_reached,
    server_time,
    step_of,
    step_without_evidence,
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
        ("paid " + "wait " * 29, None),
        ("unsent " + "wait " * 30, "the rate limit"),
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
    """The own rows are never a surplus, counted by the API when they are made or when they are complete."""
    before = sum(counted, Decimal(0))
    ended = [evolve(ROW, status="completed", amount=each, ended_at=NOON - timedelta(1)) for each in counted]
    rows = [*ended, *(evolve(ROW, status="accepted", amount=each) for each in later)]
    seen = SeenTotal.read(str(SeenTotal(before, NOON)))
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
    for edge in ("Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 01 Jan 1800 00:00:00 GMT"):
        assert server_time({"date": edge}) is None
    assert server_time({"date": "Sat, 28 Nov 2026 12:00:00 GMT"}) == NOON


def failing(kind: type[InventPayError], outcome: Any, **more: Any) -> InventPayError:
    """The error of a row's call."""
    error = kind("it broke", **more)
    error.outcome = outcome
    error.repeat_after = 9.0
    return error


JUDGED = [
    (failing(APIStatusError, "unknown", status=502), ("in doubt", "unknown")),
    (failing(APIConnectionError, "unknown"), ("in doubt", "unknown")),
    (failing(InventPayError, "done"), ("in doubt", "unknown")),
    (failing(RateLimitedError, "refused", status=429), ("planned", "wait")),
    (failing(RateLimitTimeoutError, "not_sent"), ("planned", "wait")),
    (failing(LimiterUnavailableError, "not_sent"), ("planned", "wait")),
    (failing(ConfigurationError, "not_sent"), ("planned", "raise")),
    (failing(InvalidArgumentError, "not_sent"), ("planned", "raise")),
    (failing(APIConnectionError, "not_sent"), ("planned", "unsent")),
    (failing(APIStatusError, "refused", status=401), ("planned", "stop")),
    (failing(APIStatusError, "refused", status=403), ("planned", "stop")),
    (failing(APIStatusError, "refused", status=422), ("refused", "refused")),
]


@pytest.mark.parametrize(("error", "expected"), JUDGED)
def test_a_row_is_judged_by_what_its_error_proves(error: InventPayError, expected: tuple[str, str]) -> None:
    """Only a refusal that proves that there was no effect counts as one; the reason is the error's message."""
    verdict = judge(error)
    assert (verdict.status, verdict.effect) == expected
    assert (verdict.reason, verdict.withdrawal_id) == ("it broke", None)


def test_an_error_that_names_the_withdrawal_is_a_success() -> None:
    """The row is accepted under the id, if the outcome is done; an id alone proves nothing."""
    error = failing(InventPayError, "done")
    error.resource_id = "w1"
    verdict = judge(error)
    assert (verdict.status, verdict.effect, verdict.reason, verdict.withdrawal_id) == (
        "accepted",
        "paid",
        "it broke",
        "w1",
    )
    error.outcome = "unknown"
    assert (judge(error).status, judge(error).withdrawal_id) == ("in doubt", None)


@pytest.mark.parametrize(("error", "expected"), JUDGED)
def test_a_repeated_doubt_that_is_refused_stays_in_doubt(error: InventPayError, expected: tuple[str, str]) -> None:
    """The first request may have had an effect, whatever becomes of the second; other steps follow the verdict."""
    verdict = judge(error)
    if verdict.effect == "stop":
        assert (
            step_of(verdict, error, doubtful=True) == step_of(verdict, error, doubtful=False) == key_refused("it broke")
        )
        assert key_refused("it broke") == ("stop", "the API refused the key: it broke", 0.0, None)
        return
    assert step_of(verdict, error, doubtful=False) == (expected[1], "it broke", error.repeat_after, None)
    effect = "unknown" if expected[1] in ("refused", "raise") else expected[1]
    assert step_of(verdict, error, doubtful=True) == (effect, "it broke", error.repeat_after, None)
    assert step_of(verdict, error, doubtful=True).is_to_be_tried_again is (effect in ("wait", "unsent"))


def test_a_row_without_evidence_is_not_sent() -> None:
    """A balance that cannot be read stops the run where the key is refused; else the row is tried later."""
    words = "the balance of BTC could not be read: it broke"
    for error, expected in (
        (failing(RateLimitedError, "refused", status=429), ("wait", words, 9.0, None)),
        (failing(APIStatusError, "unknown", status=500), ("unsent", words, 9.0, None)),
        (failing(APIConnectionError, "unknown"), ("unsent", words, 9.0, None)),
        (failing(APIStatusError, "refused", status=401), key_refused("it broke")),
        (failing(APIStatusError, "refused", status=403), key_refused("it broke")),
    ):
        assert step_without_evidence("BTC", error) == expected


def test_a_run_stops_in_words() -> None:
    """The words name how often it happened, and the last reason."""
    for effect, count, words in (
        ("unknown", 5, "5 unknown outcomes in a row, the last one: why"),
        ("unsent", 3, "3 rows in a row could not be sent, the last one: why"),
        ("refused", 5, "5 equal refusals in a row: why"),
        ("wait", 30, "the rate limit permitted no call after 30 waits: why"),
        ("stop", 1, "why"),
    ):
        counter = Counter()
        assert [counter.stopped_by(effect, "why") for _ in range(count)][-1] == words  # type: ignore[arg-type]


def test_a_refusal_begins_a_series_of_its_own() -> None:
    """Of refusals with another reason in between, only the last equal ones count, the first of them included."""
    counter = Counter()
    reasons = ["a"] * 4 + ["b"] * 5
    assert [counter.stopped_by("refused", reason) is not None for reason in reasons] == [False] * 8 + [True]


MADE = Withdrawal(
    withdrawal_id="w1", amount=Decimal(10), currency="USDT_BEP20", destination_address=ADDRESS, status="PENDING"
)


def test_a_row_takes_what_its_withdrawal_knows() -> None:
    """The state, and of other members those that are there; a time of completion falls back on now."""
    assert facts_of(MADE, NOON) == {"status": "accepted"}
    known = evolve(MADE, fee_amount=Decimal(1), net_amount=Decimal(9), transaction_hash="0xab")
    facts = {"fee_amount": Decimal(1), "net_amount": Decimal(9), "transaction_hash": "0xab"}
    assert facts_of(known, NOON) == {"status": "accepted", **facts}
    done = evolve(known, status="COMPLETED")
    assert facts_of(done, NOON) == {"status": "completed", "completed_at": NOON, "ended_at": NOON, **facts}
    before = NOON - timedelta(hours=1)
    assert facts_of(evolve(done, completed_at=before), NOON)["completed_at"] == before
    for status in ("FAILED", "CANCELLED"):
        failed = evolve(MADE, status=status)
        assert facts_of(failed, NOON) == {"status": "failed", "reason": f"the API says {status}", "ended_at": NOON}
        assert facts_of(evolve(failed, failure_reason="no gas"), NOON)["reason"] == "no gas"
        assert facts_of(evolve(failed, fee_amount=Decimal(1)), NOON)["fee_amount"] == 1


@pytest.mark.parametrize(
    ("created", "sent", "expected"),
    [
        (NOON - timedelta(minutes=5), NOON, False),
        (NOON - timedelta(minutes=5, seconds=1), NOON, True),
        (NOON + timedelta(minutes=6), NOON, False),
        (None, NOON, False),
        (NOON, None, False),
    ],
)
def test_a_withdrawal_of_another_request_is_recognized_by_its_age(
    created: datetime | None, sent: datetime | None, expected: bool
) -> None:
    """More than five minutes older than the row's first request, by clocks that may differ."""
    assert is_replayed(evolve(ROW, first_sent_at=sent), evolve(MADE, created_at=created)) is expected


def test_differences_are_shown_with_both_values() -> None:
    """A person compares them; an amount may come as a JSON double, and letters may come in the other case."""
    other = evolve(MADE, amount=Decimal("1E+1") + 1, currency="BTC", destination_address="x")
    assert differences(ROW, other) == [
        "its amount is 11, not 10",
        "its coin is BTC, not USDT_BEP20",
        f"its address is x, not {ADDRESS}",
    ]
    double = evolve(MADE, amount=Decimal("0.1000000000000000055511151231257827"), destination_address=ADDRESS.upper())
    assert differences(evolve(ROW, amount=Decimal("0.1")), double) == []


@pytest.mark.parametrize(
    ("row", "made", "found"),
    [
        ({}, {"currency": "usdt_bep20"}, None),
        ({}, {"currency": "USDT", "raw": {"network": "bep20"}}, None),
        ({}, {"currency": "USDT", "raw": {"network": "ERC20"}}, "coin"),
        ({}, {"currency": "USDT"}, "coin"),
        ({"amount": Decimal("10.123456789")}, {"amount": Decimal("10.12345679")}, None),
        ({"amount": Decimal("10.123456789")}, {"amount": Decimal("10.1234")}, "amount"),
        ({}, {"destination_address": ""}, "address"),
        ({"destination_address": "1Boat"}, {"destination_address": "1bOAT"}, "address"),
    ],
)
def test_differences_follow_the_rules_for_echoes(row: dict[str, Any], made: dict[str, Any], found: str | None) -> None:
    """An answer that a call takes for its own pays the row later, too; base58 has no case to ignore."""
    shown = differences(evolve(ROW, **row), evolve(MADE, **{"destination_address": ADDRESS, **made}))
    assert len(shown) == (found is not None)
    assert found is None or f"its {found} is " in shown[0]


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is nine hours ahead of UTC."""
    if not hasattr(time, "tzset"):
        pytest.skip("the zone cannot be set here")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_evidence_is_what_the_balance_shows() -> None:
    """In plain digits, without what the API leaves out, at a time in UTC."""
    assert evidence(BALANCE, NOON) == {"available": "50", "withdrawn": "0", "at": "2026-11-28T12:00:00+00:00"}
    limits = WithdrawalLimits(
        daily=Limit(limit=Decimal(30), used=Decimal(5)), weekly=None, monthly=Limit(limit=Decimal(90), used=Decimal(7))
    )
    held = evolve(BALANCE, locked_balance=Decimal("1E-8"), limits=limits)
    later = NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(microseconds=5)
    assert evidence(held, later) == {
        "available": "50",
        "locked": "0.00000001",
        "withdrawn": "0",
        "used today": "5",
        "used this month": "7",
        "at": "2026-11-28T12:00:00+00:00",
    }
    daily = evolve(held, limits=evolve(limits, daily=None))
    assert "used today" not in evidence(daily, NOON)


@pytest.mark.usefixtures("in_tokyo")
def test_the_time_of_the_server_is_utc() -> None:
    """The zones of the header and of this machine make no difference; a header without a zone is UTC."""
    for date in ("Sat, 28 Nov 2026 14:00:00 +0200", "Sat, 28 Nov 2026 12:00:00 -0000"):
        found = server_time({"date": date})
        assert found == NOON
        assert found is not None
        assert found.utcoffset() == timedelta(0)


@pytest.mark.usefixtures("in_tokyo")
def test_a_sighting_survives_its_text() -> None:
    """Total and time are read as they were written, in UTC and in plain digits."""
    seen = SeenTotal(Decimal("1E-8"), NOON.astimezone(timezone(timedelta(hours=2))))
    assert str(seen) == "0.00000001 2026-11-28T12:00:00+00:00"
    assert SeenTotal.read(str(seen)) == (Decimal("1E-8"), NOON)


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ({"status": "accepted"}, 10),
        ({"status": "in doubt"}, 10),
        ({"status": "completed", "ended_at": NOON}, 10),
        ({"status": "completed", "ended_at": NOON - timedelta(seconds=1)}, 0),
        ({"status": "planned"}, 0),
        ({"status": "refused"}, 0),
        ({"status": "accepted", "first_sent_at": None}, 0),
        ({"status": "planned", "attempt": 3}, 20),
        ({"status": "accepted", "attempt": 2}, 20),
        ({"status": "accepted", "currency": "BTC", "attempt": 2}, 0),
    ],
)
def test_a_row_explains_what_it_may_have_withdrawn(changes: Any, possible: int) -> None:
    """Since the total was seen: sent rows that had not ended by then, and every earlier attempt."""
    row = evolve(ROW, **changes)
    seen = SeenTotal(Decimal(100), NOON)
    later = evolve(ROW, status="accepted", amount=Decimal(5))
    assert unexplained([row, later], "USDT_BEP20", seen, Decimal(200)) == 100 - possible - 5
    assert unexplained([row], "USDT_BEP20", seen, Decimal(100 + possible)) == 0
    assert unexplained([row], "USDT_BEP20", seen, Decimal(103 + possible), Decimal(3)) == 0
    assert unexplained([row], "USDT_BEP20", seen, Decimal(104 + possible), Decimal(3)) == 1


@pytest.mark.parametrize(("name", "reset"), [("daily", True), ("weekly", False), ("monthly", False)])
def test_each_limit_stops_a_run(name: str, reset: bool) -> None:
    """Only a day without a named end is taken to end at midnight UTC."""
    limits = {"daily": None, "weekly": None, "monthly": None, name: Limit(limit=Decimal(30), used=Decimal(25))}
    limited = evolve(BALANCE, limits=WithdrawalLimits(**limits))
    now = NOON.replace(minute=1, second=2, microsecond=3)
    at = datetime(2026, 11, 29, tzinfo=UTC) if reset else None
    assert limit_reached(limited, Decimal(6), now) == ("stop", f"{name} limit", 0.0, at)
    assert limit_reached(evolve(limited, available_balance=Decimal(1)), Decimal(2), now) == (
        "stop",
        "balance",
        0.0,
        None,
    )
    named = evolve(limits[name], reset_at=now)  # type: ignore[type-var]
    step = limit_reached(evolve(BALANCE, limits=WithdrawalLimits(**{**limits, name: named})), Decimal(6), now)
    assert step is not None
    assert step.resume_at == at


def test_a_doubt_waits_for_a_person_in_words() -> None:
    """Each reason says what speaks against repeating the request."""
    row = evolve(ROW, idempotency_key="k", key_account="a")
    good: dict[str, Any] = {"sent_as": "a", "proven": True, "now": NOON, "clock_is_back": False}
    for changes, arguments, words in (
        ({"first_sent_at": None}, {}, "the journal has no request of it"),
        ({}, {"sent_as": "b"}, "it was sent with another API key, withdrawal key or idempotency header"),
        ({}, {"proven": False}, "the API is not proven to honour idempotency keys for withdrawals"),
        ({}, {"clock_is_back": True}, "the clock is behind the journal"),
        (
            {},
            {"now": NOON + timedelta(hours=21)},
            "its request is older than 20 hours, and the API forgets keys after 24",
        ),
    ):
        assert why_not_repeated(evolve(row, **changes), **{**good, **arguments}) == words  # type: ignore[arg-type]


def test_keys_and_digests_of_stored_rows_stay_as_they_are() -> None:
    """A journal of an earlier version keeps its keys: else a row in doubt would be paid under a second key."""
    assert key_of(ROW) == "payout-dc31c5d83e117a9be0353f3298cfa1b77df91716"
    assert (
        digest_of([ROW, evolve(ROW, id="2", description="y")])
        == "6bf5010866176cad0fbf2705abc22f2c0f1cde6675762ffcddb9f828a3be5842"
    )
