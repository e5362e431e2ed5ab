"""The commands that need no extra of the command line: the demo, the sandbox's server, and the check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ..version import VERSION
from .exit_codes import ExitCode
from .failures import usage

if TYPE_CHECKING:
    import argparse

CONTROLS: Final = ("pay", "underpay", "overpay", "expire", "fail", "deposit", "complete", "clock")
"""Commands of ``inventpay sandbox`` that act on a running sandbox."""


def takes(arguments: Sequence[str]) -> bool:
    """Return whether a command line is for this module."""
    first, second = (*arguments, "", "")[:2]
    return first in ("demo", "check", "--version") or (first == "sandbox" and second not in CONTROLS)


def explain(arguments: Sequence[str], missing: Sequence[str], *, as_json: bool = False) -> int:
    """Explain in one line that the extra of the command line is missing; return the exit code."""
    words = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    command = f"inventpay {words}".rstrip()
    message = f'{command} needs the extra "cli" ({", ".join(missing)} missing); from a clone: pip install ".[cli]"'
    if not words:
        message += "\nWithout it there are: inventpay demo, inventpay sandbox, inventpay check, inventpay --version"
    return usage(message, as_json=as_json)


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; return its exit code."""
    parser = _parser(as_json="--json" in arguments)
    parser.add_argument("--version", action="version", version=f"inventpay {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("demo", help="run the whole story of a payment against a local sandbox")
    try:
        if arguments[0] == "check":
            from . import check

            check.add_arguments(commands.add_parser("check", help="find out whether the API answers and takes the key"))
            return check.main(parser.parse_args(arguments))
        if arguments[0] == "--version":
            parser.parse_args(arguments)
        return _sandbox(parser, commands, arguments)
    except SystemExit as ending:
        # That of argparse: 0 after --help, 2 for a wrong command line.
        return ending.code if isinstance(ending.code, int) else ExitCode.USAGE


def _parser(*, as_json: bool) -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            if as_json:
                raise SystemExit(usage(message, as_json=True))
            super().error(message)

    return Parser(prog="inventpay", description="Tools of the inventpay SDK.")


def _sandbox(
    parser: argparse.ArgumentParser,
    commands: Any,
    arguments: Sequence[str],
) -> int:
    try:
        from ..sandbox import cli
        from ..sandbox.demo import run_demo
    except ImportError as error:
        return usage(str(error), as_json="--json" in arguments)
    serve = commands.add_parser(
        "sandbox",
        help="serve the local sandbox until Ctrl-C",
        epilog=f"While it runs, in another terminal: inventpay sandbox {'|'.join(CONTROLS)} (extra cli); "
        "inventpay sandbox pay --help explains the first of them.",
    )
    cli.add_arguments(serve)
    chosen, unknown = parser.parse_known_args(arguments)
    if unknown and chosen.command == "sandbox":
        serve.error(f"unknown: {' '.join(unknown)}; the commands of a running sandbox are {', '.join(CONTROLS)}")
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return run_demo() if chosen.command == "demo" else cli.main(chosen)
