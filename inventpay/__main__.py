"""``python -m inventpay``: the demo, the local sandbox, and a check of the connection."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._cli import check as check_command
from .version import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m inventpay", description="Tools of the inventpay SDK. Only the check needs an account."
    )
    parser.add_argument("--version", action="version", version=f"inventpay {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("demo", help="run the whole story of a payment against a local sandbox")
    sandbox = commands.add_parser("sandbox", help="serve the local sandbox until Ctrl-C")
    check_command.add_arguments(commands.add_parser("check", help="find out whether the API answers and takes the key"))
    try:
        from .sandbox import cli
        from .sandbox.demo import run_demo
    except ImportError as error:
        # --help, --version and the check work without the extra; other commands say what is missing.
        chosen = parser.parse_args(arguments)
        if chosen.command == "check":
            return check_command.main(chosen)
        print(error, file=sys.stderr)
        return 1
    cli.add_arguments(sandbox)
    chosen = parser.parse_args(arguments)
    if chosen.command == "check":
        return check_command.main(chosen)
    return run_demo() if chosen.command == "demo" else cli.main(chosen)


if __name__ == "__main__":
    sys.exit(main())
