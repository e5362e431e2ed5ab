"""Answers to deliveries."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from .._json.converter import write_json
from .events import WebhookEvent

DeliveryOutcome: TypeAlias = Literal[
    "handled", "accepted", "duplicate", "ignored", "dead_letter", "busy", "refused", "failed", "not_allowed"
]
"""Outcome of a delivery.

- ``"handled"`` (200): the handler ran.
- ``"accepted"`` (200): the body is stored, and the handler runs after the answer (``respond="first"``).
- ``"duplicate"`` (200): the event was handled before.
- ``"ignored"`` (200): no handler wants such events, or it is a test event.
- ``"dead_letter"`` (200, or 503 where the store is not durable): genuine, but it cannot be read or contradicts itself,
  so no handler ran.
- ``"busy"`` (503): another delivery of the event is being handled, and may still fail; deliver it again.
- ``"refused"`` (401, 400, 411, 413): not genuine, stale, without its length, or too large.
- ``"failed"`` (500): the handler raised, or the store could not be reached; deliver it again.
- ``"not_allowed"`` (405): no delivery: they come by POST.
"""


@frozen(kw_only=True)
class WebhookAnswer:
    """The answer to the sender: status, headers and body, for views written by hand."""

    status: int
    """HTTP status. Anything but 200 has the delivery repeated."""
    outcome: DeliveryOutcome
    message: str | None = None
    """The problem, in words that the sender may read. Never the exception of a handler."""
    event: WebhookEvent | None = None
    """The event of a genuine delivery."""
    error: BaseException | None = field(default=None, eq=False)
    """Exception of the handler, of the store, or of reading the delivery."""
    retry_after: float | None = None
    """Seconds to wait before the next try."""
    ignored: str | None = None
    """``"test event"`` or ``"live event"``, where the receiver's ``test=`` excludes it."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the answer, the length of its body included."""
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]
        if self.status == 405:
            headers.append(("Allow", "POST"))
        if self.retry_after is not None:
            headers.append(("Retry-After", str(math.ceil(self.retry_after))))
        return headers

    @property
    def body(self) -> bytes:
        """``{"received": true, "outcome": "handled"}``: the sender's delivery log shows it."""
        members: dict[str, Any] = {"received": self.status == 200}
        members |= {"outcome": self.outcome} if self.ignored is None else {"ignored": self.ignored}
        return write_json(members if self.message is None else {**members, "error": self.message})


def not_allowed() -> WebhookAnswer:
    """Return the answer to probes, and to browsers."""
    return WebhookAnswer(
        status=405, outcome="not_allowed", message="this address receives InventPay webhooks, which are sent by POST"
    )


def too_large(most: int) -> WebhookAnswer:
    """Return the answer to a body beyond the limit, whether all of it was read or not."""
    return WebhookAnswer(status=413, outcome="refused", message=f"the body is larger than {most:,} bytes")


def malformed(message: str) -> WebhookAnswer:
    """Return the answer to a request that is no proper HTTP."""
    return WebhookAnswer(status=400, outcome="refused", message=message)


def length_required() -> WebhookAnswer:
    """Return the answer to a request whose body the server does not pass on."""
    return WebhookAnswer(
        status=411,
        outcome="refused",
        message="the request has no Content-Length, and this server does not pass on chunked bodies "
        "(wsgi.input_terminated is not set): let the proxy buffer requests, or use a server that does",
    )
