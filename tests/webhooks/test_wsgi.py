"""``receiver.wsgi`` is a WSGI application: it reads only as much as it needs, and answers every request."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from inventpay.webhooks import SQLiteSeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed

MOST = 1_048_576


class Input(io.BytesIO):
    """The body as a WSGI server passes it; it records how much was read."""

    gone = False

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, in small pieces like a socket."""
        assert size is not None
        assert size > 0, "the rest of a connection that is kept open would block for ever"
        if self.gone:
            raise OSError("connection reset")
        return super().read(min(size, 1000) if self.getbuffer().nbytes < 10_000 else size)


class Answer:
    """One request, and its answer."""

    def __init__(self, receiver: WebhookReceiver, body: bytes = b"", method: str = "POST", **environ: Any) -> None:
        self.log: list[str] = []
        self.input = Input(body)
        self.input.gone = environ.pop("gone", False)
        self.status = 0
        self.headers: dict[str, str] = {}
        given = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": "/webhooks/inventpay",
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": self.input,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()},
            **environ,
        }
        self.environ = {
            name: value
            for name, value in given.items()
            if value is not None and name not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH")
        }
        application: Any = receiver.wsgi
        result = application(self.environ, self._start)
        self.body = b""
        for chunk in result:
            self.body += chunk
        self.log.append("sent")
        if hasattr(result, "close"):
            result.close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.status = int(status.split()[0])
        self.phrase = status
        self.headers = dict(headers)
        return self.log.append

    @property
    def outcome(self) -> Any:
        """The outcome of the delivery."""
        return json.loads(self.body)["outcome"]


@pytest.fixture
def handled() -> list[Any]:
    """The events that the receiver handled."""
    return []


@pytest.fixture
def receiver(handled: list[Any]) -> WebhookReceiver:
    """A receiver of completed payments."""
    receiver = WebhookReceiver(SECRET)
    receiver.on("payment.completed")(handled.append)
    return receiver


def test_a_delivery_is_handled_and_answered(receiver: WebhookReceiver, handled: list[Any]) -> None:
    """A body that is read in any number of parts is handled."""
    body = flat(description="x" * 5000)
    answer = Answer(receiver, body)
    assert (answer.status, answer.phrase, answer.outcome) == (200, "200 OK", "handled")
    assert answer.headers == {"Content-Type": "application/json", "Content-Length": "37"}
    assert Answer(receiver, body).outcome == "duplicate"
    assert len(handled) == 1


def test_it_keeps_to_the_specification(receiver: WebhookReceiver) -> None:
    """The checker of the standard library finds nothing to complain of."""

    class Checked:
        wsgi = validator(receiver.wsgi)

    for method, status in (("POST", 200), ("GET", 405)):
        answer = Answer(Checked, flat(), method)  # type: ignore[arg-type]
        assert answer.status == status


def test_a_forged_delivery_is_refused(receiver: WebhookReceiver, handled: list[Any]) -> None:
    """A refusal has its reason in the body."""
    answer = Answer(receiver, flat(), HTTP_X_WEBHOOK_SIGNATURE="0" * 64)
    assert (answer.status, answer.phrase) == (401, "401 Unauthorized")
    assert "does not match the body" in json.loads(answer.body)["error"]
    assert not handled


def test_a_body_that_is_announced_too_large_is_not_read(receiver: WebhookReceiver) -> None:
    """A body with a too large Content-Length is answered with 413 before its first byte."""
    for length in (MOST + 1, 10**18, "9" * 5000):
        answer = Answer(receiver, flat(), CONTENT_LENGTH=str(length))
        assert (answer.status, answer.input.tell()) == (413, 0)


def test_a_chunked_body_is_read_where_the_server_ends_it(receiver: WebhookReceiver, handled: list[Any]) -> None:
    """Chunked bodies are read up to the limit if the server supports them; else reading could block, so none is."""
    ended = {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}
    assert Answer(receiver, flat(), **ended).outcome == "handled"
    answer = Answer(receiver, b"x" * (MOST * 3), **ended)
    assert (answer.status, answer.input.tell()) == (413, MOST + 1)
    for length in (None, ""):
        answer = Answer(receiver, flat(), CONTENT_LENGTH=length)
        assert (answer.status, answer.phrase, answer.input.tell()) == (411, "411 Length Required", 0)
        assert "this server does not pass on chunked bodies" in json.loads(answer.body)["error"]


