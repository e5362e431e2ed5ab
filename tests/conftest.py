"""Tests marked ``soak`` run for minutes: they are left out unless the command line names them (``pytest -m soak``)."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Speed is measured in benchmarks/: on a machine that is busy with something else a property still holds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects soak tests, unless a marker expression says what to do with them."""
    if "soak" in config.getoption("-m"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]
