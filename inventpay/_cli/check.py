"""The command ``python -m inventpay check``: ``client.check()``, for people."""

from __future__ import annotations

import argparse
import sys

from .. import options
from .._api.health_check import CheckResult
from ..errors import ConfigurationError

PATIENCE = 10.0
"""Seconds for the whole check: short, since a person waits for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options. Keys come from the environment: a command line is seen by every user of a machine."""
    parser.description = (
        "Asks the API one cheap question, and exits with 0 when all is well. "
        f"The key comes from {options.API_KEY_VARIABLE}."
    )
    parser.add_argument("--base-url", help=f"whom to ask (default: {options.BASE_URL_VARIABLE}, or {options.BASE_URL})")
    parser.add_argument(
        "--timeout", type=float, default=PATIENCE, help="seconds to wait for the answer (default: %(default)g)"
    )


def main(arguments: argparse.Namespace) -> int:
    """Prints what was found. Returns 0 when all is well, 1 when not, 2 when the question could not be asked."""
    from .._sync.client import InventPay

    try:
        with InventPay(base_url=arguments.base_url, timeout=arguments.timeout) as client:
            result = client.check()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines(result)))
    return 0 if result else 1


def lines(result: CheckResult) -> list[str]:
    """Return the result in words."""
    told = [f"{result.base_url}: {result.message}"]
    if result.proxy is not None:
        told.append(f"  proxy       {result.proxy}")
    if result.latency is not None:
        told.append(f"  latency     {result.latency:.3f} s, a new connection included")
    if result.clock_skew is not None:
        seconds = abs(result.clock_skew)
        ahead = "ahead of" if result.clock_skew > 0 else "behind"
        apart = "within a second of" if seconds <= 1 else f"{seconds:.0f} s {ahead}"
        told.append(f"  clock       the server's is {apart} ours")
    if result.limit is not None and result.remaining is not None:
        again = "" if result.reset_in is None else f", whole again in {result.reset_in:.0f} s"
        told.append(f"  rate limit  {result.remaining} of {result.limit} calls left{again}")
    if result.retry_after is not None:
        told.append(f"  come back   in {result.retry_after:.0f} s")
    return told
