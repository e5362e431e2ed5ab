"""A handler of a receiver, and which deliveries are the same event for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import frozen

from .events import WebhookEvent, order_id_of, payment_id_of
from .keys import PAID_NAMES, EventKeys, content_keys, named_keys, paid_keys, payment_key


@frozen(kw_only=True)
class Route:
    """A handler, and the rule by which deliveries are the same event for it."""

    handler: Callable[[Any], Any]
    once: Literal["event", "name", "payment", "order", "folded"] = "event"
    """``"event"``: by content. ``"name"``: paid names once per payment and name. ``"payment"`` and ``"order"``: of
    ``on_paid``. ``"folded"``: one of ``names`` per payment."""
    names: tuple[str, ...] = ()

    @property
    def is_paid(self) -> bool:
        """Whether the handler fulfils payments, so that no event that contradicts itself reaches it."""
        return self.once in ("payment", "order")

    def keys(self, event: WebhookEvent) -> EventKeys:
        """Return the keys under which the event is claimed."""
        payment_id = payment_id_of(event)
        if payment_id is not None:
            if self.is_paid:
                order_id = order_id_of(event) if self.once == "order" else None
                return paid_keys(event.event, payment_id, test=event.test, order_id=order_id)
            if self.once == "folded":
                return EventKeys((payment_key("+".join(self.names), payment_id, test=event.test),))
            if self.once == "name" and event.event in PAID_NAMES:
                return named_keys(event.event, payment_id, test=event.test)
        return content_keys(event)
