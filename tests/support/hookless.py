"""Children that are forked in C, without Python's hooks, as uWSGI forks its workers."""

from __future__ import annotations

import ctypes
import functools
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec

import pytest

needs_fork = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks with the fork() of the C library")


P = ParamSpec("P")


def alone(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test in a child with one thread, forked with hooks.

    A fork without hooks leaves the interpreter's own lock as it is: a child hangs where another thread was about to
    take it, such as one that an earlier test left behind.
    """

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        assert sys.platform != "win32"
        _Child(lambda: test(*arguments, **named), os.fork).result  # noqa: B018 - fails where the test failed

    return run


class _Child:
    def __init__(self, function: Callable[[], Any], fork: Callable[[], int]) -> None:
        assert sys.platform != "win32"
        self._pipe, theirs = os.pipe()
        self._pid: int = fork()
        if self._pid == 0:
            _run(function, theirs)
        os.close(theirs)

    @property
    def result(self) -> Any:
        """Return the result. Fails when the function raised or hangs."""
        assert sys.platform != "win32"
        content = b""
        while select.select([self._pipe], [], [], 30.0)[0]:
            piece = os.read(self._pipe, 65_536)
            if not piece:
                break
            content += piece
        else:
            os.kill(self._pid, signal.SIGKILL)
        os.close(self._pipe)
        os.waitpid(self._pid, 0)
        assert content, "the child hangs"
        result, trouble = pickle.loads(content)
        assert not trouble, trouble
        return result


class HooklessChild(_Child):
    """A child that runs a function; `result` is the value that it returned. Only in tests that are `alone`."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function, ctypes.PyDLL(None).fork)


def _run(function: Callable[[], Any], pipe: int) -> None:
    try:
        try:
            content = pickle.dumps((function(), ""))
        except BaseException:
            content = pickle.dumps((None, traceback.format_exc()))
        while content:
            content = content[os.write(pipe, content) :]
    finally:
        os._exit(0)
