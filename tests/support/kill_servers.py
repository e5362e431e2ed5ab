"""Webhook servers over HTTP that are killed with SIGKILL at a chosen stage of a delivery, and started again.

A server ships a payment in two writes of one transaction. ``tests.soak.webhook_kills`` runs four of them.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from attrs import frozen
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from inventpay.webhooks import Claim, SQLAlchemySeenStore, SQLiteSeenStore, WebhookReceiver
from inventpay.webhooks.keys import payment_key

from .deliveries import SECRET

STAGES: Final = (
    "before the claim",
    "after the claim",
    "in the handler, before its work",
    "in the handler, half done",
    "after the handler's work",
    "before the note",
    "after the note",
    "before the answer",
    "after the answer",
    "at any time",
)
"""``at any time`` is a kill from outside. In a transactional store the note is the commit of work and note."""


@frozen(kw_only=True)
class Setting:
    """The place of everything that the servers share."""

    store: str
    """``transactional``, ``sqlite`` or ``redis``."""
    respond: Any
    lease: float
    """Seconds."""
    database: Path
    seen: str
    """Path or address of the store, where it is not the database."""
    log: Path


class Log:
    """Lines of several processes in one file: each is one write to its end, and survives a kill."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, *words: object) -> None:
        """Write a line that begins with the id of this process."""
        os.write(self._file, (" ".join(map(str, (os.getpid(), *words))) + "\n").encode())


class Stages:
    """Counts passes of the fatal stage, and kills the process at one of them."""

    def __init__(self, fatal: str, passes: int, log: Log) -> None:
        self._fatal = fatal
        self._left = passes
        self._log = log
        self._lock = threading.Lock()

    def pass_by(self, name: str) -> None:
        """Pass a stage."""
        assert sys.platform != "win32"
        if name != self._fatal:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._log.write("killed", name)
                os.kill(os.getpid(), signal.SIGKILL)


def make_store(setting: Setting, stages: Stages, log: Log, payments: dict[str, str], sessions: Any) -> Any:
    """Return the store of a server, which marks the stages. ``payments`` has those in work by their keys."""
    base: Any = SQLAlchemySeenStore if setting.store == "transactional" else SQLiteSeenStore
    if setting.store == "redis":
        from inventpay.redis import RedisSeenStore

        base = RedisSeenStore

    class Store(base):  # type: ignore[misc]
        def claim(self, *args: Any, **options: Any) -> Any:
            stages.pass_by("before the claim")
            found = super().claim(*args, **options)
            if isinstance(found, Claim):
                stages.pass_by("after the claim")
            return found

        def due(self, lease: float) -> Any:
            found = super().due(lease)
            if found is not None:
                stages.pass_by("after the claim")
            return found

        def finish(self, claim: Claim, keep: float | None = None) -> bool:
            stages.pass_by("before the note")
            done: bool = super().finish(claim, keep)
            for key in claim.keys:
                if key in payments:
                    log.write("noted" if done else "late", payments[key])
            stages.pass_by("after the note")
            return done

    if setting.store == "transactional":
        return Store(sessions)
    return Store(setting.seen, persistent=True) if setting.store == "redis" else Store(setting.seen)


def make_receiver(setting: Setting, stages: Stages, log: Log) -> WebhookReceiver:
    """Return the receiver of a server."""
    sessions = sessionmaker(create_engine(f"sqlite:///{setting.database}", connect_args={"timeout": 20}))
    payments: dict[str, str] = {}
    seen = make_store(setting, stages, log, payments, sessions)

    def ship_in(session: Any, payment: str) -> None:
        stages.pass_by("in the handler, before its work")
        session.execute(text("INSERT INTO shipped VALUES (:payment)"), {"payment": payment})
        stages.pass_by("in the handler, half done")
        session.execute(text("UPDATE stock SET left = left - 1"))

    receiver = WebhookReceiver(SECRET, seen=seen, lease=setting.lease, respond=setting.respond)

    @receiver.on_paid
    def ship(event: Any) -> None:
        payments[payment_key("+", event.payment_id, test=False)] = event.payment_id
        log.write("working", event.payment_id)
        if setting.store == "transactional":
            ship_in(seen.session, event.payment_id)
        else:
            with sessions.begin() as session:
                ship_in(session, event.payment_id)
        stages.pass_by("after the handler's work")

    return receiver


def asgi_of(receiver: WebhookReceiver, stages: Stages) -> Callable[..., Any]:
    """Return the application of uvicorn, which marks the answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                stages.pass_by("before the answer")
            await send(message)
            if message["type"] == "http.response.body":
                stages.pass_by("after the answer")

        await receiver.asgi(scope, receive, marked)

    return app


def wsgi_of(receiver: WebhookReceiver, stages: Stages) -> Callable[..., Any]:
    """Return the application of a WSGI server, which marks the answer."""

    class Body:
        def __init__(self, body: Any) -> None:
            self._body = body

        def __iter__(self) -> Any:
            stages.pass_by("before the answer")
            yield from self._body

        def close(self) -> None:
            stages.pass_by("after the answer")
            getattr(self._body, "close", lambda: None)()

    return lambda environ, start_response: Body(receiver.wsgi(environ, start_response))


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


def serve(listener: socket.socket, setting: Setting, fatal: str, passes: int, *, asgi: bool) -> None:
    """Serve until the fatal stage, or for ever."""
    import logging

    # Failures are part of the run: a locked database, a delivery that is busy.
    logging.disable(logging.CRITICAL)
    log = Log(setting.log)
    stages = Stages(fatal, passes, log)
    receiver = make_receiver(setting, stages, log)
    if asgi:
        import uvicorn

        config = uvicorn.Config(asgi_of(receiver, stages), log_config=None, lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])
        return
    server = _Threads(listener.getsockname(), _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = "127.0.0.1", listener.getsockname()[1]
    server.setup_environ()
    server.set_app(wsgi_of(receiver, stages))
    server.serve_forever(poll_interval=5)


def preload() -> None:
    """Import what every server needs, so that those that are forked off start at once."""
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Stand in for an application."""

    uvicorn.Config(app, log_config=None, lifespan="off").load()


def supervise(listener: socket.socket, setting: Setting, plan: Sequence[str], seed: int, *, asgi: bool) -> None:
    """Start a server again after each kill, one for each stage of the plan, and then one that stays."""
    assert sys.platform != "win32"
    chance = random.Random(seed)
    for fatal in (*plan, "never"):
        child = os.fork()
        if child == 0:
            serve(listener, setting, fatal, chance.randint(1, 5), asgi=asgi)
            os._exit(0)
        if fatal == "at any time":
            time.sleep(chance.uniform(0.05, 0.3))
            Log(setting.log).write("killed", fatal)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            os._exit(1)
