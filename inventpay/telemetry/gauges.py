"""Metrics that are read when they are collected: tokens of the rate limits, stretch of polling, rows of payouts."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from .._limits.capabilities import capabilities_of

if TYPE_CHECKING:
    from .calls import CallTelemetry
    from .payouts import PayoutTelemetry


class Gauges:
    """The clients and journals that one provider observes. It keeps none of them alive."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._clients: Final[weakref.WeakSet[CallTelemetry]] = weakref.WeakSet()
        self._payouts: Final[weakref.WeakSet[PayoutTelemetry]] = weakref.WeakSet()

    def register(self, meter: Meter) -> None:
        """Make the gauges of this meter."""
        meter.create_observable_gauge(
            "inventpay.limit.tokens",
            callbacks=[self._tokens],
            unit="{token}",
            description="Tokens of the rate limits: available, leased, and the size of the limit.",
        )
        meter.create_observable_gauge(
            "inventpay.watch.stretch",
            callbacks=[self._stretch],
            unit="{factor}",
            description="Factor by which polls are rarer than wished; 1 is as wished.",
        )

        meter.create_observable_gauge(
            "inventpay.payouts.rows",
            callbacks=[self._rows],
            unit="{row}",
            description="Rows of the journals of payouts, by their state.",
        )

    def add(self, client: CallTelemetry) -> None:
        """Observe one more client."""
        with self._lock:
            self._clients.add(client)

    def add_payouts(self, payouts: PayoutTelemetry) -> None:
        """Observe one more journal."""
        with self._lock:
            self._payouts.add(payouts)

    def _observed(self) -> list[CallTelemetry]:
        with self._lock:
            return list(self._clients)

    def _tokens(self, options: CallbackOptions) -> Iterable[Observation]:
        # Clients of one key share a limiter; those of different keys have tokens of their own.
        found: Counter[tuple[str, str, str]] = Counter()
        for limiter, now in {id(client.limiter): (client.limiter, client.now) for client in self._observed()}.values():
            scope = "shared" if capabilities_of(limiter).is_shared else "process"
            for rate_class, snapshot in limiter.snapshot(now()).items():
                limit = snapshot.limit if snapshot.effective_limit is None else snapshot.effective_limit
                found[rate_class.value, "available", scope] += snapshot.available
                found[rate_class.value, "leased", scope] += snapshot.leased
                found[rate_class.value, "limit", scope] += limit
        for (name, state, scope), tokens in found.items():
            yield Observation(tokens, {"rate_class": name, "state": state, "scope": scope})

    def _stretch(self, options: CallbackOptions) -> Iterable[Observation]:
        found: dict[str, float] = {}
        for client in self._observed():
            for rate_class, stretch in client.stretch().items():
                found[rate_class.value] = max(stretch, found.get(rate_class.value, 0.0))
        for name, stretch in found.items():
            yield Observation(stretch, {"rate_class": name})

    def _rows(self, options: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            observed = list(self._payouts)
        found: Counter[tuple[str, str]] = Counter()
        for payouts in observed:
            found.update(payouts.rows())
        for (state, currency), count in found.items():
            yield Observation(count, {"state": state, "currency": currency})
