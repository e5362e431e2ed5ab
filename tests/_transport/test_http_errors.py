"""Every failure of the network is one of this package's errors, and says what became of the request."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import aiohttp
import httpx
import httpx2
import httpx_aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from inventpay import APIConnectionError, APITimeoutError, InventPayError, NotFoundError, RetryPolicy, ServerError
from inventpay._transport.http_errors import outcome_of, translate, without_frames
from tests.support.api import example
from tests.support.raw_server import Exchange, RawServer, closed_port
from tests.support.servers import async_client, blocking_client

# --- the table of exceptions ---

NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
UNKNOWN = {
    "CloseError",
    "DecodingError",
    "LocalProtocolError",
    "NetworkError",
    "ProtocolError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "TimeoutException",
    "TooManyRedirects",
    "TransportError",
    "WriteError",
    "WriteTimeout",
}


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_every_exception_of_the_http_library_is_known(package: Any) -> None:
    """A release that adds or renames an exception fails here, before it is misread anywhere else."""
    found = {
        name: kind
        for name, kind in vars(package).items()
        if inspect.isclass(kind) and issubclass(kind, package.RequestError) and kind is not package.RequestError
    }
    # httpx2 alone reads event streams, which this package never asks for.
    assert found.keys() - {"SSEError"} == NOT_SENT | UNKNOWN
    for name, kind in found.items():
        assert outcome_of(kind("said"), written=None) == ("not_sent" if name in NOT_SENT else "unknown")
        failure = translate(kind("said"), written=None)
        assert isinstance(failure, APITimeoutError) == issubclass(kind, package.TimeoutException)
        assert f"({name}: said)" in failure.message


@pytest.mark.parametrize(("written", "outcome"), [(True, "unknown"), (False, "not_sent")])
@pytest.mark.parametrize("error", [httpx.ConnectTimeout("x"), httpx.ReadTimeout("x"), ValueError("x")])
def test_what_was_watched_counts_more_than_names(error: Exception, written: bool, outcome: str) -> None:
    """Where the connection saw whether something was written, the exception is not asked."""
    failure = translate(error, written=written)
    assert failure.outcome == outcome
    assert isinstance(failure, APITimeoutError) == isinstance(error, httpx.TimeoutException)


def test_an_exception_without_a_text() -> None:
    """An exception without a text is shown by its name."""
    assert (
        translate(httpx.ReadError(""), written=True).message == "the connection was lost (ReadError: no reason given)"
    )


def _of_aiohttp() -> dict[str, tuple[Exception, str, bool]]:
    password: Any = "PASSWORD"
    key = ConnectionKey("localhost", 443, True, True, None, password, None)
    headers = CIMultiDictProxy(CIMultiDict({"X-API-Key": "pk_live_secret"}))
    info = aiohttp.RequestInfo(URL("https://localhost"), "POST", headers, URL("https://localhost"))
    refused = OSError(111, "refused")
    return {
        # exception, outcome, whether it is a timeout
        "connector": (aiohttp.ClientConnectorError(key, refused), "not_sent", False),
        "DNS": (aiohttp.ClientConnectorDNSError(key, refused), "not_sent", False),
        "certificate": (aiohttp.ClientConnectorCertificateError(key, ssl.CertificateError("no")), "not_sent", False),
        "TLS": (aiohttp.ClientConnectorSSLError(key, ssl.SSLError(1, "no")), "not_sent", False),
        "proxy": (aiohttp.ClientProxyConnectionError(key, refused), "not_sent", False),
        "proxy's answer": (aiohttp.ClientHttpProxyError(info, (), status=407), "not_sent", False),
        "connecting too slowly": (aiohttp.ConnectionTimeoutError("slow"), "not_sent", True),
        "URL": (aiohttp.InvalidURL("x"), "not_sent", False),
        "disconnected": (aiohttp.ServerDisconnectedError(), "unknown", False),
        "reset": (aiohttp.ClientConnectionResetError("reset"), "unknown", False),
        "operating system": (aiohttp.ClientOSError(104, "reset"), "unknown", False),
        "reading too slowly": (aiohttp.SocketTimeoutError("slow"), "unknown", True),
        "server too slow": (aiohttp.ServerTimeoutError("slow"), "unknown", True),
        "payload": (aiohttp.ClientPayloadError("cut"), "unknown", False),
        "answer": (aiohttp.ClientResponseError(info, (), status=400), "unknown", False),
        "anything": (aiohttp.ClientConnectionError("?"), "unknown", False),
    }


@pytest.mark.parametrize("name", _of_aiohttp())
def test_aiohttp_is_judged_by_its_own_exceptions(name: str) -> None:
    """Its adapter files every lost connection under ConnectTimeout: a withdrawal must not be repeated on its word."""
    error, outcome, is_timeout = _of_aiohttp()[name]
    mapped: Exception = error
    try:
        with httpx_aiohttp.transport.map_aiohttp_exceptions():
            raise error
    except Exception as caught:
        mapped = caught
    for seen in (mapped, error):
        failure = translate(seen, written=None)
        assert (failure.outcome, isinstance(failure, APITimeoutError)) == (outcome, is_timeout)
        assert type(error).__name__ in failure.message
        # Neither keys nor a proxy's password hang on the chain.
        for linked in chain(failure):
            assert "pk_live_secret" not in repr(linked)
            assert "PASSWORD" not in repr(linked)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all it is linked to."""
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None:
            yield current
            pending += [current.__cause__, current.__context__]


