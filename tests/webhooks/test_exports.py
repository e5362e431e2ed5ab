"""The public surface of ``inventpay.webhooks``, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from inventpay import webhooks

LAZY = ["SQLiteSeenStore"]


def _imported(code: str) -> set[str]:
    """The modules that are loaded after this code ran in a fresh interpreter."""
    listing = f"{code}; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-W", "error", "-c", listing], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_all_is_complete() -> None:
    """Every name in the namespace is listed, private, or a module."""
    public = {
        name
        for name, value in vars(webhooks).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name not in ("annotations", "Any", "TYPE_CHECKING")
    }
    assert set(webhooks.__all__) == public | set(LAZY)
    assert len(webhooks.__all__) == len(set(webhooks.__all__))


def test_what_is_loaded_later_is_there() -> None:
    """``from inventpay.webhooks import SQLiteSeenStore`` works; SQLite is loaded with it, and not before."""
    assert webhooks.SQLiteSeenStore.__module__ == "inventpay.webhooks.sqlite_store"
    assert "sqlite3" not in _imported("import inventpay.webhooks")
    with pytest.raises(AttributeError, match="has no attribute 'Sqlite'"):
        webhooks.Sqlite  # noqa: B018


def test_webhooks_need_no_http_library() -> None:
    """A receiver verifies and parses; it sends nothing."""
    loaded = _imported("from inventpay.webhooks import parse_event, verify_signature")
    assert not loaded & {
        "sqlite3",
        "httpx",
        "httpcore",
        "httpx2",
        "aiohttp",
        "starlette",
        "uvicorn",
        "inventpay.sandbox",
    }


def test_the_package_does_not_load_them() -> None:
    """Whoever only makes payments does not pay for webhooks."""
    assert not {name for name in _imported("import inventpay") if name.startswith("inventpay.webhooks")}
