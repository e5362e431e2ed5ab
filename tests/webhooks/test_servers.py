"""On real servers, answering first means that the sender has its answer while the handler still runs."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Route

from inventpay.sandbox.http import server as sandbox_server
from inventpay.webhooks import SQLiteSeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed
from tests.support.wsgi_servers import waitress, wsgiref

Serve = Callable[[WebhookReceiver], AbstractContextManager[str]]


@contextmanager
def _uvicorn(app: Any) -> Iterator[str]:
    with sandbox_server.run_in_thread(app, "127.0.0.1", 0) as running:
        yield running.url


def _behind_middleware(receiver: WebhookReceiver) -> AbstractContextManager[str]:
    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    routes = [Route("/", receiver.asgi, methods=["POST"])]
    return _uvicorn(Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=pass_on)]))


@pytest.fixture(
    params=[
        lambda receiver: _uvicorn(receiver.asgi),
        _behind_middleware,
        lambda receiver: waitress(receiver.wsgi),
        lambda receiver: wsgiref(receiver.wsgi),
    ],
    ids=["uvicorn", "middleware", "waitress", "wsgiref"],
)
def serve(request: pytest.FixtureRequest) -> Serve:
    """A server."""
    chosen: Serve = request.param
    return chosen


def test_the_sender_has_its_answer_while_the_handler_runs(serve: Serve, tmp_path: Path) -> None:
    """The handler ends only after the sender has read all of the answer."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=store, respond="first")
    answered, handled = threading.Event(), threading.Event()

    @receiver.on("payment.completed")
    def slow(event: Any) -> None:
        if answered.wait(20):
            handled.set()

    with serve(receiver) as url, httpx.Client() as client:
        answer = client.post(url, content=flat(), headers=signed(flat()))
        assert answer.json()["outcome"] == "accepted"
        answered.set()
        assert handled.wait(20)
    store.close()


def test_a_body_that_is_too_large_is_not_waited_for(serve: Serve) -> None:
    """Two gigabytes are announced, a kilobyte is sent: the answer is 413, at once."""
    receiver = WebhookReceiver(SECRET)
    with serve(receiver) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2147483648\r\n\r\n" + b"x" * 1024
            )
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert response.status == 413
            response.close()
