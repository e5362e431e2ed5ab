"""Real WSGI servers in threads: waitress, and the one of the standard library."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest


@contextmanager
def waitress(app: Any) -> Iterator[str]:
    """The base URL of the application under waitress."""
    server = pytest.importorskip("waitress.server", reason="waitress is not installed: pip install waitress")
    # Given its socket, waitress listens before its thread runs.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        channels: dict[int, Any] = {}
        running = server.create_server(app, map=channels, sockets=[listener], threads=4)
        thread = threading.Thread(target=running.run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.task_dispatcher.shutdown()
            # Its own thread closes everything, and ends when nothing is open.
            running.trigger.pull_trigger(lambda: [channel.close() for channel in list(channels.values())])
            thread.join(10)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@contextmanager
def wsgiref(app: Any) -> Iterator[str]:
    """The base URL of the application under the standard library's server."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join(10)
