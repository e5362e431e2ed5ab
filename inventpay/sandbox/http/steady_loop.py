"""Event loops of the sandbox's own threads, whose time goes on while a test stands still."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

# freezegun replaces `time.monotonic` wherever a module has it, but does not look into tuples.
_MONOTONIC: Final = (time.monotonic,)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop whose timers follow the real clock.

    A timer that was set in frozen time would otherwise lie far in the future when the test goes on, and a server that
    waits for it would never end.
    """
    loop = asyncio.new_event_loop()
    # Loops that are not written in Python, such as uvloop's, have a clock of their own.
    with suppress(AttributeError):
        loop.time = _MONOTONIC[0]  # type: ignore[method-assign]
    return loop
