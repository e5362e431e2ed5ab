"""Check an installation that has the named extras and no others: ``python with_extras.py [EXTRA ...]``.

Each feature with an extra works if its extra is installed. Without it, the error names the extra. Everything else works
in both cases. Run by ``nox -s extras``, with warnings as errors and without the clone on the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import Callable

import inventpay
from inventpay.__main__ import main as inventpay_command
from inventpay.webhooks import WebhookReceiver, parse_event, sign

SECRET = "whsec_of_an_installation"
BODY = b'{"event":"payment.completed","paymentId":"pay_1","status":"COMPLETED","amount":5,"currency":"BTC"}'


def base() -> None:
    """Use the parts that need no extra: every public name, both clients, a failed call, a webhook."""
    for name in inventpay.__all__:
        getattr(inventpay, name)
    client = inventpay.InventPay(api_key="pk_1", base_url="http://127.0.0.1:1", max_retries=0)
    with client, contextlib.suppress(inventpay.APIConnectionError):
        client.balances.get("BTC")
    asyncio.run(refused_call())
    assert inventpay_command(["--version"]) == 0
    parse_event(BODY, {"X-Webhook-Signature": sign(BODY, SECRET)}, SECRET, tolerance=None)
    WebhookReceiver(SECRET)


async def refused_call(**options: str) -> None:
    """Send one call to a port that nothing listens on."""
    client = inventpay.AsyncInventPay(api_key="pk_1", base_url="http://127.0.0.1:1", max_retries=0, **options)  # type: ignore[arg-type]
    async with client:
        with contextlib.suppress(inventpay.APIConnectionError):
            await client.balances.get("BTC")


def aiohttp() -> None:
    """Send a call over aiohttp."""
    asyncio.run(refused_call(transport="aiohttp"))


def cli() -> None:
    """Show the help of a command."""
    words = io.StringIO()
    with contextlib.redirect_stderr(words), contextlib.redirect_stdout(words):
        code = inventpay_command(["payments", "create", "--help"])
    if code != 0:
        raise ImportError(words.getvalue())


def otel() -> None:
    """Instrument a client and a receiver; without an SDK their telemetry does nothing."""
    from inventpay.telemetry import instrument

    client = instrument(inventpay.InventPay(api_key="pk_1", base_url="http://127.0.0.1:1", max_retries=0))
    with client, contextlib.suppress(inventpay.APIConnectionError):
        client.balances.get("BTC")
    assert instrument(WebhookReceiver(SECRET)).handle(b"{}", {}).status == 401


def redis() -> None:
    """Make a shared limiter and a shared store."""
    from inventpay.redis import RedisLimiter, RedisSeenStore

    RedisLimiter("redis://127.0.0.1:1")
    RedisSeenStore("redis://127.0.0.1:1")


def sandbox() -> None:
    """Serve a sandbox, and read a balance from it."""
    from inventpay.sandbox import running_sandbox

    with (
        running_sandbox() as running,
        inventpay.InventPay(api_key=running.api_key, base_url=running.url) as client,
    ):
        client.balances.all()


FEATURES: dict[str, Callable[[], None]] = {
    "aiohttp": aiohttp,
    "cli": cli,
    "otel": otel,
    "redis": redis,
    "sandbox": sandbox,
}


def main(installed: list[str]) -> int:
    """Check every feature; return the exit code."""
    unknown = set(installed) - set(FEATURES)
    if unknown:
        print(f"no check is written for the extras {sorted(unknown)}: add one to {__file__}")
        return 1
    base()
    for name, feature in FEATURES.items():
        try:
            feature()
        except (inventpay.ConfigurationError, ImportError) as error:
            if name in installed or name not in str(error):
                raise
            print(f"{name}: refused without its extra: {error}")
        else:
            assert name in installed, f"{name} works without its extra"
            print(f"{name}: works")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
