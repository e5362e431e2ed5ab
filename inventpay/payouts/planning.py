"""Check rows before anything is written: every problem at once, sums, and warnings. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from .._api import addresses, arguments, bounds
from .._api.amounts import read_amount
from .._core.decimals import EXACT, plain
from ..errors import InvalidArgumentError
from ..models import Balance
from .errors import PayoutProblem
from .rows import OPEN, PAID, REPLACEABLE, Payout, PayoutRow, digest_of, is_same

ID_LENGTH: Final = 200
"""Characters of a row's id at most."""

BATCH_LENGTH: Final = 100
"""Characters of a batch's name at most."""

RESUMED_WITHIN: Final = timedelta(days=5)
"""assumed: time within which a run is resumed; a file whose rows were paid before it may be another month's."""

NOISE: Final = Decimal("1e-9")
"""assumed: share of a balance or a total that may be a residue of the server's binary arithmetic."""


LEFT_OUT_SHOWN: Final = 10
"""Ids that a warning of left out rows names."""


def read_rows(payouts: Iterable[Payout], *, testnet: bool) -> tuple[list[PayoutRow], list[PayoutProblem]]:
    """Return checked rows without a batch, and every problem of every row.

    A row with a problem is not among the rows.
    """
    rows: list[PayoutRow] = []
    problems: list[PayoutProblem] = []
    places: dict[str, str] = {}
    for number, payout in enumerate(payouts, 1):
        if not isinstance(payout, Payout):  # pyright: ignore[reportUnnecessaryIsInstance]
            problems.append(PayoutProblem(message=f"row {number} is a {type(payout).__name__}; it must be a Payout"))
            continue
        given: Any = payout
        place = f"line {payout.line}" if payout.line is not None else f"row {number}"
        found, row = _read_row(payout, testnet=testnet)
        if isinstance(given.id, str) and given.id in places:
            found.append(
                PayoutProblem(
                    message=f"the id stands in {places[payout.id]} already; give each payout an id of its own",
                    line=payout.line,
                    id=payout.id,
                )
            )
        elif isinstance(given.id, str):
            places[given.id] = place
        problems += found
        if row is not None and not found:
            rows.append(row)
    return rows, problems


def _read_row(payout: Payout, *, testnet: bool) -> tuple[list[PayoutProblem], PayoutRow | None]:
    found: list[PayoutProblem] = []
    given: Any = payout

    def checked(check: Any, *values: Any, **more: Any) -> Any:
        try:
            return check(*values, **more)
        except InvalidArgumentError as error:
            shown = str.__str__(given.id) if isinstance(given.id, str) else None
            found.append(PayoutProblem(message=error.message, line=payout.line, id=shown))
            return None

    checked(_check_id, given.id)
    amount = checked(read_amount, given.amount)
    coin = checked(arguments.currency, given.currency, "currency")
    address = checked(arguments.address, given.destination_address)
    if given.description is not None:
        checked(arguments.text, given.description, "description", at_most=bounds.DESCRIPTION_LENGTH)
    if type(given.check_address) is not bool:
        checked(_refuse_kind, "check_address", given.check_address, "True or False")
    if given.replaces is not None and type(given.replaces) is not str:
        checked(_refuse_kind, "replaces", given.replaces, "the id of a row")
    if not _is_text(given.columns):
        checked(_refuse_kind, "columns", given.columns, "a dict of str")
    if None not in (amount, coin):
        checked(addresses.check_decimal_places, amount, coin)
    if None not in (address, coin) and given.check_address is not False:
        checked(addresses.check_address, address, coin, testnet=testnet)
    if found:
        return found, None
    return found, PayoutRow(
        # Ids out of a numpy array or of an enum are of subclasses of str.
        id=str.__str__(payout.id),
        batch="",
        amount=amount,
        currency=coin,
        destination_address=address,
        description=payout.description or None,
        check_address=payout.check_address,
        replaces=payout.replaces,
        line=payout.line,
        columns=dict(payout.columns),
    )


def _refuse_kind(argument: str, value: object, wanted: str) -> None:
    raise arguments.refused_value(argument, value, f"must be {wanted}")


def _is_text(columns: object) -> bool:
    return isinstance(columns, Mapping) and all(
        isinstance(part, str) for item in cast("Mapping[object, object]", columns).items() for part in item
    )


def _check_id(value: object) -> None:
    arguments.text(value, "id", at_most=ID_LENGTH)
    assert isinstance(value, str)
    if not value:
        raise arguments.refused("id", "is empty; give each payout an id of its own, such as the number of the invoice")
    if value != value.strip() or not value.isprintable():
        raise arguments.refused_value("id", value, "has blanks around it or control characters; take them out")


