"""Deliver in the background of a running server, from a separate thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio
import httpx

from ..._concurrency.tasks import AsyncBackend, AsyncioWaiter, AsyncWaiter
from ..clock import Clock
from ..http.steady_loop import new_event_loop
from .outbox import Outbox
from .sender import DeliveryQueues, http_client

# Seconds between two checks of the sandbox's clock while a delivery is planned: the clock may jump.
_NAP = 0.2


class Background:
    """The background delivery. Its thread starts when a delivery is planned."""

    def __init__(self, outbox: Outbox, clock: Clock, look: Callable[[], None]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._look = look
        self._lock = threading.Lock()
        self._is_open = False
        self._thread: threading.Thread | None = None
        self._waiter: AsyncioWaiter | AsyncWaiter | None = None
        self._transport: httpx.AsyncBaseTransport | None = None

    def open(self, transport: httpx.AsyncBaseTransport | None) -> None:
        """Allow ``wake`` to start the thread from now on."""
        with self._lock:
            self._is_open = True
            self._transport = transport

    def wake(self) -> None:
        """Check for due deliveries."""
        with self._lock:
            if not self._is_open:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run_loop, name="inventpay-sandbox-webhooks", daemon=True)
                self._thread.start()
            waiter = self._waiter
        # A thread that has no waiter yet checks the schedule before it waits.
        if waiter is not None:
            waiter.wake()

    def close(self) -> None:
        """End the thread; deliveries that have not arrived are due again."""
        with self._lock:
            self._is_open = False
            thread, self._thread = self._thread, None
            waiter = self._waiter
        if waiter is not None:
            waiter.wake()
        if thread is not None:
            thread.join()

    def _run_loop(self) -> None:
        anyio.run(self._run, backend_options={"loop_factory": new_event_loop})

    async def _run(self) -> None:
        waiter = AsyncBackend().waiter()
        with self._lock:
            self._waiter = waiter
        try:
            async with http_client(self._transport) as client, anyio.create_task_group() as group:
                queues = DeliveryQueues(self._outbox, client, group)
                while self._is_open:
                    self._look()
                    for attempt in self._outbox.take():
                        queues.put(attempt)
                    queues.delivered.clear()
                    await waiter.wait(self._pause())
                group.cancel_scope.cancel()
        finally:
            with self._lock:
                self._waiter = None

    def _pause(self) -> float | None:
        """Return the seconds to sleep unless woken."""
        next_at = self._outbox.next_at
        return None if next_at is None else min(max(0.0, next_at - self._clock()), _NAP)
