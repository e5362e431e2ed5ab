"""The shops in ``examples`` pass their own tests, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("shop", "needs"), [("django_shop", ["django"]), ("fastapi_shop", ["fastapi", "sqlalchemy"])])
def test_the_shop_passes_its_tests(shop: str, needs: list[str]) -> None:
    """The tests of each example shop pass, run as a reader would run them."""
    for name in needs:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")
    command = [
        sys.executable,
        "-m",
        "pytest",
        shop,
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        ".",
    ]
    # Plugins that happen to be installed take longer to load than the tests to run.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-4000:]
