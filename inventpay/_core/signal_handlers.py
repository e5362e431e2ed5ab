"""Recognise exceptions that a signal handler raised in the middle of something, such as the time limit of a job."""

from __future__ import annotations

from types import FrameType
from typing import Final

from .error_chain import causes_of

_VARIADIC: Final = 0x04
"""Flag of a code object with ``*arguments``: ``inspect.CO_VARARGS``, without ``inspect``, which is slow to import."""


def raised_by_handler(error: BaseException, handled: BaseException | None = None) -> BaseException | None:
    """Return the exception of a signal handler in ``error`` and what led to it, ``None`` where there is none.

    Its type says nothing: handlers raise ``TimeoutError`` or ``OSError`` as the operating system does. But a handler is
    given the frame that was interrupted, and the traceback leads from the one to the other. ``handled`` is an exception
    that was being handled before, which Python links to every later one.
    """
    return next((each for each in causes_of(error, handled) if _passed_a_handler(each)), None)


def _passed_a_handler(error: BaseException) -> bool:
    interrupted: set[int] = set()
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if interrupted and any(id(value) in interrupted for value in _arguments(frame)):
            return True
        interrupted.add(id(frame))
        step = step.tb_next
    return False


def _arguments(frame: FrameType) -> list[object]:
    """Return the positional arguments with which a frame's function was called."""
    code = frame.f_code
    has_more = bool(code.co_flags & _VARIADIC)
    if not code.co_argcount and not has_more:
        return []
    values = frame.f_locals
    given: list[object] = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if has_more:
        # It stands behind the arguments that can only be named.
        more = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given += more if isinstance(more, tuple) else ()
    return given
