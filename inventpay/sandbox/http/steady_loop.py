"""Event loops for the sandbox's own threads, whose time continues while a test freezes the clock."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..._concurrency.steady_time import monotonic


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop whose timers follow the real clock.

    A timer that was set in frozen time would otherwise lie far in the future when the test goes on, and a server that
    waits for it would never end.
    """
    loop = asyncio.new_event_loop()
    # Loops that are not written in Python, such as uvloop's, have a clock of their own.
    with suppress(AttributeError):
        loop.time = monotonic  # type: ignore[method-assign]
    return loop
