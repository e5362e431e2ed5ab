"""Access to the connection of a request, for faults and streams: the server passes it in the scope."""

from __future__ import annotations

from typing import Final, Protocol, cast

import anyio
from starlette.types import Scope

# The key in `scope["state"]` under which a server puts the connection.
KEY: Final = "inventpay.connection"

# Longest time, in seconds, for which a stopping server waits for a pause.
_SLICE = 0.1


class Connection(Protocol):
    """The operations on a client's connection that faults and streams need."""

    @property
    def is_ending(self) -> bool:
        """Return whether pauses and streams should end now, because the server stops or the client disconnected."""
        ...

    @property
    def is_in_process(self) -> bool:
        """Return whether the client is in this process, without a socket."""
        ...

    def reset(self) -> None:
        """Reset the connection at once, as a crashed server does."""
        ...

    def close(self) -> None:
        """Close the connection after everything written so far was sent."""
        ...


def connection(scope: Scope) -> Connection | None:
    """Return the connection of this request if the server passes it, as the sandbox's server and transport do."""
    state: dict[str, object] = scope.get("state", {})
    return cast("Connection | None", state.get(KEY))


async def pause(scope: Scope, seconds: float) -> bool:
    """Wait ``seconds`` of real time; return False as soon as the pause should end."""
    line = connection(scope)
    until = anyio.current_time() + seconds
    while (left := until - anyio.current_time()) > 0:
        if line is not None and line.is_ending:
            return False
        await anyio.sleep(min(left, _SLICE))
    return line is None or not line.is_ending
