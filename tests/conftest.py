"""Tests marked ``soak`` run for minutes: they are left out unless the command line names them (``pytest -m soak``)."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings

# Speed is measured in benchmarks/: on a machine that is busy with something else a property still holds.
settings.register_profile("patient", deadline=None, max_examples=30)
# For ``nox -s properties``.
settings.register_profile("thorough", deadline=None, max_examples=1_000)
# Mutants are run by thousands: the same few examples each time, and a failure is not made smaller.
settings.register_profile(
    "mutation", deadline=None, max_examples=25, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("patient")


# Four workers and hundreds of child processes load the same modules: where the environment forbids bytecode, each
# compiles all of them again, which took half of the time of a run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    """Restore the signals that are ignored at start (``nohup``, some CI).

    Child processes inherit the setting, and tests of Ctrl-C or of a closed terminal would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGTERM"):  # Windows has no SIGHUP
        ended = getattr(signal, name, None)
        if ended is not None and signal.getsignal(ended) is signal.SIG_IGN:
            signal.signal(ended, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep ten thousand tests and their modules out of every garbage collection, which would take 0.2 s each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        # Tests of leaks call the collector themselves; for the rest, rarer collections save 3 % of the CPU time.
        gc.set_threshold(5_000, 10, 10)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects soak tests, unless a marker expression says what to do with them."""
    if "soak" in config.getoption("-m"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


@pytest.fixture(scope="session", autouse=True)
def on_time() -> Generator[None]:
    """Send calls after a 429 exactly at the server's moment, without the random lateness; set once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inventpay._limits.class_limiter.lateness", lambda: 0.0)
        yield
