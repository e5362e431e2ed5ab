"""A WSGI application with clients and a limiter of the whole process, made when it is loaded; answers "PID result"."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from inventpay import AsyncInventPay, InventPay, InventPayError, RateLimits
from inventpay.redis import RedisLimiter

OPTIONS: dict[str, Any] = {
    "base_url": os.environ["API_URL"],
    "rate_limits": RateLimits(other=int(os.environ["LIMIT"]), window=float(os.environ["WINDOW"])),
    "max_retries": 0,
    "coalesce": False,
    "limiter": RedisLimiter(os.environ["REDIS_URL"]),
}
blocking = InventPay("pk_live_prefork", **OPTIONS)
tasks = AsyncInventPay("pk_live_prefork", **OPTIONS)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Make one call of the API, with either client."""
    headers = {"X-Who": str(os.getpid())}
    try:
        if environ["PATH_INFO"] == "/async":
            run(ask(headers))
        else:
            blocking.with_options(headers=headers).request("GET", "/anything")
        result = "ok"
    except InventPayError as error:
        result = type(error).__name__
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {result}".encode()]


def run(call: Coroutine[None, None, None]) -> None:
    """Run it in an event loop of its own.

    Not by ``asyncio.run``: that replaces the handler of SIGINT, with which uWSGI stops its workers.
    """
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(call)
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def ask(headers: dict[str, str]) -> None:
    """Make it with the async client."""
    await tasks.with_options(headers=headers).request("GET", "/anything")
