"""Signals that ask a process to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def ended_by_signals() -> Generator[None, None, None]:
    """Let the signals of service managers, containers and closed terminals end the block as Ctrl-C does.

    By default they end the process at once: nothing is written, and a request that was sent is not named. A signal that
    is ignored, as SIGHUP is after nohup, stays so, and so does one that the application handles.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL, None):
            raise KeyboardInterrupt
        # Its handler ends a server or a run of payouts in order, where an exception might be caught on its way.
        signal.raise_signal(signal.SIGINT)

    found = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    chosen = [one for one in found if signal.getsignal(one) is signal.SIG_DFL]
    for one in chosen:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in chosen:
            signal.signal(one, signal.SIG_DFL)
