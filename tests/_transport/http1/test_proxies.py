"""Tunnels: what is said to a proxy, what it may answer, and TLS inside of TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inventpay._transport.http1.proxies import TLSInTLS, http_tunnel, proxy_route, socks_tunnel
from tests.support.direct import WORLDS, World, request, run
from tests.support.raw_server import Exchange
from tests.support.servers import EchoServer, echo_thread
from tests.support.tls import server_context, trusted_context

IN_EACH_WORLD = pytest.mark.parametrize("world", WORLDS)


def answer(exchange: Exchange) -> None:
    """A whole answer."""
    exchange.say(200, b"said")


def drive(steps: Any, *received: bytes) -> list[bytes]:
    """Return what a negotiation sends, given what it receives."""
    sent = [next(steps)]
    with contextlib.suppress(StopIteration):
        for data in received:
            sent += [steps.send(data)]
        raise AssertionError("the negotiation waits for more")
    return sent


def test_an_http_tunnel() -> None:
    """CONNECT names the host and the port, and carries the headers of the proxy only."""
    headers = [(b"Proxy-Authorization", b"Basic dTpw")]
    (sent, nothing) = drive(http_tunnel("api.example", 443, headers), b"HTTP/1.1 200 OK\r\n", b"\r\n")
    assert sent == (
        b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nAccept: */*\r\n"
        b"Proxy-Authorization: Basic dTpw\r\n\r\n"
    )
    assert nothing == b""
    assert drive(http_tunnel("::1", 80, []), b"HTTP/1.1 200 OK\r\n\r\n")[0].startswith(b"CONNECT [::1]:80 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("received", "fault"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nabc", "407 Proxy Auth"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "before anything was asked"),
        (b"SSH-2.0\r\n", "could not be read"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "302 Found"),
    ],
)
def test_an_http_proxy_that_opens_no_tunnel(received: bytes, fault: str) -> None:
    """A refusal, nonsense, and bytes that came too early are a ProxyError."""
    with pytest.raises(httpx.ProxyError, match=fault):
        drive(http_tunnel("api.example", 443, []), received)


def test_a_socks_tunnel() -> None:
    """The proxy resolves names; addresses are sent as such; a password only when it is asked for."""
    reply = b"\x05\x00\x00\x01\0\0\0\0\0\0"
    assert drive(socks_tunnel("api.example", 443, None), b"\x05", b"\x00", reply[:7], reply[7:]) == [
        b"\x05\x01\x00",
        b"",
        b"\x05\x01\x00\x03\x0bapi.example\x01\xbb",
        b"",
    ]
    assert drive(socks_tunnel("127.0.0.1", 80, (b"u", b"pw")), b"\x05\x02", b"\x01\x00", reply) == [
        b"\x05\x02\x00\x02",
        b"\x01\x01u\x02pw",
        b"\x05\x01\x00\x01\x7f\0\0\x01\0\x50",
    ]
    named = b"\x05\x00\x00\x03\x03abc\0\0"
    assert (
        drive(socks_tunnel("::1", 80, None), b"\x05\x00", named)[1] == b"\x05\x01\x00\x04" + bytes(15) + b"\x01\0\x50"
    )


@pytest.mark.parametrize(
    ("received", "fault"),
    [
        ([b"\x05\xff"], "no way of signing in"),
        ([b"\x04\x00"], "no way of signing in"),
        ([b"\x05\x02", b"\x01\x01"], "user name or the password"),
        ([b"\x05\x00", b"\x05\x05\x00\x01\0\0\0\0\0\0"], "connection refused"),
        ([b"\x05\x00", b"\x05\x63\x00\x01\0\0\0\0\0\0"], "code 99"),
        ([b"\x05\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0!"], "before anything was asked"),
    ],
)
def test_a_socks_proxy_that_refuses(received: list[bytes], fault: str) -> None:
    """Each refusal is a ProxyError that says what was refused."""
    with pytest.raises(httpx.ProxyError, match=fault):
        drive(socks_tunnel("api.example", 443, (b"u", b"p")), *received)


@pytest.mark.parametrize("url", ["http://", "http:///path"])
def test_a_proxy_without_a_host(url: str) -> None:
    """It is refused when the transport is made, not at the first request."""
    with pytest.raises(ValueError, match="must be an address such as"):
        proxy_route(httpx.Proxy(url), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Proxy:
    """A proxy on a thread: HTTP or SOCKS, over TLS or not."""

    def __init__(self, kind: str, tls: ssl.SSLContext | None = None) -> None:
        self._kind = kind
        self._tls = tls
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        scheme = {"http": "https" if tls else "http", "socks5": "socks5"}[kind]
        self.url = f"{scheme}://user:word@localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Any) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            if self._kind == "http":
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65_536)
                self.asked.append(head)
                host, _, port = head.split(b" ")[1].rpartition(b":")
                reply = b"HTTP/1.1 200 OK\r\n\r\n"
            else:
                assert connection.recv(9) == b"\x05\x02\x00\x02"
                connection.sendall(b"\x05\x02")
                self.asked.append(connection.recv(99))
                connection.sendall(b"\x01\x00")
                asked = connection.recv(99)
                host, port = asked[5:-2], str(int.from_bytes(asked[-2:], "big")).encode()
                reply = b"\x05\x00\x00\x01\0\0\0\0\0\0"
            with connection, socket.create_connection((host.decode(), int(port))) as onward:
                connection.sendall(reply)
                self._pump(connection, onward)

    def _pump(self, near: Any, far: socket.socket) -> None:
        def back() -> None:
            with contextlib.suppress(OSError):
                while data := far.recv(65_536):
                    near.sendall(data)

        thread = threading.Thread(target=back, daemon=True)
        thread.start()
        while data := near.recv(65_536):
            far.sendall(data)
        far.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def api() -> Iterator[EchoServer]:
    """A server at https://localhost."""
    with echo_thread(tls=server_context()) as running:
        yield running


