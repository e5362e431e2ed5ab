"""Serve the sandbox from a terminal."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import nullcontext, suppress
from typing import TextIO

from .._concurrency.termination import ended_by_signals
from .._core.hosts import is_loopback
from .console import reported
from .http.server import RunningServer, Server, config, listen
from .sandbox import Sandbox
from .state_file import kept

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8787


def serve(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    sandbox: Sandbox | None = None,
    out: TextIO | None = None,
    state: str | os.PathLike[str] | None = None,
    quiet: bool = False,
) -> None:
    """Serve until Ctrl-C or SIGTERM, after printing the URL, the keys and their use to ``out`` (by default stdout).

    Each request under /v1 and each delivery prints a line, unless ``quiet``.

    Listens only on this machine by default; for another ``host`` the first line is a warning. Raises ``ValueError`` for
    such a host if ``Sandbox(allowed_hosts=...)`` is empty, and ``AddressError``, with a message of one line, if it
    cannot listen there. ``state`` is a file to start from, if it exists, and to keep the state in; raises
    ``StateFileError``, also with one line, if that fails.
    """
    sandbox = Sandbox() if sandbox is None else sandbox
    sandbox.world.origin_check.require(host)
    keeping = nullcontext() if state is None else kept(sandbox.world, state)
    terminal = out or sys.stdout
    reporting = nullcontext() if quiet else reported(sandbox.world, terminal)
    with (
        ended_by_signals(),
        listen(host, port) as listener,
        keeping,
        reporting,
        sandbox.webhooks.sending(),
        suppress(KeyboardInterrupt),
    ):
        print(_welcome(sandbox, RunningServer(host, listener.getsockname()[1])), file=terminal, flush=True)
        Server(config(sandbox.app)).run(sockets=[listener])


def _welcome(sandbox: Sandbox, running: RunningServer) -> str:
    url = running.url
    lines = [
        *_warning(running.host),
        f"InventPay sandbox at {url} (made-up money only; Ctrl-C stops it)",
        "",
        f"  export INVENTPAY_BASE_URL={url}",
        f"  export INVENTPAY_API_KEY={shlex.quote(sandbox.api_key)}",
        f"  export INVENTPAY_WITHDRAWAL_KEY={shlex.quote(sandbox.withdrawal_key)}",
        f"  export INVENTPAY_WEBHOOK_SECRET={shlex.quote(sandbox.webhooks.secret)}",
        "",
        f"Dashboard:       {url}/ in a browser",
        f"Pay a payment:   curl -X POST {url}/sandbox/payments/PAYMENT_ID/pay",
        f"""Give a balance:  curl -X POST {url}/sandbox/deposit -d '{{"currency": "BTC", "amount": 1}}'""",
        f"See everything:  curl {url}/sandbox/state",
        f"Webhooks go to:  {sandbox.webhooks.url or 'the callbackUrl of each payment (--webhook-url: one for all)'}",
    ]
    return "\n".join(lines)


def _warning(host: str) -> list[str]:
    if is_loopback(host):
        return []
    return [f"Warning: {host} is not a loopback address. Other machines can use it, its control calls included."]