def check_batch(value: object) -> None:
    """Raise InvalidArgumentError for a name that no batch can have."""
    arguments.text(value, "batch", at_most=BATCH_LENGTH)
    assert isinstance(value, str)
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise arguments.refused_value("batch", value, "must be a name without blanks around it, such as '2026-11'")


def compare(rows: Sequence[PayoutRow], journal: Mapping[str, PayoutRow]) -> list[PayoutProblem]:
    """Return the problems of rows beside those that the journal has already."""
    problems: list[PayoutProblem] = []
    replacing = {row.replaces: row.id for row in journal.values() if row.replaces is not None}
    for row in rows:
        known = journal.get(row.id)
        if known is not None and not is_same(row, known):
            problems.append(
                PayoutProblem(
                    message=f"the journal has this id with other data ({_words(known)}, {known.status}); corrected "
                    f"data needs a new id with replaces={row.id!r}",
                    line=row.line,
                    id=row.id,
                )
            )
        if known is None and row.replaces is not None:
            problems += _replacing(row, journal.get(row.replaces), replacing.setdefault(row.replaces, row.id))
    return problems


def _replacing(row: PayoutRow, replaced: PayoutRow | None, by: str) -> list[PayoutProblem]:
    if replaced is None:
        text = f"replaces={row.replaces!r}, which the journal does not have; correct the id, or leave it out"
    elif by != row.id:
        text = f"replaces={row.replaces!r}, which the row {by!r} replaces already; replace that one, or leave it out"
    elif replaced.status not in REPLACEABLE:
        text = (
            f"replaces={row.replaces!r}, which is {replaced.status}; only refused, failed, unpaid and cancelled rows "
            "can be replaced"
        )
    else:
        return []
    return [PayoutProblem(message=text, line=row.line, id=row.id)]


def batch_of(rows: Iterable[PayoutRow], journal: Mapping[str, PayoutRow], batch: str | None) -> str | None:
    """Return the batch that rows belong to already, else ``batch``.

    Raises InvalidArgumentError where they belong to several, or to another than ``batch``.
    """
    batches = sorted({journal[row.id].batch for row in rows if row.id in journal})
    if len(batches) > 1 or (batch is not None and batches not in ([], [batch])):
        raise InvalidArgumentError(
            f"the rows belong to the batches {', '.join(batches)} already; plan each of them by itself, and leave "
            "batch= out",
            argument="batch",
        )
    return batches[0] if batches else batch


def chosen_batch(journal: Sequence[PayoutRow], batch: str | None, digest: str | None) -> str | None:
    """Return the batch that a run is to send, ``None`` where none has rows left.

    Raises InvalidArgumentError for an unknown batch, for several to choose from, and for another digest.
    """
    if batch is None:
        open_batches = list(dict.fromkeys(row.batch for row in journal if row.status in OPEN))
        if len(open_batches) > 1:
            raise InvalidArgumentError(
                f"several batches have rows left: {', '.join(open_batches)}; name one with batch=", argument="batch"
            )
        if open_batches:
            batch = open_batches[0]
        elif digest is None:
            return None
        else:
            # A plan that was sent to its end is run again: its batch is the one with this digest.
            batch = _batch_with(journal, digest)
    rows = [row for row in journal if row.batch == batch]
    if not rows:
        raise InvalidArgumentError(f"the journal has no batch {batch!r}; plan it first", argument="batch")
    if digest is not None and digest != (found := digest_of(rows)):
        raise InvalidArgumentError(
            f"batch {batch!r} has the digest {found}, not the approved {digest}: its rows changed since; look at "
            "the plan again",
            argument="digest",
        )
    return batch


def _batch_with(journal: Sequence[PayoutRow], digest: str) -> str:
    for name in dict.fromkeys(row.batch for row in journal):
        if digest_of([row for row in journal if row.batch == name]) == digest:
            return name
    raise InvalidArgumentError(
        f"the journal has no batch with the digest {digest}; plan it first, with plan()", argument="digest"
    )