@pytest.mark.parametrize("length", ["-1", "+5", "5 ", "1_0", "0x10", "five", "٣", "5, 5", "1e3"])
def test_a_length_that_is_no_number_is_refused(length: str, receiver: WebhookReceiver) -> None:
    """An invalid Content-Length is answered with 400, and nothing is read."""
    answer = Answer(receiver, flat(), CONTENT_LENGTH=length)
    assert (answer.status, answer.input.tell()) == (400, 0)
    assert json.loads(answer.body)["error"] == "the header Content-Length is no number"


def test_a_body_that_ends_early_is_refused(receiver: WebhookReceiver, handled: list[Any]) -> None:
    """A body that ends early, by an empty read or an error, is answered with 400; never more than announced is read."""
    body = flat()
    for options, problem in (
        ({"CONTENT_LENGTH": "1000"}, f"the body ended before its end: {len(body)} of 1000 bytes arrived"),
        ({"gone": True}, "the body ended before its end"),
    ):
        answer = Answer(receiver, body, **options)
        assert answer.status == 400
        assert json.loads(answer.body)["error"] == problem
    answer = Answer(receiver, body, CONTENT_LENGTH=str(len(body) - 1))
    assert (answer.status, answer.input.tell()) == (401, len(body) - 1)
    assert not handled


def test_a_body_that_flask_has_read_is_received(receiver: WebhookReceiver, handled: list[Any]) -> None:
    """A function that logs each request reads it before the view, and Flask keeps it."""
    flask = pytest.importorskip("flask", reason="Flask is not installed: pip install flask")
    app = flask.Flask("shop")
    reads = iter([lambda: flask.request.get_data(), lambda: flask.request.json, lambda: flask.request.stream.read()])
    app.before_request(lambda: next(reads)() and None)
    app.add_url_rule("/webhooks", "webhooks", lambda: receiver.wsgi, methods=["POST"])
    client = app.test_client()
    answers = [client.post("/webhooks", data=flat(), headers=signed(flat())) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert "0 of " in answers[-1].json["error"]
    assert "unless other code of the application has read them" in answers[-1].json["error"]
    assert len(handled) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "BREW"])
def test_only_post_is_a_delivery(method: str, receiver: WebhookReceiver, handled: list[Any]) -> None:
    """405 with Allow, without reading; a HEAD has no body, and says how long it would be."""
    answer = Answer(receiver, flat(), method)
    assert (answer.status, answer.phrase, answer.input.tell()) == (405, "405 Method Not Allowed", 0)
    assert answer.headers["Allow"] == "POST"
    assert int(answer.headers["Content-Length"]) > 0
    assert answer.body == b"" if method == "HEAD" else b"are sent by POST" in answer.body
    assert not handled


def test_answering_first_means_before_the_handler(tmp_path: Path) -> None:
    """The handler runs when the server closes the answer it has sent; so does what waited before."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=store, respond="first")
    log: list[str] = []

    @receiver.on_other
    def handle(event: Any) -> None:
        log.append(event.payment_id)

    class Watched:
        def wsgi(self, environ: Any, start_response: Any) -> Any:
            self.result = receiver.wsgi(environ, start_response)
            return self

        def __iter__(self) -> Any:
            log.append("sent")
            return iter(self.result)

        def close(self) -> None:
            log.append("closed")
            self.result.close()  # type: ignore[attr-defined]

    receiver.handle(flat(payment_id="before"), signed(flat(payment_id="before")))
    assert Answer(Watched(), flat()).outcome == "accepted"  # type: ignore[arg-type]
    assert log == ["sent", "closed", "before", "cmh1"]
    assert Answer(receiver, flat()).outcome == "duplicate"
    store.close()
