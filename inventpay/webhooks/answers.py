"""What a delivery is answered."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from .._json.converter import write_json
from .events import WebhookEvent

DeliveryOutcome: TypeAlias = Literal[
    "handled", "accepted", "duplicate", "ignored", "busy", "refused", "failed", "not_allowed"
]
"""What became of a delivery.

- ``"handled"`` (200): the handler ran.
- ``"accepted"`` (200): the body is stored, and the handler runs after the answer (``respond="first"``).
- ``"duplicate"`` (200): the event was handled before.
- ``"ignored"`` (200): no handler wants such events.
- ``"busy"`` (503): another delivery of the event is being handled, and may still fail; deliver it again.
- ``"refused"`` (401, 400, 413): not genuine, stale or unreadable, or too large.
- ``"failed"`` (500): the handler raised, or the store could not be reached; deliver it again.
- ``"not_allowed"`` (405): no delivery at all: they come by POST.
"""

_RECEIVED: Final = ("handled", "accepted", "duplicate", "ignored")


@frozen(kw_only=True)
class WebhookAnswer:
    """What to answer the sender: status, headers and body, for views written by hand."""

    status: int
    """HTTP status. Anything but 200 has the delivery repeated."""
    outcome: DeliveryOutcome
    message: str | None = None
    """What is wrong, in words that the sender may read. Never what a handler raised."""
    event: WebhookEvent | None = None
    """The event of a genuine delivery."""
    error: BaseException | None = field(default=None, eq=False)
    """What was raised: by the handler, by the store, or by reading the delivery."""
    retry_after: float | None = None
    """Seconds to wait before the next try."""

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
        """``{"received": true, "outcome": "handled"}``: for the delivery log of whoever looks for what went wrong."""
        said = {"received": self.outcome in _RECEIVED, "outcome": self.outcome}
        return write_json(said if self.message is None else {**said, "error": self.message})


def not_allowed() -> WebhookAnswer:
    """For probes, and for people who open the address in a browser."""
    return WebhookAnswer(
        status=405, outcome="not_allowed", message="this address receives InventPay webhooks, which are sent by POST"
    )


def too_large(most: int) -> WebhookAnswer:
    """A body beyond the limit, whether all of it was read or not."""
    return WebhookAnswer(status=413, outcome="refused", message=f"the body is larger than {most:,} bytes")


def malformed(message: str) -> WebhookAnswer:
    """A request that is no proper HTTP."""
    return WebhookAnswer(status=400, outcome="refused", message=message)
