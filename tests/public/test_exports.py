"""The public surface is what ``__all__`` says: complete, sorted, importable, and quick to import."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Iterable
from pathlib import Path

import pytest

import inventpay
from inventpay import errors, hooks, models, options, version, webhooks
from inventpay._core import lazy_exports
from inventpay._core.other_names import IMPORTS
from inventpay._core.subpackage_names import SUBPACKAGE_NAMES
from inventpay.models import balances, enums, payments, withdrawals
from tools.generate_exports import renew


def test_all_is_sorted_and_says_nothing_twice() -> None:
    """A sorted list, constants first, is read and merged easily."""
    assert inventpay.__all__ == sorted(set(inventpay.__all__), key=lambda name: (not name.isupper(), name))


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
    """All that users catch, receive or construct comes from the package itself."""
    assert set(names) <= set(inventpay.__all__)


@pytest.mark.parametrize("module", [errors, hooks, options, models, balances, enums, payments, withdrawals])
def test_every_module_has_what_it_exports(module: types.ModuleType) -> None:
    """A name in ``__all__`` that the module does not have would break its star import."""
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_nothing_public_is_missing_from_all() -> None:
    """Every name that the package shows is either listed, private, or a module."""
    names = {
        name
        for name in dir(inventpay)
        if not name.startswith("_") and not isinstance(getattr(inventpay, name), types.ModuleType)
    }
    assert names - {"annotations", "exports"} == {name for name in inventpay.__all__ if not name.startswith("_")}


LAZY_PACKAGES = [inventpay, models, webhooks]
by_package = pytest.mark.parametrize("package", LAZY_PACKAGES, ids=lambda package: package.__name__)


@by_package
def test_the_stub_and_the_table_name_the_same_things(package: types.ModuleType) -> None:
    """Type checkers read the stub, programs the table written from it."""
    text, wanted = renew(Path(str(package.__file__)).parent)
    assert text == wanted


@by_package
def test_every_lazy_name_lives_where_the_table_says(package: types.ModuleType) -> None:
    """pickle and documentation tools look for a class in the module it names, and find this very one."""
    if package is webhooks:
        pytest.importorskip("sqlalchemy", reason="one of the stores needs SQLAlchemy: pip install sqlalchemy")
    for name in package.__all__:
        value = getattr(package, name)
        if isinstance(value, type):
            assert getattr(sys.modules[value.__module__], name) is value


def test_a_name_is_an_ordinary_attribute_once_it_was_used() -> None:
    """The second look costs what every attribute costs."""
    assert inventpay.Balance is vars(inventpay)["Balance"]


def test_public_modules_are_there_without_importing_them() -> None:
    """``inventpay.errors`` reads as it would if everything were imported at once."""
    code = "import inventpay; print(inventpay.errors.InventPayError.__name__, inventpay.models.enums.Currency.BTC)"
    assert run(code) == "InventPayError BTC"


def test_a_misspelt_name_is_suggested() -> None:
    """The error is that of any module, and lets Python suggest what was meant."""
    with pytest.raises(AttributeError, match=r"module 'inventpay' has no attribute 'InventPy'") as caught:
        inventpay.InventPy  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("InventPy", inventpay)
    with pytest.raises(ImportError, match=r"cannot import name 'Balances2' from 'inventpay\.models'"):
        exec("from inventpay.models import Balances2", {})


def test_the_error_of_a_name_of_a_subpackage_says_where_it_is() -> None:
    """``from inventpay import WebhookReceiver`` names the import that works, and imports no subpackage to know it."""
    for package in (inventpay, models):
        for home, names in SUBPACKAGE_NAMES.items():
            for name in names:
                advice = re.escape(f"; use: from inventpay.{home} import {name}")
                with pytest.raises(
                    ImportError, match=f"^cannot import name {name!r} from {package.__name__!r}{advice}$"
                ):
                    exec(f"from {package.__name__} import {name}", {})
                assert not hasattr(package, name)
                with pytest.raises(AttributeError, match=f"has no attribute {name!r}{advice}$"):
                    getattr(package, name)


@pytest.mark.parametrize("name", IMPORTS)
def test_the_error_of_a_name_of_another_sdk_says_what_to_use(name: str) -> None:
    """Names of the vendor's SDK, and the usual ones of others, are answered with a name that can be imported."""
    assert not hasattr(inventpay, name)
    with pytest.raises(ImportError, match=re.escape(f"cannot import name {name!r} from 'inventpay'; {IMPORTS[name]}")):
        exec(f"from inventpay import {name}", {})
    statement = re.search(r"from inventpay.*", IMPORTS[name])
    meant = re.search(r"use (\w+)", IMPORTS[name])
    if statement is not None:
        exec(statement[0], {})
    elif meant is not None and meant[1] != "client":
        assert hasattr(inventpay, meant[1])


