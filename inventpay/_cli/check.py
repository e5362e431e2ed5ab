"""The command ``inventpay check``: ``client.check()``, for people and for scripts."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .. import options
from .._api.health_check import CheckResult, CheckState
from .._credentials import API_KEY_VARIABLE, BASE_URL_VARIABLE, FILE_SUFFIX
from .confirming import confirm
from .exit_codes import ExitCode
from .output import plain, show
from .session import session

PATIENCE = 10.0
"""Seconds for the whole check: short, since a person waits for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options. Keys come from the environment: a command line is seen by every user of a machine."""
    parser.description = (
        "Ask the API one cheap question, and exit with 0 if all is well. "
        f"The key comes from {API_KEY_VARIABLE} or {API_KEY_VARIABLE}{FILE_SUFFIX}."
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help=f"the API's address (default: {BASE_URL_VARIABLE}, or {options.BASE_URL})",
    )
    parser.add_argument(
        "--timeout", type=float, default=PATIENCE, help="seconds to wait for the answer (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    proof = parser.add_argument_group(
        "idempotency keys",
        "With --idempotency, find out whether the API honours idempotency keys: make up to three small payments, "
        "which need not be paid. With --idempotency=withdrawal make one real withdrawal to an address of your own, "
        "and repeat it under the same key: where keys are ignored, you pay twice to yourself.",
    )
    proof.add_argument("--idempotency", nargs="?", const="payment", choices=("payment", "withdrawal"))
    proof.add_argument("--amount", help="amount of each payment in US dollars, or of the withdrawal in its coin")
    proof.add_argument("--currency", metavar="COIN", help="such as USDT_BEP20")
    proof.add_argument("--destination-address", "--to", metavar="ADDRESS", help="your own address")
    proof.add_argument("--yes", "-y", action="store_true", help="do not ask for confirmation of the withdrawal")


def main(arguments: argparse.Namespace) -> int:
    """Print the result of a check; return its exit code."""
    kind = arguments.idempotency
    withdraws = kind == "withdrawal"
    with session(arguments.base_url, arguments.timeout, as_json=arguments.json, withdraws=withdraws) as current:
        details = {
            "amount": arguments.amount,
            "currency": arguments.currency,
            "destination_address": arguments.destination_address,
        }
        if withdraws and None not in details.values():
            money = f"{arguments.amount} {arguments.currency}, fee included; twice if keys are ignored"
            confirm(
                current,
                "Check of idempotency keys by a withdrawal",
                [("to", arguments.destination_address), ("amount", money)],
                yes=arguments.yes,
            )
        result = current.client.check(idempotency=kind or False, **details)
    show(result_json(result) if arguments.json else result_text(result), as_json=arguments.json)
    return exit_code(result, with_keys=kind is not None)


def exit_code(result: CheckResult, *, with_keys: bool = False) -> ExitCode:
    """Return the exit code of a result; ``with_keys`` is whether idempotency keys were to be checked."""
    match result.state:
        case CheckState.OK if with_keys and result.idempotency is None:
            return ExitCode.UNKNOWN if result.created_ids else ExitCode.ERROR
        case CheckState.OK:
            return ExitCode.DONE if not with_keys or result.idempotency == "honoured" else ExitCode.ENDED_OTHERWISE
        case CheckState.KEY_REFUSED:
            return ExitCode.REFUSED
        case CheckState.UNREACHABLE:
            return ExitCode.NOT_SENT
        case CheckState.RATE_LIMITED:
            return ExitCode.NOT_SENT if result.status is None else ExitCode.REFUSED
        case CheckState.NOT_ASKED:
            return ExitCode.USAGE
        case _:
            return ExitCode.ERROR


def result_text(result: CheckResult) -> str:
    """Return a result for people."""
    return "\n".join(lines(result))


def result_json(result: CheckResult) -> str:
    """Return a result as JSON text."""
    from attrs import asdict

    def text(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(part.title() for part in rest)

    members: dict[str, Any] = {text(name): value for name, value in asdict(result).items() if value is not None}
    return json.dumps({"ok": result.ok, **members})


def lines(result: CheckResult) -> list[str]:
    """Return the result in words."""
    said = [f"{result.base_url}: {plain(result.message)}"]
    if result.proxy is not None:
        said.append(f"  proxy       {result.proxy}")
    if result.latency is not None:
        said.append(f"  latency     {result.latency:.3f} s, a new connection included")
    if result.clock_skew is not None:
        seconds = abs(result.clock_skew)
        ahead = "ahead of" if result.clock_skew > 0 else "behind"
        apart = "within a second of" if seconds <= 1 else f"{seconds:.0f} s {ahead}"
        said.append(f"  clock       the server's is {apart} ours")
    if result.limit is not None and result.remaining is not None:
        again = "" if result.reset_in is None else f", whole again in {result.reset_in:.0f} s"
        said.append(f"  rate limit  {result.remaining} of {result.limit} calls left{again}")
    if result.retry_after is not None:
        said.append(f"  come back   in {result.retry_after:.0f} s")
    said += [f"  created     {plain(one)}" for one in result.created_ids]
    return said
