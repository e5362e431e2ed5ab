"""The documented response shapes of each endpoint, where public sources of the API contradict each other.

The first variant of each is the default: that of the documentation's page for the endpoint, if there is one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Final

import attrs
import msgspec

from ..._api import endpoints as api
from ..http.answers import JSON, Answer

MIXED: Final = "mixed"
"""Chooses a random variant for every answer."""

CREATE_PAYMENT: Final = api.CREATE_PAYMENT.name
CREATE_INVOICE: Final = api.CREATE_INVOICE.name
PAYMENT_STATUS: Final = api.PAYMENT_STATUS.name
BALANCES: Final = api.BALANCES.name
BALANCE: Final = api.BALANCE.name
CREATE_WITHDRAWAL: Final = api.CREATE_WITHDRAWAL.name
WITHDRAWAL: Final = api.WITHDRAWAL.name
STORE: Final = "store"
PRODUCT: Final = "product"
ORDER: Final = "order"
ADD_KEYS: Final = api.ADD_KEYS.name
SET_WEBHOOK: Final = api.CONFIGURE_WEBHOOK.name
WEBHOOK_CONFIG: Final = api.WEBHOOK_CONFIG.name
ENVELOPE: Final = "envelope"
ERRORS: Final = "errors"

VARIANTS: Final[dict[str, tuple[str, ...]]] = {
    # The page; all members of the official JS client's type.
    CREATE_PAYMENT: ("documented", "all-members"),
    # The page; the name of the official skill; the entries of the JS client's old notes; its README, where an amount in
    # USD has the base currency USDT; all members of its type.
    CREATE_INVOICE: ("documented", "available-currencies", "usdt-amounts", "usdt-base", "all-members"),
    # The page; the skill's three members with a number; the clients' three with text; in an envelope, which a consumer
    # accepts; PENDING for an underpaid payment, as on the page on payments; CONFIRMING and SETTLED, as in old notes and
    # a consumer.
    PAYMENT_STATUS: ("documented", "short-numbers", "short", "enveloped", "pending-if-underpaid", "other-statuses"),
    # The page; the JS client's type; the skill's sample.
    BALANCES: ("map-with-limits", "map-with-locked", "list-with-summary"),
    # The page; the JS client's type; its README.
    BALANCE: ("limits-inside", "limits-beside", "daily-inside"),
    # The JS client's type; its README before March 2026.
    CREATE_WITHDRAWAL: ("fee-breakdown", "metadata"),
    # The page; the JS client's type.
    WITHDRAWAL: ("documented", "fee-breakdown"),
    # The JS client's type; the skill's flag; flag and counts as the MCP server reads them. Wherever a store is shown.
    STORE: ("is-published", "is-active", "counted"),
    # With the members of the skill and the MCP server; the JS client's type alone. Wherever a product is shown.
    PRODUCT: ("all-members", "short"),
    # The JS client's type; the total as the MCP server reads it. Wherever an order is shown.
    ORDER: ("total-amount", "total"),
    # Both clients; the skill.
    ADD_KEYS: ("enveloped", "bare"),
    # assumed: the configuration, because no source shows this answer; the JS client's older documents.
    SET_WEBHOOK: ("configuration", "secret"),
    # The JS client's type; the page webhooks/setup; the JS client's older documents.
    WEBHOOK_CONFIG: ("webhook", "flat", "events"),
    # The page on the API; the skill; 201 for created records, which the page lists and one consumer accepts.
    ENVELOPE: ("documented", "without-status-code", "created-201"),
    # The pages; the member that both official clients fall back on.
    ERRORS: ("documented", "message"),
}
"""The names of the documented response shapes, by endpoint (method and path)."""


class Variants:
    """The chosen variant of each endpoint, or kind of record. Safe to use from any thread.

    Example:
        sandbox.variants.use("GET /v1/merchant/balance", "list-with-summary")
        sandbox.variants.mix()      # all of them, at random
    """

    def __init__(self, seed: int | None = None) -> None:
        """Start with the documented variants; with a ``seed``, random choices are reproducible."""
        self._seed = seed
        self._lock = threading.Lock()
        self.clear()

    def use(self, endpoint: str, variant: str) -> None:
        """Answer in ``variant`` (or ``"mixed"``) there. Raises ``ValueError`` for names not in ``VARIANTS``."""
        if endpoint not in VARIANTS:
            raise ValueError(f"There are no variants of {endpoint!r}; they are of: {', '.join(VARIANTS)}.")
        if variant != MIXED and variant not in VARIANTS[endpoint]:
            names = ", ".join((*VARIANTS[endpoint], MIXED))
            raise ValueError(f"{endpoint} has no variant {variant!r}; choose one of: {names}.")
        self._chosen[endpoint] = variant

    def mix(self) -> None:
        """Answer in random variants at all endpoints."""
        self._chosen.update(dict.fromkeys(VARIANTS, MIXED))

    def clear(self) -> None:
        """Answer as documented, and restart the random sequence of the seed."""
        self._chosen: dict[str, str] = {}
        self._random = random.Random(self._seed)

    @property
    def chosen(self) -> Mapping[str, str]:
        """The variant of each endpoint."""
        return {endpoint: self._chosen.get(endpoint, names[0]) for endpoint, names in VARIANTS.items()}

    def pick(self, endpoint: str) -> str:
        """Return the variant of the next answer."""
        names = VARIANTS[endpoint]
        chosen = self._chosen.get(endpoint, names[0])
        if chosen != MIXED:
            return chosen
        with self._lock:
            return self._random.choice(names)

    def wrap(self, endpoint: str, answer: Answer) -> Answer:
        """Return the answer of that endpoint with its envelope in the chosen variant."""
        if not self._chosen or answer.content_type != JSON:
            return answer
        if answer.status >= 400:
            return _renamed_error(answer) if self.pick(ERRORS) == "message" else answer
        variant = self.pick(ENVELOPE)
        if variant == "without-status-code":
            return _changed(answer, {"statusCode": None})
        if variant == "created-201" and endpoint in (CREATE_PAYMENT, CREATE_INVOICE, CREATE_WITHDRAWAL):
            created = _changed(answer, {"statusCode": msgspec.Raw(b"201")})
            return attrs.evolve(created, status=201)
        return answer


_Members = dict[str, msgspec.Raw]


def _renamed_error(answer: Answer) -> Answer:
    members = msgspec.json.decode(answer.body, type=_Members)
    return _changed(answer, {"error": None, "details": None, "message": members["error"]})


def _changed(answer: Answer, changes: Mapping[str, msgspec.Raw | None]) -> Answer:
    """Return the answer with changed members; None removes one, and the other members keep their bytes."""
    members = msgspec.json.decode(answer.body, type=_Members)
    if "success" not in members:
        return answer  # the status of a payment, which has no envelope
    kept = {name: value for name, value in {**members, **changes}.items() if value is not None}
    return attrs.evolve(answer, body=msgspec.json.encode(kept))
