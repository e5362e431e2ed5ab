"""A sandbox that the commands find through the environment, and the ways of running them."""

from __future__ import annotations

import io
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inventpay._cli.main import main
from inventpay.sandbox import Sandbox, Unlimited, WebhookSettings, webhook_inbox
from inventpay.sandbox.webhook_inbox import WebhookInbox
from tests.support.clients import new_key
from tests.support.tls import trusted

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
COLUMNS = 80


class Result(NamedTuple):
    """The end of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        import json

        return json.loads(self.out)


class Commands:
    """Runs commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run a command without a terminal."""
        out, err = _stream(), _stream()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(list(arguments))
        return Result(code, _text(out), _text(err))

    def json(self, *arguments: str) -> Any:
        """Run a command with --json that is to succeed; return the one document on stdout."""
        result = self(*arguments, "--json")
        assert (result.code, result.err) == (0, ""), result
        return result.json

    def in_terminal(self, *arguments: str, answer: str = "") -> Result:
        """Run a command whose three streams are a pseudo-terminal of 80 columns, and type an answer."""
        master, slave = _terminal()
        shown = bytearray()

        def read() -> None:
            while True:
                try:
                    piece = os.read(master, 65_536)
                except OSError:
                    return
                if not piece:
                    return
                shown.extend(piece)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        if answer:
            os.write(master, answer.encode())
        with (
            open(slave, encoding="utf-8", closefd=False) as stdin,
            open(slave, "w", encoding="utf-8", closefd=False) as out,
            open(slave, "w", encoding="utf-8", closefd=False) as err,
            self._monkeypatch.context() as patch,
        ):
            patch.setenv("COLUMNS", str(COLUMNS))
            patch.setenv("TERM", "xterm-256color")
            patch.setattr(sys, "stdin", stdin)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(list(arguments))
        os.close(slave)
        reader.join(5)
        os.close(master)
        return Result(code, shown.decode().replace("\r\n", "\n"), "")


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


class Process:
    """A command in a process of its own, whose streams are a pseudo-terminal."""

    def __init__(self, *arguments: str, environment: dict[str, str]) -> None:
        self._master, slave = _terminal()
        assert sys.platform != "win32"
        self.shown = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "inventpay", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", **environment},
            # Ctrl-C reaches the foreground group of its controlling terminal.
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def wait_for(self, text: str, timeout: float = 20.0) -> None:
        """Read until a text is shown."""
        until = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < until, f"{text!r} was not shown; this was: {self.shown}"
            assert self._read(0.2) or self._process.poll() is None, f"it ended before {text!r}: {self.shown}"

    def wait_until(self, holds: Callable[[], bool], timeout: float = 20.0) -> None:
        """Read until something holds."""
        until = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < until, self.shown
            self._read(0.02)

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._master, text.encode())

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        assert sys.platform != "win32"
        self._process.send_signal(number)

    def ended(self, timeout: float = 20.0) -> int:
        """Read to the end; return the exit code."""
        until = time.monotonic() + timeout
        while self._process.poll() is None:
            assert time.monotonic() < until, self.shown
            self._read(0.05)
        while self._read(0.05):
            pass
        os.close(self._master)
        return self._process.returncode

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._master, 65_536)
        except OSError:
            return False
        self.shown += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


def _terminal() -> tuple[int, int]:
    """Return both ends of a pseudo-terminal."""
    if sys.platform == "win32":
        pytest.skip("this system has no pseudo-terminals")
    return os.openpty()


def _take_terminal() -> None:
    assert sys.platform != "win32"
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the environment of the machine out of the tests."""
    for name in [name for name in os.environ if name.startswith("INVENTPAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    # Each command makes a client, and a client reads the certificates that it trusts: 18 ms for the usual 140.
    if shutil.which("openssl"):
        monkeypatch.setenv("SSL_CERT_FILE", trusted())


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    # Deliveries go out when a test says so.
    sandbox = Sandbox(rate_limits=Unlimited(), webhooks=WebhookSettings(automatic=False))
    with sandbox.run():
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox like new, whose variables are set."""
    served.api_key = f"pk_test_sandbox_{new_key()}"
    served.withdrawal_key = f"wk_test_sandbox_{new_key()}"
    served.idempotency.honoured = True
    served.reset()
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    return served


@pytest.fixture
def inbox(sandbox: Sandbox) -> Iterator[WebhookInbox]:
    """A receiver on this machine, which the sandbox does not deliver to."""
    with webhook_inbox(sandbox) as inbox:
        sandbox.webhooks.set_url(None)
        yield inbox


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(monkeypatch)


@pytest.fixture
def start(sandbox: Sandbox) -> Iterator[Any]:
    """Start a command in a process of its own; what is left is killed in the end."""
    processes: list[Process] = []

    def begin(*arguments: str, **environment: str) -> Process:
        processes.append(Process(*arguments, environment={**sandbox.environment, **environment}))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
