"""Children that are forked in C, without Python's hooks, as uWSGI forks its workers."""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

needs_fork = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks with the fork() of the C library")


class HooklessChild:
    """A child that runs a function; `result` is the value that it returned."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._pipe, theirs = os.pipe()
        self._pid: int = ctypes.PyDLL(None).fork()
        if self._pid == 0:
            _run(function, theirs)
        os.close(theirs)

    @property
    def result(self) -> Any:
        """Return the result. Fails when the function raised or hangs."""
        content = b""
        while select.select([self._pipe], [], [], 20.0)[0]:
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
