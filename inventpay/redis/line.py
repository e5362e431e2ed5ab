"""One connection to a server, for requests one after the other without a pool."""

from __future__ import annotations

import select
import socket
from typing import Any, Final

_MOST_READ: Final = 16_384
"""Bytes of a result that an event loop reads; results of the scripts are a twentieth of that."""


class Line:
    """A connection of redis-py that one thread uses at a time.

    It costs half the time of a client, and only ``open`` resolves names and connects: an open line is only as slow as
    one timeout for sending and one for the reply.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        # An address may name other timeouts.
        connection.socket_timeout = connection.socket_connect_timeout = timeout
        self._connection = connection
        self._is_open = False
        self._poll: Any = None
        self.peer: Peer | None = None
        """What event loops use of the open connection; ``None`` with TLS, which may wait for more than is there."""

    def is_open(self) -> bool:
        """Return whether a request can be sent: ``False`` if the server closed the connection since the last reply."""
        if self._is_open and (self._poll is None or self._poll.poll(0)):
            try:
                # Between replies, the end of the connection makes it readable, and so does TLS.
                self._is_open = not self._connection.can_read(timeout=0)
            except Exception:
                self._is_open = False
        return self._is_open

    def open(self) -> None:
        """Connect, and drop what is left of an earlier connection."""
        self.close()
        self._connection.connect()
        self._is_open = True
        poll: Any = getattr(select, "poll", None)  # Windows and eventlet have none
        connected = getattr(self._connection, "_sock", None)
        if poll is not None and connected is not None:
            self._poll = poll()  # a sixth of the time of `can_read`
            self._poll.register(connected, getattr(select, "POLLIN", 1))
        if getattr(self._connection, "protocol", 2) in (2, "2"):  # others let the server speak unasked
            self.peer = Peer.of(connected)

    def call(self, *command: str | int | bytes) -> Any:
        """Send a command and return the reply as bytes. An error other than that of the command closes the line."""
        try:
            self._connection.send_packed_command([packed(command)])
        except BaseException:
            self.close()
            raise
        return self.receive()

    def send_at_once(self, *command: str | int | bytes) -> bool:
        """Send a command over ``peer`` and return ``True``, or ``False`` where that has to wait or fails."""
        message = packed(command)
        sent = 0 if self.peer is None else self.peer.send_at_once(message)
        if 0 < sent < len(message):
            self.close()  # the server forgets half a command
        return sent == len(message)

    def receive(self) -> Any:
        """Return the reply to the command that was sent, as bytes; errors are those of ``call``."""
        try:
            return self._connection.read_response(disable_decoding=True)
        except BaseException as error:
            from redis.exceptions import ResponseError

            if not isinstance(error, ResponseError):
                self.close()  # the reply may still arrive, and must not be taken for that of the next command
            raise

    def close(self) -> None:
        """Close the connection."""
        self._is_open = False
        self._poll = self.peer = None
        self._connection.disconnect()


class Peer(socket.socket):
    """A second handle of a connection's socket, which never waits.

    An event loop that watches it keeps it open: if the number of a watched file were given to another one, the loop
    would confuse them.
    """

    @classmethod
    def of(cls, connected: Any) -> Peer | None:
        """Return the peer of a socket; ``None`` for TLS, and where the process has too many files open."""
        try:
            peer = cls(fileno=connected.dup().detach())
        except (AttributeError, NotImplementedError, OSError):
            return None
        peer.setblocking(False)
        return peer

    def __del__(self) -> None:
        self.close()

    def send_at_once(self, message: bytes) -> int:
        """Return the number of bytes that could be sent."""
        try:
            return self.send(message)
        except OSError:
            return 0

    def result(self) -> bytes | None:
        """Return the result of a command, or ``None`` if something else is there, or only a part; this stays unread."""
        try:
            seen = self.recv(_MOST_READ, socket.MSG_PEEK)
            head, _, rest = seen.partition(b"\r\n")
            if head[:1] != b"$" or not head[1:].isdigit() or len(rest) != int(head[1:]) + 2:
                return None
            self.recv(len(seen))
        except OSError:
            return None
        return rest[:-2]


def packed(command: tuple[str | int | bytes, ...]) -> bytes:
    """Return a command in the protocol of Redis; redis-py takes ten times as long, for values of more types."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        value = part if isinstance(part, bytes) else str(part).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(parts)
