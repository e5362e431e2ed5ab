"""Decide what the end of a call may claim, and whether a key in doubt may be used again. Pure: times are given.

The rules are explained in ``docs/outcomes.md``.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from .._api import outcomes
from .._api.call import Call
from .._api.endpoints import CHECKOUT, CREATE_PRODUCT, CREATE_WITHDRAWAL, ENDPOINTS, Endpoint
from .._limits.shared_doubts import DoubtStep, SharedDoubts
from ..errors import (
    BODY_KEPT,
    IdempotencyConflictError,
    InvalidArgumentError,
    InventPayError,
    SentRequest,
    UnsettledError,
)
from . import idempotency_proofs
from .doubts import LIFETIME, MEMORY, REPEATABLE_FOR, CallDoubt, DoubtMemory, KeyName, KnownKey, request_digest
from .redaction import without_keys

if TYPE_CHECKING:
    from .settings import TransportSettings

CLOCK_ERROR: Final = 300.0
"""Seconds by which the clocks of two hosts may differ before a request seems to come from the future."""


def fingerprint(key: str) -> str:
    """Return a short hash of an API key. Keys are long and random, so it cannot be turned back."""
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"inventpay key").hexdigest()


class Settling:
    """The rules as they apply to one client: its keys, its API, its policy."""

    def __init__(
        self, settings: TransportSettings, shared: SharedDoubts | None = None, memory: DoubtMemory = MEMORY
    ) -> None:
        self._settings: Final = settings
        self._memory: Final = memory
        self.shared: Final = shared
        """The doubts that processes share, where the limiter offers them."""
        self.account: Final = fingerprint(settings.api_key.reveal())

    def doubt_about(self, call: Call[Any]) -> CallDoubt | None:
        """Return the doubt of a write; reads have no effect to be in doubt of."""
        endpoint = call.endpoint
        if endpoint.safety == "read":
            return None
        key = call.idempotency_key
        name = None if key is None else self._name(key)
        digest = request_digest(endpoint.method, call.path, call.body)
        is_once = endpoint.safety == "once"
        return CallDoubt(name, digest, self._memory, self.shared, is_new=call.key_is_new, is_once=is_once)

    def _name(self, idempotency_key: str) -> KeyName:
        return KeyName(self._settings.base_url, self.account, idempotency_key)

    def may_join(self, call: Call[Any], now: float) -> bool:
        """Return whether a request may be sent although an earlier one under its key may have taken effect."""
        return call.endpoint.safety != "once" or self.is_proven(call.endpoint, now)

    def proof_name(self, kind: idempotency_proofs.ProofKind) -> idempotency_proofs.ProofName:
        """Return the name under which a proof for this client is kept."""
        settings = self._settings
        withdrawal_key = settings.withdrawal_key if kind == "withdrawal" else None
        return idempotency_proofs.ProofName(
            settings.base_url,
            self.account,
            "" if withdrawal_key is None else fingerprint(withdrawal_key.reveal()),
            settings.policy.idempotency_header.lower(),
            kind,
        )

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        """Return whether the API is known to honour keys for this call, by proof or by the user's word."""
        if self._settings.policy.trust_idempotency:
            return True
        if endpoint.name == CREATE_WITHDRAWAL.name:
            return idempotency_proofs.is_proven(self.proof_name("withdrawal"), now)
        is_covered = endpoint.name in (CHECKOUT.name, CREATE_PRODUCT.name)
        return is_covered and idempotency_proofs.is_proven(self.proof_name("payment"), now)

    def permit(self, call: Call[Any], doubt: CallDoubt, earlier: KnownKey, now: float) -> None:
        """Raise unless a request may be sent under a key whose earlier request may have taken effect.

        Raises IdempotencyConflictError for another request, UnsettledError where repeating is not proven safe or comes
        too late.
        """
        if doubt.conflicts(earlier):
            raise IdempotencyConflictError(
                f"idempotency key {call.idempotency_key!r} belongs to an earlier call with other data, whose outcome "
                "is unknown; nothing was sent this time. Settle that call first, and use another key for this one",
                outcome="unknown",
            )
        if not self.may_join(call, now):
            raise UnsettledError(
                f"an earlier request with idempotency key {call.idempotency_key!r} may have taken effect, and this API "
                "is not proven to honour the key; nothing was sent this time"
            )
        _check_age(call, earlier.first_sent_at, now)

    def complete(self, error: InventPayError, call: Call[Any], doubt: CallDoubt | None, now: float) -> None:
        """Give an error that ends a call everything it claims about the operation."""
        endpoint = call.endpoint
        error.method, error.path = endpoint.method, call.path
        error.idempotency_key = call.idempotency_key
        if doubt is not None and doubt.exists and error.outcome in ("not_sent", "refused"):
            # An earlier request may have taken effect, whatever became of the last one.
            error.outcome = "unknown"
        error.request = self._sent_request(call, doubt)
        error.safe_to_repeat = outcomes.safe_to_repeat(endpoint.safety, error, proven=self.is_proven(endpoint, now))
        error.repeat_after = outcomes.repeat_after(error)
        if error.outcome == "unknown" and not error.safe_to_repeat:
            error.evidence_hint = outcomes.evidence_hint(endpoint, call.idempotency_key)

    def complete_refused_argument(self, error: InvalidArgumentError, idempotency_key: object, now: float) -> None:
        """Correct the claim of an argument that was refused under a key whose earlier request may have taken effect."""
        if not isinstance(idempotency_key, str):
            return
        known = self._memory.find(self._name(idempotency_key), now)
        if known is not None and known.is_in_doubt:
            error.outcome, error.safe_to_repeat, error.idempotency_key = "unknown", False, idempotency_key
            # The builders of calls name their endpoint, except for a method or path that was refused itself.
            endpoint = ENDPOINTS.get(f"{error.method} {error.path}")
            if endpoint is not None:
                error.evidence_hint = outcomes.evidence_hint(endpoint, idempotency_key)

    def look(self, idempotency_key: object, now: float) -> DoubtStep | None:
        """Return the step that asks the shared memory for a key; ``None`` without one."""
        if self.shared is None or not isinstance(idempotency_key, str):
            return None
        name = self._name(idempotency_key)
        return DoubtStep(
            step="look",
            key=name.hash(),
            ticket="",
            digest=b"",
            age=0.0,
            lifetime=LIFETIME,
            may_join=True,
            on_reply=lambda reply: self._memory.learn(name, reply, reply.others, now),
        )

    def note(self, call: Call[Any], now: float) -> str:
        """Return the note for an interrupt that ended a write after it may have been received."""
        endpoint = call.endpoint
        text = f"inventpay: {endpoint.name} was cut off after it may have been received; its outcome is unknown."
        if endpoint.safety != "once" or self.is_proven(endpoint, now):
            if call.idempotency_key is None:
                return f"{text} Making the same call again has the same effect as making it once."
            return f"{text} Repeat it with idempotency_key={call.idempotency_key!r}, or look it up first."
        hint = outcomes.evidence_hint(endpoint, call.idempotency_key) or "Do not repeat it before you looked it up."
        return f"{text} Its idempotency key is {call.idempotency_key!r}. {hint}"

    def _sent_request(self, call: Call[Any], doubt: CallDoubt | None) -> SentRequest | None:
        if call.body is not None and len(call.body) > BODY_KEPT:
            # Thousands of product keys: an error must stay fit for a task queue.
            return None
        sent = (call.path, call.body, call.idempotency_key)
        if any(without_keys(part, self._settings.keys) != part for part in sent):
            # An API key where none belongs; errors hold no keys.
            return None
        first = None if doubt is None else doubt.first_sent_at
        return SentRequest(
            method=call.endpoint.method,
            path=call.path,
            body=call.body,
            idempotency_key=call.idempotency_key,
            sent_at=None if first is None else datetime.fromtimestamp(first, UTC),
            base_url=self._settings.base_url,
            account=self.account,
        )

    def prepare_repeat(self, call: Call[Any], error: InventPayError, now: float) -> None:
        """Prepare to send the call of an error again, which another process may have made.

        Raises InvalidArgumentError for another account and for an outcome that must not be repeated, UnsettledError for
        one that comes too late. Whether the API honours keys is judged when the call is sent, by :meth:`permit`.
        """
        request = error.request
        if request is None or (request.base_url, request.account) != (self._settings.base_url, self.account):
            raise _not_repeatable(error, "belongs to another API key or base URL; use a client with the same ones")
        if not outcomes.safe_to_repeat(call.endpoint.safety, error, proven=True):
            raise _not_repeatable(error, f"must not be repeated: its outcome is {error.outcome!r}")
        doubt = self.doubt_about(call)
        if doubt is not None and error.outcome == "unknown":
            if request.sent_at is None:
                raise _not_repeatable(error, "carries no time of its first request")
            first_sent_at = request.sent_at.timestamp()
            _check_age(call, first_sent_at, now)
            doubt.adopt(first_sent_at, now)


def _check_age(call: Call[Any], first_sent_at: float, now: float) -> None:
    if call.endpoint.safety == "once" and not -CLOCK_ERROR <= now - first_sent_at <= REPEATABLE_FOR:
        raise UnsettledError(
            f"the first request with idempotency key {call.idempotency_key!r} was sent at "
            f"{datetime.fromtimestamp(first_sent_at, UTC):%Y-%m-%d %H:%M} UTC, more than {REPEATABLE_FOR / 3600:g} "
            "hours ago or in the future by this clock; the API forgets keys after 24 hours. Nothing was sent this time"
        )


def _not_repeatable(error: InventPayError, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the {type(error).__name__} of {error.method} {error.path} {problem}", argument="error", outcome=error.outcome
    )
