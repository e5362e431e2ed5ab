"""The management endpoints under /v1/merchant/ (official JS client; the Python one has all but two of them)."""

from __future__ import annotations

from ..._api import bounds
from ..._concurrency.steady_time import monotonic
from .. import assumptions
from ..clock import Clock
from ..errors import SandboxError, invalid
from ..http import fields
from ..http.answers import Answer, success
from ..http.endpoint import Call
from ..merchant.ids import new_id
from ..shapes import variants
from ..shapes.bodies import Body
from ..shapes.variants import Variants
from . import bodies, events, sender, wire
from .deliveries import Outcome
from .outbox import NOT_ALLOWED
from .query import Query
from .webhooks import Webhooks

# Documented: 10 a page (official Python SDK), 7 days, at most 90 (official JS client's older documents).
PAGE = 10
DAYS = 7

LAST_PAGE = 1_000_000


class WebhooksApi:
    """Handlers over the sandbox's webhooks."""

    def __init__(self, webhooks: Webhooks, variants: Variants, clock: Clock) -> None:
        self._webhooks = webhooks
        self._variants = variants
        self._clock = clock

    def set_url(self, call: Call) -> Answer:
        """{webhookUrl}: set the merchant's URL."""
        url = _url(call, required=True)
        self._webhooks.set_url(url)
        if self._variants.pick(variants.SET_WEBHOOK) == "secret":
            return success({"webhookSecret": self._webhooks.secret}, assumptions.WEBHOOK_SET_MESSAGE)
        return success(self._config(), assumptions.WEBHOOK_SET_MESSAGE)

    def remove_url(self, call: Call) -> Answer:
        """Remove the merchant's URL."""
        self._webhooks.set_url(None)
        return success(self._config(), assumptions.WEBHOOK_REMOVED_MESSAGE)

    def config(self, call: Call) -> Answer:
        """Return the configuration of webhooks."""
        return success(self._config(), assumptions.WEBHOOK_CONFIG_MESSAGE)

    def _config(self) -> Body:
        return bodies.config(self._webhooks, self._variants.pick(variants.WEBHOOK_CONFIG))

    async def test(self, call: Call) -> Answer:
        """{webhookUrl?}: send ``payment.test`` there, by default to the merchant's URL, and return the response."""
        url = _url(call, required=False) or self._webhooks.url
        if url is None:
            raise invalid({"webhookUrl": assumptions.WEBHOOK_NOT_CONFIGURED_ERROR})
        settings = self._webhooks.settings
        body = wire.write(events.test(self._clock()), settings.shape)
        signature = wire.sign(body, settings.secret)
        began = monotonic()
        if settings.allows(url):
            async with sender.http_client(settings.transport) as client:
                outcome = await sender.send(client, url, body, wire.headers(events.TEST_EVENT, new_id(), signature))
        else:
            outcome = Outcome(error=NOT_ALLOWED)
        problem = outcome.problem
        if problem is not None:
            raise SandboxError(400, assumptions.WEBHOOK_TEST_ERROR, {"webhookUrl": problem})
        data = bodies.tested(url, outcome, monotonic() - began, signature, self._clock())
        return success(data, "Webhook test successful")

    def deliveries(self, call: Call) -> Answer:
        """?page&limit&success&paymentId, newest first."""
        query = Query(call.query)
        number = query.whole("page", 1, LAST_PAGE, 1)
        limit = query.whole("limit", 1, bounds.DELIVERIES_PAGE, PAGE)
        wanted = query.flag("success", bodies.ALL)
        payment_id = query.text("paymentId", bounds.ID_LENGTH)
        query.check()
        payment_id = None if payment_id == bodies.ALL else payment_id
        found = [
            one
            for one in reversed(self._webhooks.deliveries)
            if wanted in (None, one.success) and payment_id in (None, one.payment_id)
        ]
        return success(bodies.page(found, number, limit, wanted, payment_id), assumptions.WEBHOOK_DELIVERIES_MESSAGE)

    def delivery(self, call: Call) -> Answer:
        """Return one delivery with its payload."""
        delivery = self._webhooks.outbox.delivery(call.path_params["deliveryId"])
        return success(bodies.delivery_with_payload(delivery), assumptions.WEBHOOK_DELIVERY_MESSAGE)

    def retry(self, call: Call) -> Answer:
        """Plan a retry of one delivery."""
        delivery = self._webhooks.retry(call.path_params["deliveryId"])
        return success(bodies.delivery(delivery), assumptions.WEBHOOK_RETRY_MESSAGE)

    def stats(self, call: Call) -> Answer:
        """?days: return statistics of the last days."""
        query = Query(call.query)
        days = query.whole("days", 1, bounds.STATISTICS_DAYS, DAYS)
        query.check()
        return success(bodies.stats(self._webhooks, days, self._clock()), assumptions.WEBHOOK_STATS_MESSAGE)


def _url(call: Call, *, required: bool) -> str | None:
    members = fields.Fields(call.body)
    url = members.callback_url("webhookUrl")
    if url is None and required:
        raise invalid({"webhookUrl": "Is required"})
    members.check()
    return url
