# The source of inventpay/_sync/shared_reads.py; after a change run: python tools/generate_sync.py
"""Send identical reads of concurrent callers once; the rules are in :mod:`inventpay._transport.coalescing`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING

from .._concurrency.forking import Lock, register_fork_handler
from .._transport.coalescing import REMEMBERED, AsyncFetch, InFlightRead, is_shared
from ..responses import APIResponse

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend


class AsyncSharedReads:
    """The reads of one client that are under way, and the latest answers of those that may be asked for again."""

    def __init__(self, backend: AsyncBackend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._in_flight_reads: dict[Hashable, InFlightRead] = {}
        self._answers: OrderedDict[Hashable, tuple[float, APIResponse]] = OrderedDict()
        register_fork_handler(self)

    def recall(self, name: Hashable, max_age: float) -> APIResponse | None:
        """Return the latest answer, if its request was sent at most ``max_age`` seconds ago."""
        with self._lock:
            sent_at, response = self._answers.get(name, (0.0, None))
        return response if response is not None and self._backend.now() - sent_at <= max_age else None

    def keep(self, name: Hashable, sent_at: float, response: APIResponse) -> None:
        """Remember an answer, unless a later request was answered already. Call with the lock held."""
        known_at, _ = self._answers.get(name, (sent_at, None))
        if known_at <= sent_at:
            self._answers[name] = (sent_at, response)
            self._answers.move_to_end(name)
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)

    async def read(self, name: Hashable, fetch: AsyncFetch, *, keep_as: Hashable = None) -> APIResponse:
        """Return an answer to a request that is sent after this call, by this caller or another one.

        A success is remembered as ``keep_as``, for those who accept a recent answer.
        """
        place = (self._backend.queue(), name)
        with self._lock:
            read = self._in_flight_reads.get(place)
            if read is None:
                read = self._in_flight_reads[place] = InFlightRead()
                read.take_lead()
                first = True
            else:
                first = False
        if first:
            return await self._lead(place, read, fetch, None, keep_as)
        return await self._follow(place, read, fetch, keep_as)

    async def _follow(self, place: Hashable, read: InFlightRead, fetch: AsyncFetch, keep_as: Hashable) -> APIResponse:
        waiter = self._backend.waiter()
        with self._lock:
            caller = read.ask(waiter)
        try:
            while True:
                with self._lock:
                    if caller.response is not None:
                        return caller.response
                    turn = None if caller.alone else read.leads(caller, self._backend.now())
                if caller.alone:
                    return await self._ask_alone(fetch, caller.serving_since, keep_as)
                if turn is True:
                    return await self._lead(place, read, fetch, caller.serving_since, keep_as)
                await waiter.wait(turn)
        finally:
            with self._lock:
                read.leave(caller)
                self._forget_idle(place, read)

    async def _ask_alone(self, fetch: AsyncFetch, began: float | None, keep_as: Hashable) -> APIResponse:
        sent_at = 0.0

        def on_sent() -> None:
            nonlocal sent_at
            sent_at = self._backend.now()

        response = await fetch(on_sent, began)
        if keep_as is not None and 200 <= response.status < 300:
            with self._lock:
                self.keep(keep_as, sent_at, response)
        return response

    async def _lead(
        self, place: Hashable, read: InFlightRead, fetch: AsyncFetch, began: float | None, keep_as: Hashable
    ) -> APIResponse:
        order: int | None = None
        sent_at = 0.0

        def on_sent() -> None:
            nonlocal order, sent_at
            with self._lock:
                sent_at = self._backend.now()
                order = read.sent(sent_at)

        try:
            response = await fetch(on_sent, began)
        except BaseException as error:
            with self._lock:
                # Only a failure says something about the API; a caller that was cut off just left.
                read.failed(order, cancelled=not isinstance(error, Exception))
                self._forget_idle(place, read)
            raise
        with self._lock:
            if order is not None and is_shared(response):
                read.answered(order, response)
            else:
                read.failed(order, cancelled=False)
            if keep_as is not None and 200 <= response.status < 300:
                self.keep(keep_as, sent_at, response)
            self._forget_idle(place, read)
        return response

    def _forget_idle(self, place: Hashable, read: InFlightRead) -> None:
        if read.is_idle and self._in_flight_reads.get(place) is read:
            del self._in_flight_reads[place]

    def fork_lock(self) -> Lock:
        """Return the locks that a fork must acquire."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Reset the state in a forked child: the parent's reads are answered in the parent."""
        self._lock = threading.Lock()
        self._in_flight_reads.clear()
