"""What importing ``inventpay.webhooks`` costs. Its names are checked with those of the other packages."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"httpx", "httpcore", "httpx2", "aiohttp", "cattrs", "starlette", "uvicorn", "inventpay.sandbox"}


def _imported(code: str) -> set[str]:
    """The modules that are loaded after this code ran in a fresh interpreter."""
    listing = f"{code}; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-W", "error", "-c", listing], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_webhooks_need_no_http_library() -> None:
    """A receiver verifies and parses; it sends nothing. What waits on an event loop is loaded when one is there."""
    loaded = _imported("from inventpay.webhooks import WebhookReceiver, parse_event, verify_signature")
    assert not loaded & {*HEAVY, "sqlite3", "anyio", "asyncio"}


def test_checking_a_signature_loads_no_events() -> None:
    """Each class of them costs a millisecond."""
    assert "inventpay.webhooks.events" not in _imported("from inventpay.webhooks import sign, verify_signature")


def test_the_package_does_not_load_them() -> None:
    """Whoever only makes payments does not pay for webhooks."""
    assert not {name for name in _imported("import inventpay") if name.startswith("inventpay.webhooks")}
