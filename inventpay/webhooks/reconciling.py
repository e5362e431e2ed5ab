"""Reconciliation with the API's delivery log."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from attrs import frozen

from .._core.json_values import shown
from ..errors import InvalidArgumentError, InventPayError
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


class Reconciliation:
    """One walk through the delivery log."""

    def __init__(self, since: timedelta | datetime, now: float) -> None:
        if isinstance(since, timedelta):
            since = datetime.fromtimestamp(now, UTC) - since
        if not isinstance(since, datetime) or since.utcoffset() is None:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(
                f"since={shown(since)} must be a timedelta, or a datetime with a zone", argument="since"
            )
        self._since = since
        self._answers: list[tuple[str, str]] = []

    @staticmethod
    def filter_of(deliveries: Literal["failed", "all"]) -> Literal[False, "all"]:
        """Return the filter of the log's call."""
        if deliveries not in ("failed", "all"):
            raise InvalidArgumentError(
                f'deliveries={shown(deliveries)} must be "failed" or "all"', argument="deliveries"
            )
        return False if deliveries == "failed" else "all"

    def is_before(self, row: WebhookDelivery) -> bool:
        """Return whether a row, and so all that follow, is older than wanted. The log is sorted, newest first."""
        return row.created_at is not None and row.created_at < self._since

    @contextmanager
    def noting(self, row: WebhookDelivery) -> Generator[None, None, None]:
        """Note a delivery whose payload cannot be fetched or read as unavailable, and go on."""
        try:
            yield
        except InventPayError as error:
            logger.warning("delivery %s cannot be reconciled: %s", row.id, error)
            self._answers.append((row.id, "unavailable"))

    def note(self, delivery: WebhookDelivery, answer: WebhookAnswer) -> None:
        """Note the outcome of a delivery."""
        self._answers.append((delivery.id, answer.outcome))

    def report(self) -> ReconcileReport:
        """Return what was noted."""

        def ids(*outcomes: str) -> tuple[str, ...]:
            return tuple(delivery_id for delivery_id, outcome in self._answers if outcome in outcomes)

        return ReconcileReport(
            since=self._since,
            looked_at=len(self._answers),
            handled=len(ids("handled", "accepted")),
            duplicates=len(ids("duplicate")),
            ignored=len(ids("ignored")),
            failed=ids("failed", "busy"),
            dead_letters=ids("dead_letter"),
            unavailable=ids("unavailable"),
        )
