"""The cost of importing ``inventpay.webhooks``. Its names are checked with those of the other packages."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"httpx", "httpcore", "httpx2", "aiohttp", "cattrs", "starlette", "uvicorn", "inventpay.sandbox"}


def _imported(code: str) -> set[str]:
    """Return the modules that are loaded after this code ran in a fresh interpreter."""
    listing = f"{code}; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-W", "error", "-c", listing], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_webhooks_need_no_http_library() -> None:
    """A receiver sends nothing, so no HTTP client is loaded; modules for event loops are loaded when one runs."""
    loaded = _imported("from inventpay.webhooks import WebhookReceiver, parse_event, verify_signature")
    assert not loaded & {*HEAVY, "sqlite3", "anyio", "asyncio"}


def test_checking_a_signature_loads_no_events() -> None:
    """Each class of them costs a millisecond."""
    assert "inventpay.webhooks.events" not in _imported("from inventpay.webhooks import sign, verify_signature")


def test_the_package_does_not_load_them() -> None:
    """A program that only makes payments does not load the webhooks."""
    assert not {name for name in _imported("import inventpay") if name.startswith("inventpay.webhooks")}
