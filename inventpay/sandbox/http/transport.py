"""An httpx transport to the sandbox: requests stay inside the process, without a socket."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import anyio
import httpx
from starlette.types import ASGIApp, Message, Scope

from .connection import KEY
from .steady_loop import new_event_loop

_CLIENT: Final = ("127.0.0.1", 0)


class SandboxTransport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """``transport=`` for both clients, and for plain httpx clients; made by ``Sandbox.transport()``.

    It needs no event loop of its own kind, works with asyncio and trio, in several threads and after a fork. Faults
    that break connections raise what httpx raises for them.

    Example:
        sandbox = Sandbox()
        client = InventPay(sandbox.api_key, transport=sandbox.transport())
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._thread = _LoopThread()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the sandbox from a task."""
        return await _exchange(self._app, request, await request.aread())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the sandbox from a thread."""
        # Handlers may wait (for a webhook's receiver, say), which takes an event loop; the caller's thread may run one.
        return self._thread.run(_exchange(self._app, request, request.read()))

    def close(self) -> None:
        """End the transport's thread; a later request starts a new one."""
        self._thread.close()


class _Line:
    """A substitute for the connection, which records resets and closes."""

    is_in_process = True

    def __init__(self) -> None:
        self.is_ending = False
        self.is_reset = False
        self.is_closed = False

    def reset(self) -> None:
        self.is_reset = True

    def close(self) -> None:
        self.is_closed = True


async def _exchange(app: ASGIApp, request: httpx.Request, body: bytes) -> httpx.Response:
    line = _Line()
    head: Message = {}
    received = bytearray()
    timeout: float | None = request.extensions.get("timeout", {}).get("read")
    patience = anyio.CancelScope()

    def wait_again() -> None:
        if timeout is not None:
            patience.deadline = anyio.current_time() + timeout

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        wait_again()
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            if request.method != "HEAD":
                received.extend(message["body"])
            # A stream of events has no end: return only the events that exist now.
            line.is_ending = _is_stream(head)

    wait_again()
    with patience:
        await app(_scope(request, line), receive, send)
    if patience.cancelled_caught:
        raise httpx.ReadTimeout("The sandbox did not answer in time", request=request)
    if line.is_reset or not head:
        raise httpx.ReadError("The sandbox reset the connection", request=request)
    stream = _Body(bytes(received), head["headers"], request)
    return httpx.Response(head["status"], headers=head["headers"], stream=stream)


def _scope(request: httpx.Request, line: _Line) -> Scope:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": _CLIENT,
        "server": (request.url.host, request.url.port),
        "state": {KEY: line},
    }


def _is_stream(head: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in head["headers"])


class _Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body for both kinds of clients; if it is shorter than its Content-Length, it ends like a broken one."""

    def __init__(self, body: bytes, headers: list[tuple[bytes, bytes]], request: httpx.Request) -> None:
        self._body = body
        self._expected = int(dict(headers).get(b"content-length", len(body)))
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        if len(self._body) < self._expected and self._request.method != "HEAD":
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                f"(received {len(self._body)} bytes, expected {self._expected})",
                request=self._request,
            )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class _LoopThread:
    """An event loop in a thread, started at its first use; a forked child starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, exchange: Any) -> httpx.Response:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = new_event_loop(), os.getpid()
                threading.Thread(
                    target=_run_until_stopped, args=(self._loop,), name="inventpay-sandbox-transport", daemon=True
                ).start()
            waiting = asyncio.run_coroutine_threadsafe(exchange, self._loop)
        response: httpx.Response = waiting.result()
        return response

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and self._pid == os.getpid():
            loop.call_soon_threadsafe(loop.stop)


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()  # leaving the block cancels what is still running