def warnings_of(rows: Sequence[PayoutRow], journal: Sequence[PayoutRow], now: datetime) -> list[str]:
    """Return the warnings about rows that look like another row, of the plan or of the journal.

    Rows that were paid days ago may be next month's payouts under last month's ids.
    """
    names: dict[str, str] = {}
    payments: dict[tuple[str, Decimal], PayoutRow] = {}
    found: list[str] = []
    new = {row.id for row in rows}
    paid = [row for row in journal if row.id in new and row.status in PAID and _is_long_ago(row.accepted_at, now)]
    if paid:
        found.append(
            f"{len(paid)} of {len(rows)} rows were paid already, such as {paid[0].id!r} on "
            f"{paid[0].accepted_at:%Y-%m-%d}, and are not paid again; if these are new payouts, give them new ids"
        )
    for row in (*(row for row in journal if row.id not in new), *rows):
        alike = names.setdefault(_folded(row.id), row.id)
        if alike != row.id and row.id in new:
            found.append(f"ids {alike!r} and {row.id!r} differ only in case or leading zeros")
        known = payments.setdefault((_folded_address(row.destination_address), row.amount), row)
        if known is not row and row.id in new and known.id != row.replaces:
            found.append(f"{row.id!r} pays the same amount to the same address as {known.id!r}: {_words(row)}")
    return found


def left_out(rows: Iterable[PayoutRow], batch: Iterable[PayoutRow]) -> list[str]:
    """Return a warning of rows of the batch that are still open, and not among ``rows``: a run sends them too."""
    named = {row.id for row in rows}
    others = [row for row in batch if row.status in OPEN and row.id not in named]
    if not others:
        return []
    ids = ", ".join(repr(row.id) for row in others[:LEFT_OUT_SHOWN]) + (", ..." if others[LEFT_OUT_SHOWN:] else "")
    sums = ", ".join(f"{plain(total)} {coin}" for coin, total in sums_of(others).items()) or "in doubt"
    return [
        f"rows of this batch that are not listed here are still open, and a run sends them too ({sums}): {ids}; cancel "
        "those that must not be paid"
    ]


def not_sent_again(rows: Iterable[PayoutRow], journal: Iterable[PayoutRow]) -> list[str]:
    """Return a warning of rows that came to an end without being paid: no run sends them by itself."""
    replaced = {row.replaces for row in (*journal, *rows)}
    ended = [row for row in rows if row.status in REPLACEABLE and row.id not in replaced]
    if not ended:
        return []
    named = ", ".join(f"{row.id!r} ({row.status})" for row in ended[:LEFT_OUT_SHOWN])
    return [
        f"rows that are not paid, and not sent by a run: {named}{', ...' if ended[LEFT_OUT_SHOWN:] else ''}; plan them "
        "again with retry, or as new rows with replaces="
    ]


def _is_long_ago(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at > RESUMED_WITHIN


def _folded(text: str) -> str:
    return _LEADING_ZEROS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _folded_address(address: str) -> str:
    # Hexadecimal and bech32 addresses have no case; base58 has.
    return address.lower() if _CASELESS.match(address) else address


_LEADING_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")
_CASELESS: Final = re.compile(r"0x|[a-z]{2,4}1", re.IGNORECASE)


def exceeds(amount: Decimal, bound: Decimal) -> bool:
    """Return whether an amount is above a bound by more than a residue of binary arithmetic."""
    return EXACT.subtract(amount, bound) > EXACT.multiply(NOISE, amount)


def sums_of(rows: Iterable[PayoutRow]) -> dict[str, Decimal]:
    """Return the sums of rows that are still to be sent, by coin. Doubts and accepted rows are not among them."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row.status == "planned":
            sums[row.currency] = EXACT.add(sums.get(row.currency, Decimal(0)), row.amount)
    return sums


def compare_with_balances(
    sums: Mapping[str, Decimal], balances: Mapping[str, Balance | None]
) -> tuple[list[PayoutProblem], list[str]]:
    """Compare sums with balances: more than there is is a problem, more than today's limit permits a warning."""
    problems: list[PayoutProblem] = []
    warnings: list[str] = []
    for coin, total in sums.items():
        balance = balances.get(coin)
        if balance is None:
            warnings.append(f"no balance of {coin} could be read; the sum of {plain(total)} was not compared with it")
            continue
        if exceeds(total, balance.available_balance):
            problems.append(
                PayoutProblem(
                    message=f"{plain(total)} {coin} are to be paid, and {plain(balance.available_balance)} are "
                    "available; pay in the rest first, or plan fewer rows"
                )
            )
        daily = None if balance.limits is None else balance.limits.daily
        if daily is not None and exceeds(total, daily.remaining):
            warnings.append(
                f"{plain(total)} {coin} are to be paid, and today's limit leaves {plain(daily.remaining)}: the run "
                "stops at the limit, and the rest stays planned"
            )
    return problems, warnings


def _words(row: PayoutRow) -> str:
    return f"{plain(row.amount)} {row.currency} to {row.destination_address}"