def test_advice_imports_no_subpackage() -> None:
    """The extra that a subpackage needs may be missing; ``from inventpay import redis`` itself works."""
    failed = "try:\n    from inventpay import RedisLimiter\nexcept ImportError:\n    pass"
    assert not {f"inventpay.{name}" for name in SUBPACKAGE_NAMES} & loaded(failed)
    assert run("from inventpay import webhooks; print(webhooks.WebhookReceiver.__name__)") == "WebhookReceiver"
    with pytest.raises(AttributeError, match=r"has no attribute 'payouts'; import inventpay\.payouts first$"):
        lazy_exports.exports("inventpay", {})[0]("payouts")


def test_only_what_is_there_can_be_exported() -> None:
    """A table that names what its module has not fails where the name is used."""
    get, names = lazy_exports.exports("inventpay", {"options": ["RateLimits", "Penny"]})
    assert {"RateLimits", "Penny", "options"} <= set(names())
    with pytest.raises(AttributeError, match=r"module 'inventpay\.options' has no attribute 'Penny'"):
        get("Penny")


def test_a_star_import_brings_exactly_these_names() -> None:
    """No name more and no name less."""
    namespace: dict[str, object] = {}
    exec("from inventpay import *", namespace)
    namespace.pop("__builtins__")
    assert sorted(namespace) == sorted(inventpay.__all__)


def test_the_version_is_one_fact() -> None:
    """The package and its user agent name the same version."""
    assert inventpay.__version__ == version.VERSION


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def loaded(code: str) -> set[str]:
    """The modules that are there after this code ran in a fresh interpreter, and were not before."""
    before = "import sys; before = set(sys.modules)"
    return set(run(f"{before}\n{code}\nprint(*(set(sys.modules) - before))").split())


def test_the_import_loads_next_to_nothing() -> None:
    """Each name is imported when it is first used."""
    ours = {name for name in loaded("import inventpay") if name.startswith("inventpay")}
    assert ours == {"inventpay", "inventpay._core", "inventpay._core.lazy_exports", "inventpay.version"}


@pytest.mark.parametrize("client", ["InventPay", "AsyncInventPay"])
def test_importing_a_client_loads_nothing_that_only_a_call_needs(client: str) -> None:
    """HTTP libraries, event loops, what reads answers, models and hooks' events come with the first call."""
    late = {"httpx", "httpcore", "httpx2", "aiohttp", "cattrs", "msgspec", "asyncio", "anyio", "ssl", "starlette"}
    late |= {
        f"inventpay.{name}"
        for name in ("_api.payments", "_api.balances", "_json.converter", "hooks", "sandbox", "models.balances")
    }
    assert not late & loaded(f"from inventpay import {client}, InventPayError, RateLimits")


def test_the_store_is_imported_only_when_used() -> None:
    """A call for a balance loads neither the store's calls nor its models, nor lists, nor the check."""
    late = {f"inventpay.models.{name}" for name in ("products", "stores", "key_pools", "orders")}
    late |= {f"inventpay.{name}" for name in ("_sync.store", "_sync.paging", "_api.listing", "_api.page_walk")}
    late |= {"inventpay._api.health_check", "inventpay.models.checkout"}
    assert not late & loaded("from inventpay import InventPay; InventPay('pk_live_1').balances.get")
    assert "inventpay.models.products" in loaded("from inventpay import InventPay; InventPay('k').store.products.list")


def test_the_blocking_client_needs_no_event_loop() -> None:
    """Making one, and importing the calls, loads neither asyncio nor what builds on it."""
    code = "from inventpay import InventPay; InventPay('pk_live_1').balances.get"
    assert not {"asyncio", "anyio", "httpx"} & loaded(code)


def test_a_call_loads_the_models_of_its_own_answer_only() -> None:
    """Making a model costs a millisecond, and there are dozens."""
    ours = loaded("from inventpay import InventPay; InventPay('pk_live_1').balances.get")
    assert "inventpay.models.balances" in ours
    assert not {"inventpay.models.payments", "inventpay.models.withdrawals"} & ours
