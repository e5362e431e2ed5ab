# The source of inventpay/_sync/webhooks.py; after a change run: python tools/generate_sync.py
"""``client.webhooks``: webhook configuration and delivery history."""

from __future__ import annotations

from functools import partial

from .._api import webhooks as calls
from .._api.listing import async_listing
from .._api.page_walk import OnUnread
from .._api.page_walk import on_unread as unread_rule
from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from ..models.webhooks import WebhookConfig, WebhookDelivery, WebhookStats, WebhookTest
from ..options import CallOptions
from .paging import AsyncPage, AsyncTurn
from .transport import AsyncTransport


@readable
class AsyncWebhookCalls(NamesAdvice):
    """Webhook configuration and delivery history. Events that arrive are for :mod:`inventpay.webhooks`."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    async def configure(self, webhook_url: str) -> WebhookConfig:
        """Set ``webhook_url`` as the URL that gets every event (docs: webhooks/setup; vendor's SDKs).

        It must be https; plain http is for this machine, where the sandbox delivers. No source shows the answer: where
        it is empty, what comes back holds the URL alone; where it holds the secret, keep it, for the documentation
        says that it is shown once.

        >>> async with AsyncInventPay() as client:
        ...     config = await client.webhooks.configure("https://shop.example/webhooks/inventpay")
        ...     print(config.url, config.is_configured)

        Raises InvalidArgumentError before anything is sent, and the errors of every call.
        """
        return await self._transport.send(calls.configure(webhook_url), self._options)

    async def delete(self) -> None:
        """Remove the URL, so that events go only to each payment's own ``callback_url`` (vendor's SDKs).

        >>> async with AsyncInventPay() as client:
        ...     await client.webhooks.delete()

        Raises the errors of every call.
        """
        await self._transport.send(calls.delete(), self._options)

    async def config(self) -> WebhookConfig:
        """Return the webhook configuration, from either layout (docs: webhooks/setup; vendor's JavaScript SDK).

        >>> async with AsyncInventPay() as client:
        ...     config = await client.webhooks.config()
        ...     print(config.url, config.is_configured, config.supported_events)

        Raises the errors of every call.
        """
        return await self._transport.send(calls.config(), self._options)

    async def test(self, webhook_url: str | None = None) -> WebhookTest:
        """Send a ``payment.test`` event to ``webhook_url``, or to the URL of all events (vendor's SDKs).

        >>> async with AsyncInventPay() as client:
        ...     test = await client.webhooks.test()
        ...     print(test.status_code, test.response)

        Raises InvalidArgumentError before anything is sent, and the errors of every call: APIStatusError where the API
        says that the receiver did not accept it.
        """
        return await self._transport.send(calls.test(webhook_url), self._options)

    @async_listing
    async def deliveries(
        self,
        *,
        success: bool | calls.Filter | None = None,
        payment_id: str | None = None,
        page: int = 1,
        limit: int | None = None,
        on_unread: OnUnread = "raise",
    ) -> AsyncPage[WebhookDelivery]:
        """Return the deliveries, optionally by success or by payment (vendor's JavaScript SDK).

        Iterating gives all of them from page ``page`` on; every request asks for ``limit`` of them, 1 to 100, or
        where it is left out for as many as the API chooses. The result
        of the call itself is the first page, with ``items`` and ``total``. ``"all"`` filters nothing, like ``None``.

        >>> async with AsyncInventPay() as client:
        ...     async for delivery in client.webhooks.deliveries(success=False):
        ...         print(delivery.payment_id, delivery.http_status, delivery.error_message)

        Raises InvalidArgumentError for what is out of bounds, and the errors of every call.
        """
        build = partial(calls.page, success=success, payment_id=payment_id, limit=limit)
        return await AsyncTurn(self._transport, self._options, build, page, unread_rule(on_unread)).take()

    async def delivery(self, delivery_id: str) -> WebhookDelivery:
        """Return one delivery, with its payload (vendor's JavaScript SDK).

        >>> async with AsyncInventPay() as client:
        ...     delivery = await client.webhooks.delivery("whd1")
        ...     print(delivery.attempts, delivery.response, delivery.payload)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return await self._transport.send(calls.delivery(delivery_id), self._options)

    async def retry(self, delivery_id: str) -> WebhookDelivery | None:
        """Deliver an event again (vendor's JavaScript SDK).

        Returns the delivery where the API answers with it; no source shows the answer. Receivers see a duplicate, which
        a ``WebhookReceiver`` handles once.

        >>> async with AsyncInventPay() as client:
        ...     await client.webhooks.retry("whd1")

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return await self._transport.send(calls.retry(delivery_id), self._options)

    async def stats(self, *, days: int = calls.DAYS) -> WebhookStats:
        """Return how many deliveries of the last ``days`` days, 1 to 90, arrived (vendor's SDKs).

        >>> async with AsyncInventPay() as client:
        ...     stats = await client.webhooks.stats(days=30)
        ...     print(stats.summary.failed, stats.summary.success_rate)

        Raises InvalidArgumentError for days out of bounds, and the errors of every call.
        """
        return await self._transport.send(calls.stats(days), self._options)
