"""What is done with a delivery, step by step: verify, parse, claim, handle, finish. Written once for both worlds.

An event is claimed before it is handled and finished after, so two deliveries at the same moment run its handler once.
A delivery that meets one in work is answered 503, never 200: the one in work may still fail, and a sender that was told
200 would not deliver again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from .._core.json_values import shown
from ..errors import EventDecodeError, SignatureError, WebhookError
from .answers import WebhookAnswer, too_large
from .bodies import decode_event
from .events import WebhookEvent
from .keys import delivery_key, event_key, payment_key
from .parsing import parse_event
from .procedure import AskStore, Procedure, RunHandler
from .request_headers import HeadersLike
from .secrets import Secrets
from .seen import Claim, ClaimStatus, SeenStore

logger: Final = logging.getLogger("inventpay.webhooks")

Respond: TypeAlias = Literal["last", "first"]
"""Whether the answer comes after the handler, or before it."""

BUSY_PAUSE: Final = 30.0
"""Seconds after which a delivery that met another in work may be repeated."""

FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds before a stored event whose handler failed is tried again: doubled each time, up to the longest."""


@frozen(kw_only=True)
class Route:
    """A handler, and what counts as the same event for it."""

    handler: Callable[[Any], Any]
    folded: str | None = None
    """Names the events of which one payment needs only one handled."""

    def keys(self, event: WebhookEvent) -> tuple[str, ...]:
        """What is claimed: the event itself, and what its delivery calls itself.

        The id of a delivery is not signed. So it never makes an event new, and it stands for no other event or payment
        than the signed body names: a replayed body cannot pass for an event that is still to come.
        """
        payment_id = getattr(event, "payment_id", None)
        if self.folded is not None and payment_id is not None:
            first = payment_key(self.folded, payment_id, test=event.test)
        else:
            first = event_key(event.key)
        if event.delivery_id is None:
            return (first,)
        subject = payment_id or getattr(event, "withdrawal_id", None)
        return first, delivery_key(event.delivery_id, event.event, subject)


