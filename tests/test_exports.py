"""The public surface is what ``__all__`` says: complete, sorted, importable, and quick to import."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterable

import pytest

import inventpay
from inventpay import errors, hooks, models, options, version


def test_all_is_sorted_and_says_nothing_twice() -> None:
    """A sorted list is read and merged easily."""
    assert inventpay.__all__ == sorted(set(inventpay.__all__))


@pytest.mark.parametrize("name", inventpay.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    """``from inventpay import name`` works for every name."""
    namespace: dict[str, object] = {}
    exec(f"from inventpay import {name}", namespace)
    assert namespace[name] is getattr(inventpay, name)


@pytest.mark.parametrize(
    "names",
    [errors.__all__, models.__all__, hooks.__all__, options.__all__],
    ids=["errors", "models", "hooks", "options"],
)
def test_public_names_of_the_modules_are_public_names_of_the_package(names: Iterable[str]) -> None:
    """Whatever users catch, receive or construct comes from the package itself."""
    assert set(names) <= set(inventpay.__all__)


@pytest.mark.parametrize(
    "module", [errors, hooks, options, models, models.balances, models.enums, models.payments, models.withdrawals]
)
def test_every_module_has_what_it_exports(module: types.ModuleType) -> None:
    """A name in ``__all__`` that the module does not have would break its star import."""
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_nothing_public_is_missing_from_all() -> None:
    """Every name in the package's namespace is either listed, private, or a module."""
    names = {
        name
        for name, value in vars(inventpay).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    }
    assert names <= set(inventpay.__all__)


def test_a_star_import_brings_exactly_these_names() -> None:
    """No name more and no name less."""
    namespace: dict[str, object] = {}
    exec("from inventpay import *", namespace)
    namespace.pop("__builtins__")
    assert sorted(namespace) == inventpay.__all__


def test_the_version_is_one_fact() -> None:
    """The package and its user agent name the same version."""
    assert inventpay.__version__ == version.VERSION


def test_the_import_loads_nothing_that_only_a_call_needs() -> None:
    """HTTP libraries, cattrs and the sandbox are loaded when they are first used."""
    heavy = ("httpx", "httpcore", "httpx2", "aiohttp", "cattrs", "starlette", "uvicorn", "inventpay.sandbox")
    code = f"import sys, inventpay; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
