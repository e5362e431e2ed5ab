"""``receiver.asgi`` is an ASGI application: it reads only as much as it needs, and answers every request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from inventpay.webhooks import SQLiteSeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed

MOST = 1_048_576


class Request:
    """One request as an ASGI server passes it, and the answer."""

    def __init__(self, *chunks: bytes, method: str = "POST", headers: dict[str, str] | None = None) -> None:
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "method": method,
            "path": "/webhooks/inventpay",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        self.read = 0
        """Number of messages that were read."""
        self.leaves = False
        """True if the sender disconnects before the end of the body."""
        self.sent: list[Any] = []
        self.log: list[str] = []

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body."""
        self.read += 1
        if self._messages:
            return self._messages.pop(0)
        return {"type": "http.disconnect"} if self.leaves else {"type": "http.request"}

    async def send(self, message: Any) -> None:
        """Take a part of the answer."""
        self.sent.append(message)
        self.log.append(message["type"])

    @property
    def status(self) -> int:
        """Of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Of the answer."""
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        """Of the answer."""
        return b"".join(message["body"] for message in self.sent[1:])


def _asyncio(receiver: WebhookReceiver, request: Request) -> Request:
    asyncio.run(receiver.asgi(request.scope, request.receive, request.send))
    return request


def _trio(receiver: WebhookReceiver, request: Request) -> Request:
    trio.run(receiver.asgi, request.scope, request.receive, request.send)
    return request


Run = Callable[[WebhookReceiver, Request], Request]