@frozen(kw_only=True)
class DeliveryProcessor:
    """The rules of one receiver."""

    secrets: Secrets
    store: SeenStore
    tolerance: float | None
    lease: float
    max_body: int
    respond: Respond
    route_of: Callable[[str], Route | None]

    def deliver(
        self, body: bytes, headers: HeadersLike, received_at: datetime | float | None = None
    ) -> Procedure[WebhookAnswer]:
        """A delivery from its bytes to its answer."""
        if len(body) > self.max_body:
            return too_large(self.max_body)
        try:
            event = parse_event(body, headers, self.secrets, tolerance=self.tolerance, received_at=received_at)
        except WebhookError as error:
            logger.warning("a delivery was refused: %s", error.message)
            status = 401 if isinstance(error, SignatureError) else 400
            return WebhookAnswer(status=status, outcome="refused", message=error.message, error=error)
        return (yield from self.receive(event, body))

    def receive(self, event: WebhookEvent, body: bytes) -> Procedure[WebhookAnswer]:
        """A genuine event, and the body it came in."""
        route = self.route_of(event.event)
        if route is None:
            logger.debug("%s has no handler", _told(event))
            return WebhookAnswer(status=200, outcome="ignored", event=event)
        first = self.respond == "first"
        claim = partial(
            self.store.claim, route.keys(event), 0.0 if first else self.lease, _packed(event, body) if first else None
        )
        try:
            found: Claim | ClaimStatus = yield self._ask(claim)
        except Exception as error:
            logger.exception("%s was not handled: the store of handled events failed", _told(event))
            return _failed(event, error, "the store of handled events failed; deliver it again")
        if found is ClaimStatus.HANDLED:
            logger.debug("%s was handled before", _told(event))
            return WebhookAnswer(status=200, outcome="duplicate", event=event)
        if first and found is not ClaimStatus.BUSY:
            logger.debug("%s is stored", _told(event))
            return WebhookAnswer(status=200, outcome="accepted", event=event)
        if isinstance(found, ClaimStatus):
            logger.info("%s is being handled by another delivery", _told(event))
            message = "another delivery of this event is being handled; deliver it again"
            return WebhookAnswer(
                status=503, outcome="busy", message=message, event=event, retry_after=min(self.lease, BUSY_PAUSE)
            )
        failure = yield from self._handle(route, event, found)
        if failure is not None:
            return _failed(event, failure, "the handler failed; deliver it again")
        return WebhookAnswer(status=200, outcome="handled", event=event)

    def work(self, most: int | None = None) -> Procedure[int]:
        """Handles what is stored and due, at most so many events; returns how many handlers succeeded."""
        handled = taken = 0
        while most is None or taken < most:
            try:
                claim: Claim | None = yield self._ask(partial(self.store.due, self.lease))
            except Exception:
                logger.exception("stored events wait: the store of handled events failed")
                break
            if claim is None:
                break
            taken += 1
            try:
                event = _unpacked(claim.body or b"")
            except EventDecodeError:
                # Another release stored it; one that reads it may come back.
                logger.exception("a stored event cannot be read; it stays stored")
                yield from self._release(claim)
                continue
            route = self.route_of(event.event)
            if route is None:
                logger.warning("%s is stored and has no handler any more; it is dropped", _told(event))
                yield from self._finish(claim, event)
            elif (yield from self._handle(route, event, claim)) is None:
                handled += 1
        return handled

    def _handle(self, route: Route, event: WebhookEvent, claim: Claim) -> Procedure[Exception | None]:
        """Runs the handler and ends the claim; returns what it raised."""
        try:
            yield RunHandler(route.handler, event)
        except Exception as error:
            again = "it is tried again by itself" if claim.body is not None else "the next delivery tries again"
            logger.exception("the handler of %s failed; %s", _told(event), again)
            yield from self._release(claim)
            return error
        except GeneratorExit:
            # The task was dropped: nothing can be awaited any more. The event is free when the lease ends.
            raise
        except BaseException:
            # Cancelled, or told to exit.
            yield from self._release(claim)
            raise
        yield from self._finish(claim, event)
        return None

    def _finish(self, claim: Claim, event: WebhookEvent) -> Procedure[None]:
        try:
            still_ours: bool = yield self._ask(partial(self.store.finish, claim))
        except Exception:
            logger.exception(
                "%s was handled, but the store of handled events failed: it may be handled again", _told(event)
            )
            return
        if still_ours:
            logger.debug("%s was handled", _told(event))
        else:
            logger.warning(
                "%s took longer than its lease of %g s, and another delivery took over: it may have been handled "
                "twice; pass a longer lease=",
                _told(event),
                self.lease,
            )

    def _release(self, claim: Claim) -> Procedure[None]:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(claim.attempts - 1, 0), 20))
        try:
            yield self._ask(partial(self.store.release, claim, pause))
        except Exception:
            logger.exception(
                "the store of handled events failed: the event is free when its lease of %g s ends", self.lease
            )

    def _ask(self, call: Callable[[], Any]) -> AskStore:
        return AskStore(call, self.store.blocking)


def _failed(event: WebhookEvent, error: Exception, message: str) -> WebhookAnswer:
    return WebhookAnswer(status=500, outcome="failed", message=message, event=event, error=error)


def _told(event: WebhookEvent) -> str:
    """An event as a log names it."""
    facts = [
        f"{name} {shown(value)}"
        for name, value in (
            ("payment", getattr(event, "payment_id", None)),
            ("withdrawal", getattr(event, "withdrawal_id", None)),
            ("delivery", event.delivery_id),
        )
        if value is not None
    ]
    return f"{shown(event.event)} ({', '.join(facts)})" if facts else shown(event.event)


def _packed(event: WebhookEvent, body: bytes) -> bytes:
    """What is stored: the delivery's id on a line of its own, and the body as it was signed."""
    return json.dumps(event.delivery_id).encode() + b"\n" + body


def _unpacked(stored: bytes) -> WebhookEvent:
    delivery_id, _, body = stored.partition(b"\n")
    return decode_event(body, delivery_id=json.loads(delivery_id))
