"""Send due attempts: those to one URL one after another, those to different URLs at the same time."""

from __future__ import annotations

import functools
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import httpx
from anyio.abc import TaskGroup

from .. import assumptions
from .deliveries import Delivery, Outcome
from .outbox import DeliveryAttempt, Outbox

# Most requests that are open at once.
_CONCURRENT = 20

# Longest character in UTF-8.
_BYTES_PER_CHARACTER = 4


@asynccontextmanager
async def http_client(transport: httpx.AsyncBaseTransport | None) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Open a client that uses neither proxies of the environment nor redirects."""
    if transport is not None:
        # The transport belongs to the user, so do not close it.
        yield httpx.AsyncClient(transport=transport, timeout=None, trust_env=False)
        return
    # A connection that the receiver closed while it was idle would look like a failure.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=_tls(), timeout=None, trust_env=False, limits=limits) as client:
        yield client


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def send(client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
    """Send one request, within the documented time. No behaviour of a receiver raises an error here."""
    # An answer that is compressed could be larger than any limit.
    headers = {**headers, "Accept-Encoding": "identity"}
    try:
        with anyio.move_on_after(assumptions.WEBHOOK_TIMEOUT):
            async with client.stream("POST", url, content=body, headers=headers) as response:
                return Outcome(status=response.status_code, response=await _beginning(response))
    except Exception as error:
        reason = str(error) or type(error).__name__
        return Outcome(error=f"Could not be delivered: {reason}")
    return Outcome(error=f"No answer within {assumptions.WEBHOOK_TIMEOUT:g} s")


async def _beginning(response: httpx.Response) -> str:
    length = assumptions.WEBHOOK_RESPONSE_LENGTH
    answer = bytearray()
    # A transport in memory has read the response already, so there is nothing to read from the wire.
    async for chunk in response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw():
        answer += chunk
        if len(answer) >= length * _BYTES_PER_CHARACTER:
            break
    return answer.decode("utf-8", "replace")[:length]


class DeliveryQueues:
    """The attempts being sent, inside a task group. A cancelled group gives back those without an outcome."""

    def __init__(self, outbox: Outbox, client: httpx.AsyncClient, group: TaskGroup) -> None:
        self._outbox = outbox
        self._client = client
        self._group = group
        self._queues: dict[str, deque[DeliveryAttempt]] = {}
        self._places = anyio.Semaphore(_CONCURRENT)
        self.delivered: list[Delivery] = []
        """The attempted deliveries, in the order in which they finished."""

    def put(self, attempt: DeliveryAttempt) -> None:
        """Send the attempt as soon as those before it were answered."""
        queue = self._queues.get(attempt.url)
        if queue is not None:
            queue.append(attempt)
            return
        self._queues[attempt.url] = deque([attempt])
        self._group.start_soon(self._send_queue, attempt.url)

    async def _send_queue(self, url: str) -> None:
        queue = self._queues[url]
        try:
            while queue:
                async with self._places:
                    outcomes = await self._send(queue[0])
                delivery = self._outbox.arrived(queue.popleft(), outcomes)
                if delivery is not None:
                    self.delivered.append(delivery)
        finally:
            del self._queues[url]
            for attempt in queue:
                self._outbox.give_back(attempt)

    async def _send(self, attempt: DeliveryAttempt) -> list[Outcome]:
        """Send all copies at the same moment; return their outcomes."""
        outcomes: list[Outcome] = []

        async def send_copy() -> None:
            outcomes.append(await send(self._client, attempt.url, attempt.body, attempt.headers))

        async with anyio.create_task_group() as copies:
            for _ in range(attempt.copies):
                copies.start_soon(send_copy)
        return outcomes


async def deliver_due(
    outbox: Outbox, look: Callable[[], None], transport: httpx.AsyncBaseTransport | None
) -> list[Delivery]:
    """Attempt all due deliveries, and those that become due through them; ``look`` detects expired payments."""
    delivered: list[Delivery] = []
    async with http_client(transport) as client:
        while True:
            look()
            attempts = outbox.take()
            if not attempts:
                return delivered
            group = anyio.create_task_group()
            queues = DeliveryQueues(outbox, client, group)
            async with group:
                for attempt in attempts:
                    queues.put(attempt)
            delivered += queues.delivered
