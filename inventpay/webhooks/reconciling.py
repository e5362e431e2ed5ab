"""Reconciliation with the API's delivery log."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from attrs import frozen

from .._core.json_values import is_object, shown
from .._json.converter import read_json
from ..errors import DecodeError, InvalidArgumentError, InventPayError, UnreadRow
from ..models.webhooks import WebhookDelivery
from .answers import WebhookAnswer

logger: Final = logging.getLogger("inventpay.webhooks")


@frozen(kw_only=True)
class ReconcileReport:
    """Result of ``receiver.reconcile``."""

    since: datetime
    """Deliveries that were created before are not included."""
    looked_at: int
    """Number of deliveries of the log that were looked at."""
    handled: int
    """Number of events that a handler has received now."""
    duplicates: int
    """Number of events that were handled before."""
    ignored: int
    """Number of events without a handler here, test events included."""
    failed: tuple[str, ...]
    """Ids of deliveries whose handler failed, or that are being handled by another process: reconcile again."""
    dead_letters: tuple[str, ...]
    """Ids of deliveries that contradict themselves: see ``receiver.dead_letters()``."""
    unavailable: tuple[str, ...]
    """Ids of deliveries without a readable payload: ask for the status of their payments instead."""
    unread: tuple[UnreadRow, ...] = ()
    """Rows of the log that cannot be read and lead to no payload."""


class Reconciliation:
    """One walk through the delivery log.

    A row that cannot be read never ends it: its payload is taken from the row, or fetched by the row's id.
    """

    def __init__(self, since: timedelta | datetime, now: float) -> None:
        if isinstance(since, timedelta):
            since = datetime.fromtimestamp(now, UTC) - since
        if not isinstance(since, datetime) or since.utcoffset() is None:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(
                f"since={shown(since)} must be a timedelta, or a datetime with a zone", argument="since"
            )
        self._since = since
        self._rows: list[WebhookDelivery | UnreadRow] = []
        self._ids: set[str] = set()
        self._answers: list[tuple[str, str]] = []
        self._unread: list[UnreadRow] = []

    @staticmethod
    def filter_of(deliveries: Literal["failed", "all"]) -> Literal[False, "all"]:
        """Return the filter of the log's call."""
        if deliveries not in ("failed", "all"):
            raise InvalidArgumentError(
                f'deliveries={shown(deliveries)} must be "failed" or "all"', argument="deliveries"
            )
        return False if deliveries == "failed" else "all"

    def add_page(self, items: Sequence[WebhookDelivery], unread: Sequence[UnreadRow]) -> bool:
        """Add the rows of a page; return whether the next one may hold some that are wanted.

        The log is sorted, newest first. Rows that were pushed onto the next page meanwhile count once.
        """
        wanted = [row for row in items if row.created_at is None or row.created_at >= self._since]
        rows: list[WebhookDelivery | UnreadRow] = [*wanted, *unread]
        for row in rows:
            if row.id is None or row.id not in self._ids:
                self._rows.append(row)
                self._ids.update(() if row.id is None else (row.id,))
        return len(wanted) == len(items)

    def rows(self) -> Sequence[WebhookDelivery | UnreadRow]:
        """Return the rows, oldest first."""
        return self._rows[::-1]

    @contextmanager
    def noting(self, row: WebhookDelivery | UnreadRow) -> Generator[None, None, None]:
        """Note a delivery whose payload cannot be fetched or read, and go on."""
        try:
            yield
        except InventPayError as error:
            logger.warning("delivery %s cannot be reconciled: %s", row.id or "without an id", error)
            if isinstance(row, UnreadRow):
                self._unread.append(row)
            else:
                self._answers.append((row.id, "unavailable"))

    def note(self, row: WebhookDelivery | UnreadRow, answer: WebhookAnswer) -> None:
        """Note the outcome of a delivery."""
        self._answers.append((row.id or "", answer.outcome))

    def report(self) -> ReconcileReport:
        """Return what was noted."""

        def ids(*outcomes: str) -> tuple[str, ...]:
            return tuple(delivery_id for delivery_id, outcome in self._answers if outcome in outcomes)

        return ReconcileReport(
            since=self._since,
            looked_at=len(self._answers) + len(self._unread),
            handled=len(ids("handled", "accepted")),
            duplicates=len(ids("duplicate")),
            ignored=len(ids("ignored")),
            failed=ids("failed", "busy"),
            dead_letters=ids("dead_letter"),
            unavailable=ids("unavailable"),
            unread=tuple(self._unread),
        )


def delivery_in(row: WebhookDelivery | UnreadRow) -> WebhookDelivery | None:
    """Return the delivery of a row that holds its payload; ``None`` where it is to be fetched by the row's id.

    Raises DecodeError for a row with neither.
    """
    if isinstance(row, WebhookDelivery):
        return row if row.payload is not None else None
    found = _delivery(row.raw, row.id)
    if found is None and not row.id:
        raise DecodeError(f"{row.problem}; the row has neither an id nor a payload", json_path=row.path)
    return found


def delivery_of(error: DecodeError, row: WebhookDelivery | UnreadRow) -> WebhookDelivery:
    """Return the delivery of an answer that could not be read as a whole, if it holds a payload. Else raise the error.

    One odd member beside the payload is no reason to lose an event.
    """
    try:
        document = read_json(error.body)
    except DecodeError:
        raise error from None
    found = _delivery(document.get("data") if is_object(document) else None, row.id)
    if found is None:
        raise error
    return found


def _delivery(record: object, delivery_id: str | None) -> WebhookDelivery | None:
    payload = record.get("payload") if is_object(record) else None
    # Without an id it is still the same event as other deliveries with equal content.
    return None if payload is None else WebhookDelivery(id=delivery_id or "", success=False, payload=payload)