def test_frames_and_requests_are_taken_from_the_whole_chain() -> None:
    """Causes and contexts lose them too, even in a ring; the exception the user was handling keeps its own."""
    mine = _raised(KeyError("the user's"))
    inner = _raised(OSError("refused"))
    outer = _raised(httpx.ConnectError("refused", request=httpx.Request("POST", "https://localhost")))
    outer.__cause__, inner.__context__, mine.__context__ = inner, mine, outer
    assert without_frames(outer, mine) is outer
    assert (outer.__traceback__, inner.__traceback__) == (None, None)
    assert mine.__traceback__ is not None
    with pytest.raises(RuntimeError):
        _ = outer.request
    assert without_frames(outer).__cause__ is inner
    assert mine.__traceback__ is None


def _raised(error: Any) -> Any:
    try:
        raise error
    except type(error):
        return error


# --- servers that misbehave ---

End = Literal["ok", "unknown", "refused", "not_sent"]

GOOD = example("withdrawal.created")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def sized(body: bytes, *lines: bytes) -> bytes:
    """A well-formed answer."""
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks: bytes) -> bytes:
    """An answer in chunks as they are."""
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


ANSWERS: dict[str, tuple[bytes, End]] = {
    "as it should be": (sized(GOOD), "ok"),
    "nothing": (b"", "unknown"),
    "garbage": (b"\x00\xff\x16\x03\x01 garbage\r\n\r\n", "unknown"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "unknown"),
    "no status": (b"HTTP/1.1\r\n\r\n", "unknown"),
    "status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", "unknown"),
    "status too short": (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "status beyond": (b"HTTP/1.1 999 Beyond\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "another version": (b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "unknown"),
    "half a status line": (b"HTTP/1.", "unknown"),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Le", "unknown"),
    "no end of the headers": (HEAD + b"Content-Length: 2\r\n", "unknown"),
    "a huge header": (HEAD + b"X-Huge: " + b"x" * 300_000 + b"\r\n\r\n", "unknown"),
    "very many headers": (HEAD + b"X-Many: x\r\n" * 30_000 + b"\r\n", "unknown"),
    "a header without a colon": (HEAD + b"nonsense\r\n\r\n", "unknown"),
    "a header with a null": (HEAD + b"X-Null: a\x00b\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "half a body": (sized(GOOD)[:-10], "unknown"),
    "a length of letters": (HEAD + b"Content-Length: abc\r\n\r\n{}", "unknown"),
    "a negative length": (HEAD + b"Content-Length: -5\r\n\r\n{}", "unknown"),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "unknown"),
    "a length too small": (HEAD + b"Content-Length: 9\r\n\r\n" + GOOD, "unknown"),
    "a huge length": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + GOOD, "unknown"),
    "chunks": (chunked(b"%x\r\n%b\r\n" % (len(GOOD), GOOD), b"0\r\n\r\n"), "ok"),
    "chunks of garbage": (chunked(b"zzz\r\n", GOOD), "unknown"),
    "chunks without an end": (chunked(b"%x\r\n%b\r\n" % (len(GOOD), GOOD)), "unknown"),
    "half a chunk": (chunked(b"%x\r\n%b" % (len(GOOD), GOOD[:20])), "unknown"),
    "an unknown transfer coding": (HEAD + b"Transfer-Encoding: zip\r\n\r\n" + GOOD[:-20], "unknown"),
    "gzip": (sized(zlib.compress(GOOD, wbits=31), b"Content-Encoding: gzip"), "ok"),
    "gzip that is none": (sized(GOOD, b"Content-Encoding: gzip"), "unknown"),
    "half a gzip": (sized(zlib.compress(GOOD, wbits=31)[:40], b"Content-Encoding: gzip"), "unknown"),
    "deflate that is none": (sized(b"\xff\xff\xff", b"Content-Encoding: deflate"), "unknown"),
    "an unknown encoding": (sized(GOOD[::-1], b"Content-Encoding: middle-out"), "unknown"),
    "no JSON": (sized(b"<html>down for maintenance</html>"), "unknown"),
    "no UTF-8": (sized(b'{"success": true, "data": "\xff\xfe"}'), "unknown"),
    "an empty body": (sized(b""), "unknown"),
    "no length": (HEAD + b"Connection: close\r\n\r\n" + GOOD, "ok"),
    "hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 10 + sized(GOOD), "ok"),
    "nothing but hints": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, "unknown"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "unknown"),
    "304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "unknown"),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "a redirect nowhere": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "unknown"),
    "404 of the API": (b'HTTP/1.1 404 Not Found\r\nContent-Length: 17\r\n\r\n{"success":false}', "refused"),
    "405": (b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n", "refused"),
    "500 that is cut off": (b"HTTP/1.1 500 Oops\r\nContent-Length: 500\r\n\r\n{", "unknown"),
    "two answers": (sized(GOOD) + sized(GOOD), "ok"),
}


ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
AT_ONCE = RetryPolicy(initial_delay=0.0)


