"""Servers that answer badly, in forty ways, and the outcome that h11 sees over a bare socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence

import h11

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"success": true}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
WHOLE = OK + LENGTH + b"\r\n" + BODY
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b'{"second": true}'
"""The body of every answer but the first."""

Step = bytes | float | str
"""Bytes to send, seconds to pause, or how to end: "close", "reset" or, after a pause of the client, "stay"."""


def dripped(data: bytes, pause: float = 0.02) -> list[Step]:
    """One byte at a time."""
    return [step for byte in data for step in (bytes([byte]), pause)]


def endless(prefix: bytes, piece: bytes, times: int = 400, pause: float = 0.02) -> list[Step]:
    """A beginning, and pieces that go on for longer than any deadline here."""
    return [prefix, *[step for _ in range(times) for step in (piece, pause)]]


FAULTS: dict[str, Sequence[Step]] = {
    # The server goes away.
    "closes at once": ["close"],
    "resets at once": ["reset"],
    "closes in the status line": [b"HTTP/1.1 20", "close"],
    "closes in a header": [OK + b"Content-Le", "close"],
    "closes after the head": [OK + LENGTH + b"\r\n", "close"],
    "closes in the body": [WHOLE[:-5], "close"],
    "resets in the body": [WHOLE[:-5], 0.1, "reset"],
    "closes in a chunk": [CHUNKED + b"11\r\n" + BODY[:5], "close"],
    "closes before the last chunk": [CHUNKED + b"11\r\n" + BODY + b"\r\n", "close"],
    "closes in the trailers": [CHUNKED + b"11\r\n" + BODY + b"\r\n0\r\nX: y", "close"],
    "closes after a whole answer": [WHOLE, "close"],
    "resets after a whole answer": [WHOLE, 0.1, "reset"],
    "a body that ends with the connection": [OK + b"\r\n" + BODY, "close"],
    "a body that ends with a reset": [OK + b"\r\n" + BODY, 0.1, "reset"],
    # Bytes arrive in odd pieces, or too slowly.
    "a byte at a time": dripped(WHOLE, 0.001),
    "chunks a byte at a time": dripped(CHUNKED + b"11;x=y\r\n" + BODY + b"\r\n0\r\nA: b\r\n\r\n", 0.001),
    "halves": [WHOLE[:30], 0.02, WHOLE[30:]],
    "never answers": ["stay"],
    "stops in the body": [WHOLE[:-5], "stay"],
    "drips a header": endless(OK + b"X: ", b"a"),
    "drips interim responses": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n", times=15),
    "drips a chunk extension": endless(CHUNKED + b"1;a=", b"x"),
    "drips trailers": endless(CHUNKED + b"0\r\nX: ", b"x"),
    "drips a body": endless(OK + b"Content-Length: 9999\r\n\r\n", b" "),
    # More than was asked for.
    "the answer twice at once": [WHOLE + WHOLE],
    "the answer twice, the second late": [WHOLE, 0.05, WHOLE],
    "an answer and a half": [WHOLE + WHOLE[:20]],
    "an answer and an empty line": [WHOLE + b"\r\n"],
    "an answer and an empty line, late": [WHOLE, 0.05, b"\r\n"],
    "a chunked answer and a byte": [CHUNKED + b"11\r\n" + BODY + b"\r\n0\r\n\r\nX"],
    "a longer body than announced": [OK + LENGTH + b"\r\n" + BODY + b" "],
    "a body after 204": [b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"],
    "a body after 304": [b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
    # Something else than HTTP/1.1.
    "no HTTP": [b"SSH-2.0-OpenSSH\r\n", "close"],
    "HTTP/0.9": [b"hello", "close"],
    "HTTP/2.0": [b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY],
    "HTTP/1.0 without a length": [b"HTTP/1.0 200 OK\r\n\r\n" + BODY, "close"],
    "a status of two digits": [b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\n" + BODY],
    "a status below 100": [b"HTTP/1.1 099 OK\r\n" + LENGTH + b"\r\n" + BODY],
    "an answer after an interim one": [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE],
    "a null character in the reason": [b"HTTP/1.1 200 O\0K\r\n" + LENGTH + b"\r\n" + BODY],
    "a header without a colon": [OK + b"oops\r\n" + LENGTH + b"\r\n" + BODY],
    "a space before a colon": [OK + b"Content-Length : 17\r\n\r\n" + BODY],
    "a header on two lines": [OK + LENGTH + b"X: a\r\n b\r\n\r\n" + BODY],
    "lines that end in LF": [WHOLE.replace(b"\r\n", b"\n")],
    # Tricks with the framing.
    "two lengths that differ": [OK + b"Content-Length: 17\r\nContent-Length: 3\r\n\r\n" + BODY],
    "two lengths that agree": [OK + b"Content-Length: 17\r\nContent-Length: 17\r\n\r\n" + BODY],
    "a list of lengths": [OK + b"Content-Length: 17, 17\r\n\r\n" + BODY],
    "a negative length": [OK + b"Content-Length: -1\r\n\r\n" + BODY],
    "a length that is no number": [OK + b"Content-Length: 1e1\r\n\r\n" + BODY],
    "a huge length": [OK + b"Content-Length: 99999999999999999999999999\r\n\r\n" + BODY, "close"],
    "a length and chunks": [OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n11\r\n" + BODY + b"\r\n0\r\n\r\n"],
    "chunked, twice": [OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n11\r\n" + BODY + b"\r\n0\r\n\r\n"],
    "gzip as transfer encoding": [OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n11\r\n" + BODY + b"\r\n0\r\n\r\n"],
    "an unknown transfer encoding": [OK + b"Transfer-Encoding: x\r\n\r\n" + BODY, "close"],
    "a bad chunk size": [CHUNKED + b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"],
    "a huge chunk size": [CHUNKED + b"ffffffffffffffffffff\r\n" + BODY + b"\r\n0\r\n\r\n"],
    "a chunk without its end": [CHUNKED + b"11\r\n" + BODY + b"0\r\n\r\n"],
    "101 that was not asked for": [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    "endless headers": [OK, *[b"X-A: bbbbbbbb\r\n" * 500] * 40, "close"],
    "an endless header": [OK + b"X: ", *[b"a" * 50_000] * 10, "close"],
    "an endless status line": [b"HTTP/1.1 200 ", *[b"a" * 50_000] * 10, "close"],
    "many interim responses": [b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + WHOLE],
}


class FaultServer:
    """Plays its script to the first request, and answers every further one as it should be answered.

    Args:
        script: the steps.
        tls: what to present, for https.
    """

    def __init__(self, script: Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self._listener.getsockname()[1]
        self.requests = 0
        self.connections = 0
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.over.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while self._read_request(connection):
                self.requests += 1
                if self.requests > 1:
                    connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND)
                elif not self._play(connection):
                    break
        connection.close()

    def _play(self, connection: socket.socket) -> bool:
        for step in self._script:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, float):
                self.over.wait(step)
            elif step == "stay":
                self.over.wait(20)
            else:
                if step == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
        return True

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65_536)
            if not received:
                return False
            data += received
        return True


Outcome = tuple[str, int, bytes]
"""The end of a request: "answer" with status and body, or "protocol", "lost" or "late"."""


def outcome_of_h11(port: int, deadline: float) -> Outcome:
    """The outcome of GET / by h11, as httpcore uses it, over a bare socket."""
    import time

    until = time.monotonic() + deadline
    client = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=100 * 1024)
    status, body = 0, b""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        try:
            request = h11.Request(method="GET", target="/", headers=[("Host", "localhost")])
            sock.sendall((client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b""))
            for event in _events(client, sock, until):
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
        except h11.RemoteProtocolError:
            return ("protocol", 0, b"")
        except TimeoutError:
            return ("late", 0, b"")
        except OSError:
            return ("lost", 0, b"")
    return ("answer", status, body)


def _events(client: h11.Connection, sock: socket.socket, until: float) -> Iterator[object]:
    import time

    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            client.receive_data(sock.recv(65_536))
        elif isinstance(event, h11.EndOfMessage):
            return
        elif isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("closed without a response")
        else:
            yield event
