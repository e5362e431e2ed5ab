"""Cutting off a call that is under way: cancellation for tasks, Ctrl-C for threads."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import Self


class AsyncInterrupter:
    """Cancels the task that entered it once `moment` is set."""

    error: type[BaseException] = asyncio.CancelledError
    """Exceptions that the call ends with."""

    def __init__(self, moment: threading.Event) -> None:
        self._moment = moment

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        loop = asyncio.get_running_loop()

        def cut() -> None:
            assert self._moment.wait(10)
            loop.call_soon_threadsafe(task.cancel)

        self._thread = threading.Thread(target=cut)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join()
        self._task.uncancel()


class Interrupter:
    """Sends the main thread, which must be the one that entered it, SIGINT once `moment` is set."""

    error: type[BaseException] = KeyboardInterrupt
    """Exceptions that the call ends with."""

    def __init__(self, moment: threading.Event) -> None:
        self._moment = moment

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, signal.default_int_handler)
        target = threading.get_ident()

        def cut() -> None:
            assert sys.platform != "win32"
            assert self._moment.wait(10)
            signal.pthread_kill(target, signal.SIGINT)

        self._thread = threading.Thread(target=cut)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join()
        signal.signal(signal.SIGINT, self._before)