def withdraw_blocking(base_url: str) -> None:
    """Send a withdrawal, which must never be sent twice, by the blocking client, which would repeat it three times."""
    with blocking_client(base_url, max_retries=3, retry=AT_ONCE, attempt_timeout=5.0) as client:
        client.withdrawals.create(amount="10", currency="USDT_BEP20", destination_address=ADDRESS)


def withdraw_async(base_url: str, **options: Any) -> None:
    """Send it by the other client."""

    async def main() -> None:
        async with async_client(base_url, max_retries=3, retry=AT_ONCE, attempt_timeout=5.0, **options) as client:
            await client.withdrawals.create(amount="10", currency="USDT_BEP20", destination_address=ADDRESS)

    asyncio.run(main())


def withdraw_aiohttp(base_url: str) -> None:
    """And over aiohttp."""
    withdraw_async(base_url, transport="aiohttp")


WAYS = pytest.mark.parametrize("withdraw", [withdraw_blocking, withdraw_async, withdraw_aiohttp])


def end_of(withdraw: Callable[[str], None], base_url: str) -> str:
    """Return how a withdrawal ends; anything but an error of this package fails the test."""
    try:
        withdraw(base_url)
    except InventPayError as error:
        return error.outcome
    return "ok"


@WAYS
@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_misbehaves(withdraw: Callable[[str], None], name: str) -> None:
    """Each odd answer is an error of this package with the right outcome, and the withdrawal is sent exactly once."""
    answer, expected = ANSWERS[name]

    def misbehave(exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            exchange.connection.sendall(answer)
            exchange.connection.shutdown(socket.SHUT_WR)

    with RawServer(misbehave) as server:
        assert end_of(withdraw, server.url) == expected
        assert len(server.exchanges) == 1


@WAYS
def test_a_server_that_resets(withdraw: Callable[[str], None]) -> None:
    """A reset instead of an answer leaves the outcome open, and nothing is repeated."""
    with RawServer(Exchange.reset) as server:
        assert end_of(withdraw, server.url) == "unknown"
        assert len(server.exchanges) == 1


@WAYS
def test_a_server_that_closes_at_once(withdraw: Callable[[str], None]) -> None:
    """A server that accepts and closes may have read something, so nothing is repeated."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    accepted.append(connection)
                    connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        assert end_of(withdraw, f"http://127.0.0.1:{listener.getsockname()[1]}") == "unknown"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert len(accepted) == 1


@WAYS
def test_a_server_that_is_not_there(withdraw: Callable[[str], None]) -> None:
    """Without a connection nothing was sent, and a withdrawal is repeated until its retries are used up."""
    with (
        closed_port() as url,
        pytest.raises(APIConnectionError, match=f"no connection to {url} could be made") as caught,
    ):
        withdraw(url)
    assert (caught.value.outcome, caught.value.attempts) == ("not_sent", 4)


@WAYS
def test_a_name_that_does_not_exist(withdraw: Callable[[str], None]) -> None:
    """It holds for a host without an address."""
    assert end_of(withdraw, "https://no-such-host.localhost.invalid") == "not_sent"


@pytest.mark.parametrize("withdraw", [withdraw_blocking, withdraw_async])
def test_a_name_that_cannot_exist(withdraw: Callable[[str], None]) -> None:
    """And for one that the resolver does not even accept, with an exception no HTTP library knows."""
    assert end_of(withdraw, f"https://{'a' * 64}.example") == "not_sent"


@pytest.mark.parametrize("transport", [None, "aiohttp"])
async def test_head_and_204(transport: Any) -> None:
    """Answers that have no body by definition are read as such, whatever length they announce."""

    def answer(exchange: Exchange) -> None:
        if exchange.line.startswith("HEAD"):
            exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        elif exchange.line.startswith("DELETE"):
            exchange.connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            exchange.say(404, b"")

    with RawServer(answer) as server:
        async with async_client(server.url, transport=transport) as client:
            for _ in range(2):
                head = await client.request("HEAD", "/thing")
                assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1000")
                gone = await client.request("DELETE", "/thing")
                assert (gone.status, gone.body) == (204, b"")
            with pytest.raises(NotFoundError):
                await client.request("GET", "/thing")


def test_head_and_204_in_the_blocking_client() -> None:
    """It holds for tasks."""

    def answer(exchange: Exchange) -> None:
        if exchange.line.startswith("HEAD"):
            exchange.connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\n")
        else:
            exchange.connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with RawServer(answer) as server, blocking_client(server.url) as client:
        with pytest.raises(ServerError):
            client.request("HEAD", "/thing")
        assert client.request("DELETE", "/thing").body == b""


def test_a_body_in_many_small_pieces() -> None:
    """An answer that comes a byte at a time is the same answer."""

    def drip(exchange: Exchange) -> None:
        for byte in sized(json.dumps({"success": True}).encode()):
            exchange.connection.sendall(bytes([byte]))

    with RawServer(drip) as server, blocking_client(server.url) as client:
        assert client.request("GET", "/slowly").json() == {"success": True}
