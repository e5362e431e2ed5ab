"""What the sandbox may do to the connection of a request beside answering it: the server hands it over in the scope."""

from __future__ import annotations

from typing import Final, Protocol, cast

import anyio
from starlette.types import Scope

# The key in `scope["state"]` under which a server puts the connection.
KEY: Final = "inventpay.connection"

# A server that stops waits at most about this long for a pause, in seconds.
_SLICE = 0.1


class Connection(Protocol):
    """The client's connection, as far as faults and streams need it."""

    @property
    def is_ending(self) -> bool:
        """Whether pauses and streams should end now, because the server stops or the client left."""
        ...

    @property
    def is_in_process(self) -> bool:
        """Whether the client is in this process, without a socket between."""
        ...

    def reset(self) -> None:
        """Breaks it off at once, as a crashed server does."""
        ...

    def close(self) -> None:
        """Closes it once everything written so far is sent."""
        ...


def connection(scope: Scope) -> Connection | None:
    """The connection of this request, where the server gives it: the sandbox's own server and transport do."""
    state: dict[str, object] = scope.get("state", {})
    return cast("Connection | None", state.get(KEY))


async def pause(scope: Scope, seconds: float) -> bool:
    """Waits so many seconds of real time; returns False at once when it should end."""
    line = connection(scope)
    until = anyio.current_time() + seconds
    while (left := until - anyio.current_time()) > 0:
        if line is not None and line.is_ending:
            return False
        await anyio.sleep(min(left, _SLICE))
    return line is None or not line.is_ending