@pytest.fixture(params=[_asyncio, _trio], ids=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """The event loop to run on."""
    chosen: Run = request.param
    return chosen


@pytest.fixture
def handled() -> list[Any]:
    """The events that the receiver handled."""
    return []


@pytest.fixture
def receiver(handled: list[Any]) -> WebhookReceiver:
    """Return a receiver of completed payments."""
    receiver = WebhookReceiver(SECRET)
    receiver.on("payment.completed")(handled.append)
    return receiver


def test_a_delivery_is_handled_and_answered(receiver: WebhookReceiver, handled: list[Any], run: Run) -> None:
    """A body in any number of parts is handled."""
    body = flat()
    answers = [
        run(receiver, Request(body, headers=signed(body))),
        run(receiver, Request(body[:9], b"", body[9:], headers=signed(body))),
        run(receiver, Request(*(bytes([byte]) for byte in body), headers=signed(body))),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert json.loads(answers[0].body) == {"received": True, "outcome": "handled"}
    assert json.loads(answers[1].body)["outcome"] == "duplicate"
    assert answers[0].headers == {b"content-type": b"application/json", b"content-length": b"37"}
    assert len(handled) == 1


def test_a_forged_delivery_is_refused(receiver: WebhookReceiver, handled: list[Any], run: Run) -> None:
    """A refusal has its reason in the body."""
    answer = run(receiver, Request(flat(amount=1), headers=signed(flat(amount=2))))
    assert answer.status == 401
    assert "does not match the body" in json.loads(answer.body)["error"]
    assert not handled


def test_a_body_that_is_announced_too_large_is_not_read(receiver: WebhookReceiver, run: Run) -> None:
    """A body with a too large Content-Length is answered with 413 before its first byte."""
    for length in (MOST + 1, 10**18, "9" * 5000):
        answer = run(receiver, Request(b"x", headers={"Content-Length": str(length)}))
        assert (answer.status, answer.read) == (413, 0)


def test_a_body_that_turns_out_too_large_is_not_read_on(receiver: WebhookReceiver, run: Run) -> None:
    """A body is answered with 413 at the first byte beyond the limit, with or without Content-Length."""
    chunk = b"x" * 65_536
    for headers in ({}, {"Content-Length": "5"}):
        answer = run(receiver, Request(*[chunk] * 100, headers=headers))
        assert (answer.status, answer.read) == (413, 17)
    assert run(receiver, Request(*[chunk] * 16)).status == 401


@pytest.mark.parametrize("length", ["-1", "+5", "5 ", "1_0", "0x10", "five", "٣", "5, 5", "1e3"])
def test_a_length_that_is_no_number_is_refused(length: str, receiver: WebhookReceiver, run: Run) -> None:
    """An invalid Content-Length is answered with 400, and nothing is read."""
    answer = run(receiver, Request(flat(), headers={"Content-Length": length}))
    assert (answer.status, answer.read) == (400, 0)
    assert json.loads(answer.body)["error"] == "the header Content-Length is no number"


def test_a_sender_that_leaves_is_not_answered(
    receiver: WebhookReceiver, handled: list[Any], run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """An incomplete body is not an event."""
    request = Request(flat()[:9], headers=signed(flat()))
    request.leaves = True
    assert run(receiver, request).sent == []
    assert not handled
    assert caplog.messages == ["the sender of a delivery went away: 9 bytes of its body arrived"]


def test_a_body_that_other_code_has_read_is_named(
    receiver: WebhookReceiver, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A middleware that reads it leaves nothing but the end of the connection: the log says so."""
    request = Request(headers=signed(flat()))
    request._messages.clear()
    request.leaves = True
    assert run(receiver, request).sent == []
    (message,) = caplog.messages
    assert message.endswith("0 bytes of its body arrived, unless other code of the application has read them")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "BREW"])
def test_only_post_is_a_delivery(method: str, receiver: WebhookReceiver, handled: list[Any], run: Run) -> None:
    """405 with Allow, without reading; a HEAD has no body, and says how long it would be."""
    answer = run(receiver, Request(flat(), method=method, headers=signed(flat())))
    assert (answer.status, answer.read) == (405, 0)
    assert answer.headers[b"allow"] == b"POST"
    assert int(answer.headers[b"content-length"]) > 0
    assert answer.body == b"" if method == "HEAD" else b"are sent by POST" in answer.body
    assert not handled


def test_a_busy_event_says_when_to_come_again(handled: list[Any]) -> None:
    """A busy event is answered with 503 and Retry-After in seconds."""
    receiver = WebhookReceiver(SECRET, lease=12.5)
    inner = Request(flat(), headers=signed(flat()))

    @receiver.on("payment.completed")
    async def handle(event: Any) -> None:
        await receiver.asgi(inner.scope, inner.receive, inner.send)

    assert _asyncio(receiver, Request(flat(), headers=signed(flat()))).status == 200
    assert inner.status == 503
    assert inner.headers[b"retry-after"] == b"13"


def test_answering_first_means_before_the_handler(run: Run, tmp_path: Path) -> None:
    """The handler runs in the same request, after the last byte of the answer; so does what waited before."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=store, respond="first")
    receiver.on_other(lambda event: request.log.append(event.payment_id))
    assert receiver.handle(flat(payment_id="before"), signed(flat(payment_id="before"))).outcome == "accepted"
    request = Request(flat(), headers=signed(flat()))
    run(receiver, request)
    assert json.loads(request.body)["outcome"] == "accepted"
    assert request.log == ["http.response.start", "http.response.body", "before", "cmh1"]
    # A repeated delivery is a duplicate.
    assert json.loads(run(receiver, Request(flat(), headers=signed(flat()))).body)["outcome"] == "duplicate"
    store.close()


def test_a_request_does_not_work_off_a_long_queue_alone(run: Run, tmp_path: Path) -> None:
    """At most ten; the next request, or `recover`, goes on."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=store, respond="first")
    handled: list[Any] = []
    receiver.on_other(handled.append)
    for number in range(12):
        receiver.handle(flat(payment_id=f"cmh{number}"), signed(flat(payment_id=f"cmh{number}")))
    run(receiver, Request(flat("payment.created"), headers=signed(flat("payment.created"))))
    assert len(handled) == 10
    assert receiver.recover() == 3
    store.close()


def test_it_runs_by_itself(receiver: WebhookReceiver, run: Run) -> None:
    """A server asks the application to start and to stop, when nothing else is mounted round it."""
    request = Request()
    request.scope["type"] = "lifespan"
    request._messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert run(receiver, request).sent == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_a_websocket_is_closed(receiver: WebhookReceiver, run: Run) -> None:
    """A WebSocket connection is closed with a reason."""
    request = Request()
    request.scope["type"] = "websocket"
    assert run(receiver, request).sent == [
        {"type": "websocket.close", "code": 1003, "reason": "webhooks are sent by POST"}
    ]


async def test_a_call_with_a_request_is_refused() -> None:
    """Type checkers accept ``receiver.asgi`` as a view, since frameworks ask for one; it is an application."""
    with pytest.raises(TypeError, match=r"receiver\.asgi is an ASGI application"):
        await WebhookReceiver(SECRET).asgi(object())
