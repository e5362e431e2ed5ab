"""The checks of a plan, without a clock, a file or a server: every problem is named, and nothing else is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args

import pytest
from attrs import evolve

from inventpay.errors import InvalidArgumentError
from inventpay.models import Balance
from inventpay.models.balances import Limit, WithdrawalLimits
from inventpay.payouts import Payout, PayoutRow, PayoutStatus
from inventpay.payouts.planning import (
    batch_of,
    check_batch,
    chosen_batch,
    compare,
    compare_with_balances,
    exceeds,
    left_out,
    not_sent_again,
    read_rows,
    sums_of,
    warnings_of,
)
from inventpay.payouts.rows import digest_of, is_same, normal_text, with_changes

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
GIVEN = Payout("1", "10.50", "USDT_BEP20", ADDRESS)
ROW = PayoutRow(id="1", batch="b", amount=Decimal("10.5"), currency="USDT_BEP20", destination_address=ADDRESS)
BALANCE = Balance(
    currency="USDT_BEP20", available_balance=Decimal(50), total_earned=Decimal(50), total_withdrawn=Decimal(0)
)


def test_a_payout_becomes_a_row_with_all_it_says() -> None:
    """Amounts are exact, an empty description is none, and every other member is kept."""
    given = Payout(
        "é-1",
        "10.50",
        "USDT_BEP20",
        ADDRESS,
        description="words",
        check_address=False,
        replaces="0",
        line=7,
        columns={"team": "a"},
    )
    rows, problems = read_rows(
        [given, Payout("2", 1, "BTC", "any", description="", check_address=False)], testnet=False
    )
    assert problems == []
    assert rows == [
        PayoutRow(
            id="é-1",
            batch="",
            amount=Decimal("10.5"),
            currency="USDT_BEP20",
            destination_address=ADDRESS,
            description="words",
            check_address=False,
            replaces="0",
            line=7,
            columns={"team": "a"},
        ),
        PayoutRow(id="2", batch="", amount=Decimal(1), currency="BTC", destination_address="any", check_address=False),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "id is empty; give each payout an id of its own, such as the number of the invoice"),
        ({"id": " 1"}, "id=' 1' has blanks around it or control characters; take them out"),
        ({"id": "a\tb"}, r"id='a\tb' has blanks around it or control characters; take them out"),
        ({"id": "x" * 201}, "id has 201 characters; at most 200 are allowed"),
        ({"id": 5}, "id must be a str, not int"),
        ({"amount": 0}, "amount=0 must be greater than 0"),
        ({"amount": "0.0000000000000000001"}, "has 19 digits after the point; USDT_BEP20 has at most 18"),
        ({"currency": "?"}, "currency='?' must be 2 to 32 characters"),
        ({"destination_address": ""}, "destination_address='' must be non-empty text"),
        ({"destination_address": ADDRESS[:-1]}, f"destination_address={ADDRESS[:-1]!r}"),
        ({"description": "x" * 1001}, "description has 1001 characters"),
        ({"description": 5}, "description must be a str, not int"),
        ({"check_address": 1}, "check_address=1 must be True or False"),
        ({"replaces": 1}, "replaces=1 must be the id of a row"),
        ({"columns": {"a": 1}}, "columns={'a': 1} must be a dict of str"),
        ({"columns": {1: "a"}}, "columns={1: 'a'} must be a dict of str"),
        ({"columns": ["a"]}, "columns=['a'] must be a dict of str"),
    ],
)
def test_a_row_with_a_problem_is_named_and_left_out(changes: dict[str, Any], message: str) -> None:
    """The problem says what is wrong, at which line and id, and the other rows are read."""
    bad = evolve(GIVEN, line=3, **changes)
    rows, (problem,) = read_rows([bad, evolve(GIVEN, id="other")], testnet=False)
    assert [row.id for row in rows] == ["other"]
    assert message in problem.message
    assert (problem.line, problem.id) == (3, changes.get("id", "1") if changes.get("id") != 5 else None)


def test_a_row_may_have_several_problems() -> None:
    """All of them are named at once, and what depends on a wrong value is not checked."""
    rows, problems = read_rows([Payout("", 0, "?", "")], testnet=False)
    assert rows == []
    assert len(problems) == 4


def test_what_is_no_payout_is_named_by_its_number() -> None:
    """Rows are counted from 1."""
    rows, (problem,) = read_rows([GIVEN, {"id": "2"}, evolve(GIVEN, id="3")], testnet=False)  # type: ignore[list-item]
    assert [row.id for row in rows] == ["1", "3"]
    assert problem.message == "row 2 is a dict; it must be a Payout"


def test_an_id_may_stand_once() -> None:
    """The problem names the place of the first one, also where that row has a problem of its own."""
    payouts = [evolve(GIVEN, line=4), evolve(GIVEN, line=9), evolve(GIVEN, id="2"), evolve(GIVEN, id="2", amount=0)]
    rows, problems = read_rows(payouts, testnet=False)
    assert [row.id for row in rows] == ["1", "2"]
    assert [(problem.line, problem.id) for problem in problems] == [(9, "1"), (None, "2"), (None, "2")]
    assert problems[0].message == "the id stands in line 4 already; give each payout an id of its own"
    assert problems[2].message == "the id stands in row 3 already; give each payout an id of its own"


def test_the_longest_id_and_blanks_within_pass() -> None:
    """200 characters, in which blanks may stand."""
    assert read_rows([evolve(GIVEN, id="a b" + "x" * 197)], testnet=False)[1] == []


def test_addresses_of_test_networks_pass_on_a_test_network() -> None:
    """And nowhere else, unless the check is left out."""
    given = Payout("1", "0.1", "BTC", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx")
    assert len(read_rows([given], testnet=True)[0]) == 1
    assert len(read_rows([given], testnet=False)[1]) == 1
    assert len(read_rows([evolve(given, check_address=False)], testnet=False)[0]) == 1


@pytest.mark.parametrize("name", ["2026-11", "x" * 100, "a b"])
def test_names_of_batches(name: str) -> None:
    """Up to 100 printable characters."""
    check_batch(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "batch='' must be a name without blanks around it, such as '2026-11'"),
        (" ", "batch=' ' must be a name"),
        ("a ", "batch='a ' must be a name"),
        ("a\n1", r"batch='a\n1' must be a name"),
        ("x" * 101, "batch has 101 characters; at most 100 are allowed"),
        (5, "batch must be a str, not int"),
    ],
)
def test_names_that_no_batch_can_have(name: Any, message: str) -> None:
    """The error says which argument, and what is wrong with it."""
    with pytest.raises(InvalidArgumentError) as caught:
        check_batch(name)
    assert message in caught.value.message
    assert caught.value.argument == "batch"


def test_ids_of_other_kinds_of_text_are_text() -> None:
    """Ids out of an array of numpy or of an enum: they are kept as plain text, and one that stands twice is found."""

    class Name(StrEnum):
        ADA = "ada"

    rows, problems = read_rows([evolve(GIVEN, id=Name.ADA)], testnet=False)
    assert problems == []
    assert type(rows[0].id) is str
    _, problems = read_rows(
        [evolve(GIVEN, id=Name.ADA), evolve(GIVEN, id="ada"), evolve(GIVEN, id=Name.ADA)], testnet=False
    )
    assert [problem.id for problem in problems] == ["ada", "ada"]


def test_a_row_that_the_journal_has_already_must_be_the_same() -> None:
    """Other data under one id is a problem that names both; the same data is none."""
    new = evolve(ROW, amount=Decimal(11), line=5)
    assert compare([evolve(ROW, batch="c", line=2)], {"1": ROW}) == []
    assert compare([new], {"2": evolve(ROW, id="2")}) == []
    (problem,) = compare([new], {"1": evolve(ROW, status="refused")})
    assert problem.message == (
        f"the journal has this id with other data (10.5 USDT_BEP20 to {ADDRESS}, refused); corrected data needs a new "
        "id with replaces='1'"
    )
    assert (problem.line, problem.id) == (5, "1")


REPLACING = evolve(ROW, id="2", replaces="1", line=6)


@pytest.mark.parametrize("status", ["refused", "failed", "not paid", "cancelled"])
def test_a_row_that_was_not_paid_can_be_replaced(status: Any) -> None:
    """Once."""
    refused = evolve(ROW, status=status)
    assert compare([REPLACING], {"1": refused}) == []
    (problem,) = compare([REPLACING, evolve(REPLACING, id="3")], {"1": refused})
    assert problem.message == "replaces='1', which the row '2' replaces already; replace that one, or leave it out"
    assert (problem.line, problem.id) == (6, "3")
    (problem,) = compare([evolve(REPLACING, id="3")], {"1": refused, "2": REPLACING})
    assert "which the row '2' replaces already" in problem.message
    assert compare([REPLACING], {"1": refused, "2": REPLACING}) == []
    assert len(compare([evolve(REPLACING, id=name) for name in "345"], {"1": refused, "2": REPLACING})) == 3


@pytest.mark.parametrize("status", ["planned", "sending", "in doubt", "accepted", "completed"])
def test_a_row_that_may_be_paid_cannot_be_replaced(status: Any) -> None:
    """Nor one that the journal does not have."""
    (problem,) = compare([REPLACING], {"1": evolve(ROW, status=status)})
    assert problem.message == (
        f"replaces='1', which is {status}; only refused, failed, unpaid and cancelled rows can be replaced"
    )
    (problem,) = compare([REPLACING], {})
    assert problem.message == "replaces='1', which the journal does not have; correct the id, or leave it out"
    assert (problem.line, problem.id) == (6, "2")


def test_rows_stay_in_their_batch() -> None:
    """Rows of a plan that is repeated belong to the batch they have, and to no second one."""
    journal = {"1": ROW, "2": evolve(ROW, id="2", batch="c")}
    new = evolve(ROW, id="3", batch="")
    assert batch_of([new], journal, None) is None
    assert batch_of([new], journal, "d") == "d"
    assert batch_of([ROW, new], journal, None) == "b"
    assert batch_of([ROW, new], journal, "b") == "b"
    for rows, batch, names in (([ROW], "c", "b"), ([ROW, journal["2"]], None, "b, c")):
        with pytest.raises(InvalidArgumentError) as caught:
            batch_of(rows, journal, batch)
        assert caught.value.message == (
            f"the rows belong to the batches {names} already; plan each of them by itself, and leave batch= out"
        )
        assert caught.value.argument == "batch"


def test_a_run_sends_the_batch_that_is_named_or_the_only_open_one() -> None:
    """Of several a caller must choose, and without an open row nothing is chosen."""
    done, other = evolve(ROW, status="completed"), evolve(ROW, id="2", batch="c")
    assert chosen_batch([], None, None) is None
    assert chosen_batch([done], None, None) is None
    assert chosen_batch([done, other], None, None) == "c"
    assert chosen_batch([done, other], "b", None) == "b"
    for status in ("planned", "sending", "in doubt"):
        assert chosen_batch([evolve(ROW, status=status)], None, None) == "b"
    with pytest.raises(InvalidArgumentError) as caught:
        chosen_batch([other, ROW, evolve(ROW, id="3")], None, None)
    assert caught.value.message == "several batches have rows left: c, b; name one with batch="
    assert caught.value.argument == "batch"
    with pytest.raises(InvalidArgumentError) as caught:
        chosen_batch([ROW], "x", None)
    assert caught.value.message == "the journal has no batch 'x'; plan it first"
    assert caught.value.argument == "batch"


def test_an_approved_digest_must_be_that_of_the_batch() -> None:
    """Of its own rows alone."""
    digest = digest_of([ROW])
    assert chosen_batch([ROW, evolve(ROW, id="2", batch="c")], "b", digest) == "b"
    assert chosen_batch([ROW], None, digest) == "b"
    with pytest.raises(InvalidArgumentError) as caught:
        chosen_batch([ROW], "b", "0" * 64)
    assert caught.value.message == (
        f"batch 'b' has the digest {digest}, not the approved {'0' * 64}: its rows changed since; "
        "look at the plan again"
    )
    assert caught.value.argument == "digest"


def test_a_digest_names_a_batch_that_was_sent_to_its_end() -> None:
    """Running an approved plan again finds its batch, and a digest of no batch is refused."""
    done = evolve(ROW, status="completed")
    journal = [evolve(ROW, id="2", batch="c", status="completed"), done]
    assert chosen_batch(journal, None, digest_of([done])) == "b"
    with pytest.raises(InvalidArgumentError) as caught:
        chosen_batch(journal, None, "0" * 64)
    assert caught.value.message == (f"the journal has no batch with the digest {'0' * 64}; plan it first, with plan()")
    assert caught.value.argument == "digest"


@pytest.mark.parametrize(("age", "warned"), [(timedelta(days=5), False), (timedelta(days=5, seconds=1), True)])
@pytest.mark.parametrize("status", ["accepted", "completed"])
def test_rows_that_were_paid_days_ago_are_warned_of(age: timedelta, warned: bool, status: Any) -> None:
    """They may be next month's payouts under last month's ids."""
    paid = evolve(ROW, status=status, accepted_at=NOON - age)
    other = evolve(ROW, id="2", amount=Decimal(3))
    found = warnings_of([ROW, other], [paid], NOON)
    day = "2026-11-23"
    expected = (
        f"1 of 2 rows were paid already, such as '1' on {day}, and are not paid again; if these are new payouts, give "
        "them new ids"
    )
    assert found == ([expected] if warned else [])
    assert warnings_of([other], [paid], NOON) == []
    assert warnings_of([ROW], [evolve(paid, accepted_at=None)], NOON) == []
    assert warnings_of([ROW], [evolve(paid, status="failed")], NOON) == []


def test_warnings_name_both_rows() -> None:
    """A row of the journal is the first of the two, rows of the journal alone are not warned of, nor a replacement."""
    same = evolve(ROW, id="2")
    words = f"'2' pays the same amount to the same address as '1': 10.5 USDT_BEP20 to {ADDRESS}"
    assert warnings_of([same], [ROW], NOON) == [words]
    assert warnings_of([ROW, same], [], NOON) == [words]
    assert warnings_of([evolve(same, amount=Decimal(1))], [ROW], NOON) == []
    assert warnings_of([evolve(ROW, id="5", amount=Decimal(1))], [ROW, same], NOON) == []
    assert warnings_of([evolve(same, replaces="1")], [ROW], NOON) == []
    assert warnings_of([ROW, same], [ROW, same], NOON) == [words]
    alike = evolve(ROW, id="01", amount=Decimal(1))
    assert warnings_of([alike], [ROW], NOON) == ["ids '1' and '01' differ only in case or leading zeros"]
    assert warnings_of([], [ROW, alike], NOON) == []


def test_a_residue_is_a_thousand_millionth_of_the_amount() -> None:
    """An amount up to a part in 10**9 above a bound does not exceed it."""
    assert not exceeds(Decimal(10**9), Decimal(10**9 - 1))
    assert exceeds(Decimal(10**9), Decimal(10**9) - Decimal("1.1"))
    assert not exceeds(Decimal(1), Decimal(1))
    assert exceeds(Decimal(0), Decimal("-0.1"))


def test_sums_are_of_what_is_still_to_be_sent() -> None:
    """By coin, exact, and without rows that were sent or taken out."""
    rows = [
        ROW,
        evolve(ROW, amount=Decimal("0.000000000000000001")),
        evolve(ROW, currency="BTC", amount=Decimal(2)),
        *(evolve(ROW, status=status) for status in ("sending", "in doubt", "accepted", "completed", "cancelled")),
    ]
    assert sums_of(rows) == {"USDT_BEP20": Decimal("10.500000000000000001"), "BTC": Decimal(2)}
    assert sums_of([]) == {}


def test_open_rows_of_the_batch_that_a_file_left_out_are_named() -> None:
    """A row that was planned is sent, also where it is missing in the file that is planned again."""
    batch = [evolve(ROW, id=str(n), status=status) for n, status in enumerate(get_args(PayoutStatus))]
    by_state = {row.status: row.id for row in batch}
    (warning,) = left_out([], batch)
    named = {state for state, row_id in by_state.items() if repr(row_id) in warning}
    assert named == {"planned", "sending", "in doubt"}
    assert "(10.5 USDT_BEP20)" in warning
    assert left_out(batch, batch) == left_out([], []) == []
    (many,) = left_out([], [evolve(ROW, id=f"r{n}") for n in range(30)])
    assert ("'r9', ...; cancel" in many, "r10" in many) == (True, False)
    (doubt,) = left_out([], [evolve(ROW, status="in doubt")])
    assert "(in doubt)" in doubt


def test_rows_that_ended_unpaid_are_named_when_they_are_planned_again() -> None:
    """No run sends them by itself, so a person must know of them; those that were replaced are settled."""
    rows = [evolve(ROW, id=str(n), status=status) for n, status in enumerate(get_args(PayoutStatus))]
    (warning,) = not_sent_again(rows, rows)
    named = {row.status for row in rows if f"{row.id!r} ({row.status})" in warning}
    assert named == {"failed", "refused", "not paid", "cancelled"}
    ended = evolve(ROW, status="refused")
    heir = evolve(ROW, id="2", replaces="1")
    assert not_sent_again([ended], [ended, heir]) == not_sent_again([ended, heir], [ended]) == []
    (many,) = not_sent_again([evolve(ended, id=f"r{n}") for n in range(30)], [])
    assert ("'r9' (refused), ...; plan" in many, "r10" in many) == (True, False)


def test_a_sum_is_weighed_against_balance_and_limit() -> None:
    """More than there is is a problem, more than a limit of the day permits a warning, no balance another one."""
    daily = Limit(limit=Decimal(100), used=Decimal(60))
    limited = evolve(BALANCE, limits=WithdrawalLimits(daily=daily, weekly=None, monthly=None))
    assert compare_with_balances({"USDT_BEP20": Decimal(50)}, {"USDT_BEP20": BALANCE}) == ([], [])
    assert compare_with_balances({"USDT_BEP20": Decimal(40)}, {"USDT_BEP20": limited}) == ([], [])
    unlimited = evolve(BALANCE, limits=WithdrawalLimits(daily=None, weekly=daily, monthly=daily))
    assert compare_with_balances({"USDT_BEP20": Decimal(50)}, {"USDT_BEP20": unlimited}) == ([], [])
    problems, warnings = compare_with_balances(
        {"BTC": Decimal(1), "USDT_BEP20": Decimal(51)}, {"USDT_BEP20": limited, "BTC": None}
    )
    (problem,) = problems
    assert str(problem) == (
        "51 USDT_BEP20 are to be paid, and 50 are available; pay in the rest first, or plan fewer rows"
    )
    assert warnings == [
        "no balance of BTC could be read; the sum of 1 was not compared with it",
        "51 USDT_BEP20 are to be paid, and today's limit leaves 40: the run stops at the limit, and the rest stays "
        "planned",
    ]
    assert compare_with_balances({"BTC": Decimal(1)}, {})[1] == warnings[:1]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal(1)},
        {"currency": "BTC"},
        {"destination_address": "x"},
        {"description": "y"},
    ],
)
def test_rows_are_the_same_payout_only_with_the_same_data(change: dict[str, Any]) -> None:
    """Amount, coin, address and words count; digits of the amount, batch and state do not."""
    assert not is_same(ROW, with_changes(ROW, **change))
    assert is_same(ROW, with_changes(ROW, amount=Decimal("10.500"), batch="c", status="refused", description=""))


def test_an_amount_has_one_text() -> None:
    """Zeros and exponents say nothing."""
    assert {normal_text(Decimal(text)) for text in ("10", "10.0", "1E+1")} == {"10"}
    assert normal_text(Decimal("0.10")) == "0.1"
