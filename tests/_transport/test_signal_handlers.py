"""A signal while a blocking call waits for a server: a time limit that is a TimeoutError ends the call."""

from __future__ import annotations

import signal
import sys
import threading

import httpx
import pytest

from inventpay import InventPay
from inventpay._transport.http1.connecting import Route
from inventpay._transport.http1.threads import Connection
from inventpay._transport.progress import Progress
from tests.support.clients import CALLS, WITHDRAWAL_KEY, new_key
from tests.support.raw_server import Deed, Exchange, RawServer, answers_as_documented

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot signal a thread that waits")


def over(number: int, frame: object) -> None:
    raise TimeoutError("the time of the job is over")


def signals(before: bytes) -> Deed:
    """Send the beginning of an answer, then the signal to the thread that waits for the rest."""
    target = threading.get_ident()

    def deed(exchange: Exchange) -> None:
        exchange.connection.sendall(before)
        # Python's own search for a module takes an OSError for a missing file, so what is imported late must be there.
        exchange.over.wait(0.1)
        assert sys.platform != "win32"
        signal.pthread_kill(target, signal.SIGUSR1)
        exchange.over.wait(30)

    return deed


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], ids=["nothing", "half"])
@pytest.mark.parametrize("name", CALLS)
def test_a_time_limit_is_no_lost_connection(name: str, before: bytes) -> None:
    """Nothing is retried after it, and the call ends with it."""
    former = signal.signal(signal.SIGUSR1, over)
    try:
        with (
            RawServer(answers_as_documented, signals(before)) as server,
            InventPay(new_key(), withdrawal_key=WITHDRAWAL_KEY, base_url=server.url, timeout=20) as client,
        ):
            CALLS[name](client)
            with pytest.raises(TimeoutError, match="the time of the job is over"):
                CALLS[name](client)
        assert len(server.exchanges) == 2
    finally:
        signal.signal(signal.SIGUSR1, former)


class Half:
    """A socket that a signal reaches while it writes."""

    def send(self, data: memoryview) -> int:
        signal.raise_signal(signal.SIGUSR1)
        raise AssertionError("no signal came")

    def close(self) -> None: ...


def reset(number: int, frame: object) -> None:
    raise ConnectionResetError("the operator resets the job")


def test_a_signal_while_a_request_is_written_waits_for_no_answer() -> None:
    """A write that was cut off may still be answered, unless a signal handler cut it off."""
    former = signal.signal(signal.SIGUSR1, reset)
    link = Connection(Route("localhost", 1, None))
    link._socket = Half()
    try:
        with pytest.raises(httpx.WriteError, match="the operator resets the job"):
            link.send(b"POST / HTTP/1.1\r\n\r\n", b"", Progress(lambda status, headers: None), False)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert not link.is_open
