"""``python -m inventpay``: the demo and the local sandbox."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .version import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m inventpay", description="Tools of the inventpay SDK. None of them needs an account."
    )
    parser.add_argument("--version", action="version", version=f"inventpay {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("demo", help="run the whole story of a payment against a local sandbox")
    sandbox = commands.add_parser("sandbox", help="serve the local sandbox until Ctrl-C")
    try:
        from .sandbox import cli
        from .sandbox.demo import run_demo
    except ImportError as error:
        # --help and --version work without the extra; a command says what is missing.
        parser.parse_args(arguments)
        print(error, file=sys.stderr)
        return 1
    cli.add_arguments(sandbox)
    chosen = parser.parse_args(arguments)
    return run_demo() if chosen.command == "demo" else cli.main(chosen)


if __name__ == "__main__":
    sys.exit(main())