@IN_EACH_WORLD
@pytest.mark.parametrize(("kind", "secured"), [("http", False), ("http", True), ("socks5", False)])
def test_a_request_through_a_proxy(world: str, kind: str, secured: bool, api: EchoServer) -> None:
    """CONNECT, the same inside of TLS, and SOCKS: TLS with the API runs through, and the tunnel is used again."""
    proxy = Proxy(kind, server_context() if secured else None)

    async def story(it: World) -> None:
        for _ in range(2):
            outcome = await it.ask(request(f"{api.url}/asked", method="POST", content=b"a" * 100_000))
            assert outcome[:2] == ("answer", 200)
        assert len(it.idle) == 1

    try:
        run(world, story, trusted_context(), proxy=httpx.Proxy(proxy.url))
    finally:
        proxy.close()
    (asked,) = proxy.asked
    assert (b"Basic dXNlcjp3b3Jk" if kind == "http" else b"\x01\x04user\x04word") in asked
    assert api.requests == 2
    assert api.connections == 1


@IN_EACH_WORLD
def test_a_large_upload_inside_of_two_layers_of_tls(world: str, api: EchoServer) -> None:
    """A proxy over TLS that cannot take more for a moment gets all bytes once, in their order."""
    proxy = Proxy("http", server_context())
    body = bytes(range(256)) * 40_000

    async def story(it: World) -> None:
        outcome = await it.ask(request(f"{api.url}/asked", method="POST", content=body))
        assert outcome[:2] == ("answer", 200)

    try:
        run(world, story, trusted_context(), proxy=httpx.Proxy(proxy.url))
    finally:
        proxy.close()


def test_pieces_without_an_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the inner TLS for which pieces keep arriving fails, whether or not the deadline is looked at."""
    monkeypatch.setattr("inventpay._transport.http1.proxies._MOST_PIECES", 5)
    record = iter(b"\x16\x03\x03\x40\x00" + bytes(16_384))

    class Outer:
        sent = 0
        received = 0

        def recv(self, size: int) -> bytes:
            self.received += 1
            return bytes([next(record)])

        def send(self, data: memoryview) -> int:
            self.sent += len(data)
            return len(data)

    outer: Any = Outer()
    with pytest.raises(ssl.SSLError, match="5 pieces of TLS arrived without an end"):
        TLSInTLS(outer, trusted_context(), "localhost").do_handshake()
    assert outer.sent > 0
    assert outer.received == 5


@pytest.mark.parametrize("world", ["blocking", "asyncio"])
def test_a_tunnel_has_a_deadline(world: str) -> None:
    """A proxy that accepts and says nothing, or drips, is given up in time; nothing was written."""

    async def story(it: World) -> None:
        with pytest.raises(httpx.ConnectTimeout):
            await it.send(request("https://localhost:1", seconds=0.2))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        run(world, story, proxy=httpx.Proxy(f"http://127.0.0.1:{silent.getsockname()[1]}"))
