"""The sandbox's own routes under /sandbox/webhooks: settings, faults, and the deliveries that are due now."""

from __future__ import annotations

from typing import cast

from ..assumptions import WEBHOOK_RETRY_FOR
from ..clock import iso
from ..errors import invalid
from ..http import fields
from ..http.answers import Answer, success
from ..http.endpoint import Call
from ..webhooks import bodies
from ..webhooks.events import EVENTS
from ..webhooks.faults import FAULT_KINDS, FaultKind
from ..webhooks.settings import Shape
from ..webhooks.webhooks import Webhooks
from .settings import SettingFields

_MAX_COUNT = 1_000_000
_MAX_SECRET_LENGTH = 255


class WebhooksControl:
    """The handlers, which call the same methods of ``Webhooks`` as Python code does."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def show(self, call: Call) -> Answer:
        """Return the settings, the faults that have not met a delivery yet, and the number of planned deliveries."""
        return self._settings("Webhooks of the sandbox")

    def configure(self, call: Call) -> Answer:
        """{url?, secret?, shape?}: change the given members.

        Unlike Python code it cannot allow other hosts: any page in a browser on this machine can send such a request.
        """
        members = fields.Fields(call.body)
        url = members.callback_url("url")
        secret = members.text("secret", _MAX_SECRET_LENGTH)
        shape = members.choice("shape", ("nested", "flat"))
        members.check()
        if secret == "":
            raise invalid({"secret": "Must not be empty"})
        self._webhooks.configure(secret=secret, shape=cast("Shape | None", shape))
        if url is not None:
            self._webhooks.set_url(url)
        return self._settings("Webhooks configured")

    def add_fault(self, call: Call) -> Answer:
        """{fault, count?, event?, seconds?}: plan a fault for the next deliveries."""
        members = SettingFields(call.body)
        kind = members.required_choice("fault", FAULT_KINDS)
        count = members.whole("count", 1, _MAX_COUNT, 1)
        event = members.choice("event", EVENTS)
        seconds = members.positive_number("seconds", WEBHOOK_RETRY_FOR)
        members.check()
        self._webhooks.misdeliver(cast("FaultKind", kind), count=count, event=event, seconds=seconds)
        return self._settings("The fault was planned for the next deliveries")

    def clear_faults(self, call: Call) -> Answer:
        """Remove all planned faults of deliveries."""
        self._webhooks.clear_faults()
        return self._settings("No more faults")

    async def deliver(self, call: Call) -> Answer:
        """Attempt all deliveries that are due; answer after every receiver answered or timed out."""
        delivered = await self._webhooks.deliver_due_async()
        attempted = [{"event": one.event, **bodies.delivery(one)} for one in delivered]
        return success({"deliveries": attempted}, f"{len(attempted)} attempted")

    def _settings(self, message: str) -> Answer:
        webhooks = self._webhooks
        next_at = webhooks.outbox.next_at
        data = {
            "url": webhooks.url,
            "secret": webhooks.secret,
            "shape": webhooks.settings.shape,
            "faults": [
                {
                    "fault": fault.kind,
                    "count": fault.count,
                    "event": fault.event,
                    **({"seconds": fault.seconds} if fault.kind == "late" else {}),
                }
                for fault in webhooks.outbox.faults
            ],
            "planned": webhooks.outbox.planned,
            "nextDueAt": None if next_at is None else iso(next_at),
        }
        return success(data, message)
