"""One connection to a server, for requests one after the other without a pool."""

from __future__ import annotations

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

    def is_open(self) -> bool:
        """Return whether a request can be sent: ``False`` if the server closed the connection since the last reply."""
        if self._is_open:
            try:
                # Between replies, only the end of the connection makes it readable.
                self._is_open = not self._connection.can_read(timeout=0)
            except Exception:
                self._is_open = False
        return self._is_open

    def open(self) -> None:
        """Connect, and drop what is left of an earlier connection."""
        self.close()
        self._connection.connect()
        self._is_open = True

    def call(self, *command: str | int) -> Any:
        """Send a command and return the reply. An error other than that of the command closes the line."""
        from redis.exceptions import ResponseError

        try:
            self._connection.send_command(*command)
            return self._connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            self.close()  # the reply may still arrive, and must not be taken for that of the next command
            raise

    def close(self) -> None:
        """Close the connection."""
        self._is_open = False
        self._connection.disconnect()
