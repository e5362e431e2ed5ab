"""One connection to a server, for requests one after the other without a pool."""

from __future__ import annotations

import select
from typing import Any


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
        socket = getattr(self._connection, "_sock", None)
        if poll is not None and socket is not None:
            self._poll = poll()  # a sixth of the time of `can_read`
            self._poll.register(socket, getattr(select, "POLLIN", 1))

    def call(self, *command: str | int | bytes) -> Any:
        """Send a command and return the reply as bytes. An error other than that of the command closes the line."""
        try:
            self._connection.send_packed_command([packed(command)])
            return self._connection.read_response(disable_decoding=True)
        except BaseException as error:
            from redis.exceptions import ResponseError

            if not isinstance(error, ResponseError):
                self.close()  # the reply may still arrive, and must not be taken for that of the next command
            raise

    def close(self) -> None:
        """Close the connection."""
        self._is_open = False
        self._poll = None
        self._connection.disconnect()


def packed(command: tuple[str | int | bytes, ...]) -> bytes:
    """Return a command in the protocol of Redis; redis-py takes ten times as long, for values of more types."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        value = part if isinstance(part, bytes) else str(part).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(parts)
