"""Ctrl-C while payouts run: once finishes the row on the wire, twice aborts."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final

CANCELLATION_PAUSE: Final = 0.001
"""Seconds between the writing of a row and its request. A cancellation that came while the disk was slow is delivered
then, where it is certain that nothing was sent."""


class Interrupts:
    """Takes SIGINT for the time of a ``with`` block; only in the main thread, where Python permits it."""

    def __init__(self) -> None:
        self.is_requested: bool = False
        self._former: Any = None
        self._is_installed = False

    def __enter__(self) -> Interrupts:
        # A process that ignores the signal goes on ignoring it.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) not in (
            signal.SIG_IGN,
            None,
        ):
            self._former = signal.signal(signal.SIGINT, self._interrupted)
            self._is_installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_installed:
            signal.signal(signal.SIGINT, self._former)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if not self.is_requested:
            self.is_requested = True
        elif callable(self._former):
            self._former(number, frame)
        else:
            raise KeyboardInterrupt
