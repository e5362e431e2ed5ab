"""Reach the API through a proxy: HTTP tunnels (CONNECT) and SOCKS 5.

The negotiations are generators without I/O, which each kind of connection drives: they yield bytes to send and receive
the bytes that arrived. No byte of a request is written before they are over.
"""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import Callable, Generator
from typing import Any, Final

import httpx

from .connecting import ProxyRoute
from .messages import ResponseReader, request_head

Negotiation = Generator[bytes, bytes, None]

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

_MOST_PIECES: Final = 20_000
"""Reads of the outer connection for one step of the inner one: a record has 16 KiB at most, and arrives in any pieces.

More than that are records without data, which may come faster than a wait for the socket could look at the deadline.
"""

_SOCKS_REFUSALS: Final = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live exceeded",
    7: "command not supported",
    8: "address type not supported",
}


def proxy_route(proxy: httpx.Proxy, tls: ssl.SSLContext) -> ProxyRoute:
    """Return how to reach the proxy. ``tls`` is for a proxy at https:// that names no context of its own.

    Raises:
        ValueError: the URL of the proxy has a scheme that is not supported, or no host.
    """
    url = proxy.url
    if url.scheme not in _PORTS or not url.host:
        raise ValueError(f"the proxy {str(url)!r} must be an address such as http://, https:// or socks5://host:port")
    auth = proxy.raw_auth
    if url.scheme.startswith("socks5"):

        def negotiate(host: str, port: int) -> Negotiation:
            return socks_tunnel(host, port, auth)
    else:
        headers = list(proxy.headers.raw)
        if auth is not None:
            headers.insert(0, (b"Proxy-Authorization", b"Basic " + base64.b64encode(b":".join(auth))))

        def negotiate(host: str, port: int) -> Negotiation:
            return http_tunnel(host, port, headers)

    return ProxyRoute(
        host=url.raw_host.decode("ascii"),
        port=url.port or _PORTS[url.scheme],
        tls=(proxy.ssl_context or tls) if url.scheme == "https" else None,
        negotiate=negotiate,
    )


def http_tunnel(host: str, port: int, headers: list[tuple[bytes, bytes]]) -> Negotiation:
    """Ask an HTTP proxy for a tunnel.

    Raises:
        httpx.ProxyError: the proxy refused, or its response is not one to CONNECT.
    """
    target = f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()
    reader = ResponseReader()
    reader.expect(head_only=True)
    received = yield request_head(b"CONNECT", target, [(b"Host", target), (b"Accept", b"*/*"), *headers])
    try:
        reader.feed(received)
        while not reader.has_head:
            reader.feed((yield b""))
    except httpx.RemoteProtocolError as error:
        raise httpx.ProxyError(f"the response of the proxy could not be read: {error}") from error
    if not 200 <= reader.status < 300:
        raise httpx.ProxyError(f"{reader.status} {reader.reason.decode('latin-1')}")
    if reader.has_surplus:
        raise httpx.ProxyError("the proxy sent bytes through the tunnel before anything was asked")


def socks_tunnel(host: str, port: int, auth: tuple[bytes, bytes] | None) -> Negotiation:
    """Ask a SOCKS 5 proxy (RFC 1928, passwords RFC 1929) for a connection; the proxy resolves the name.

    Raises:
        httpx.ProxyError: the proxy refused, or does not speak SOCKS 5.
    """
    data = yield b"\x05\x01\x00" if auth is None else b"\x05\x02\x00\x02"
    data = yield from _at_least(2, data)
    if data[:2] == b"\x05\x02" and auth is not None:
        user, password = auth
        data = yield b"\x01%c%b%c%b" % (len(user), user, len(password), password)
        data = yield from _at_least(2, data)
        if data[1]:
            raise httpx.ProxyError("the SOCKS proxy refused the user name or the password")
    elif data[:2] != b"\x05\x00":
        raise httpx.ProxyError("the SOCKS proxy accepts no way of signing in that was offered")
    try:
        address = ipaddress.ip_address(host)
        kind = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    except ValueError:
        kind = b"\x03%c%b" % (len(host), host.encode("ascii"))
    data = yield b"\x05\x01\x00" + kind + port.to_bytes(2, "big")
    data = yield from _at_least(5, data)
    if data[0] != 5 or data[1]:
        raise httpx.ProxyError(f"the SOCKS proxy refused: {_SOCKS_REFUSALS.get(data[1], f'code {data[1]}')}")
    size = {1: 10, 4: 22}.get(data[3], 7 + data[4])
    data = yield from _at_least(size, data)
    if len(data) > size:
        raise httpx.ProxyError("the proxy sent bytes through the tunnel before anything was asked")


def _at_least(size: int, data: bytes) -> Generator[bytes, bytes, bytes]:
    while len(data) < size:
        data += yield b""
    return data


class TLSInTLS:
    """A socket that speaks TLS inside a connection that is TLS already, which ``ssl.SSLSocket`` cannot.

    Like the connection that it is inside of, it does not block: a step that is not ready raises ``SSLWantReadError`` or
    ``SSLWantWriteError``, and is repeated when the socket is ready.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, server_hostname: str) -> None:
        self._outer = outer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent = memoryview(b"")
        self._accepted = 0
        """Bytes of a ``send`` that are encrypted but not all sent."""
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    def do_handshake(self) -> None:
        """Agree on TLS with the host behind the proxy."""
        self._run(self._inner.do_handshake)
        self._flush()

    def recv(self, size: int) -> bytes:
        """Return what arrived; nothing at the end."""
        received: bytes = self._run(self._inner.read, size)
        return received

    def send(self, data: memoryview) -> int:
        """Write the data, and return its size when all of it was sent."""
        if not self._accepted:
            self._accepted = self._run(self._inner.write, data)
        self._flush()
        size, self._accepted = self._accepted, 0
        return size

    def pending(self) -> int:
        """Return more than 0 if bytes can be read without waiting for the socket."""
        return self._inner.pending() or self._incoming.pending or self._outer.pending()

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._outer.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._outer.close()

    def getsockname(self) -> Any:
        """Return the local address."""
        return self._outer.getsockname()

    def getpeername(self) -> Any:
        """Return the address of the proxy."""
        return self._outer.getpeername()

    def _run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        for _ in range(_MOST_PIECES):
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self._outer.recv(64 * 1024)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
        raise ssl.SSLError(f"{_MOST_PIECES} pieces of TLS arrived without an end of this step")

    def _flush(self) -> None:
        """Send what was encrypted."""
        while True:
            if not self._unsent:
                self._unsent = memoryview(self._outgoing.read())
            if not self._unsent:
                return
            self._unsent = self._unsent[self._outer.send(self._unsent) :]
