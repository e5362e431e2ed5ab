"""The entry of the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from . import without_extra
from .exit_codes import ExitCode
from .failures import ended, usage
from .output import open_closed_streams
from .progress import PROGRESS

COMPLETION_VARIABLE = "_INVENTPAY_COMPLETE"
"""Set by the shell while it asks for completions."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, see :class:`inventpay._cli.exit_codes.ExitCode`."""
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    PROGRESS.reset()
    open_closed_streams()
    completes = COMPLETION_VARIABLE in os.environ
    as_json = "--json" in chosen
    if not completes and without_extra.takes(chosen):
        return ended(lambda: without_extra.main(chosen), as_json=as_json)
    missing = [name for name in ("typer", "rich", "segno") if find_spec(name) is None]
    if missing:
        return without_extra.explain(chosen, missing, as_json=as_json)
    return ended(lambda: _run(chosen, as_json=as_json, completes=completes), as_json=as_json)


def _run(arguments: list[str], *, as_json: bool, completes: bool) -> int:
    import typer

    from .app import USAGE_ERROR, root

    command = root()
    if completes:
        command.main(arguments, prog_name="inventpay")
    try:
        # Not command.main(): it would turn Ctrl-C into an exit code of its own.
        with command.make_context("inventpay", arguments) as context:
            result = command.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except typer.Exit as ending:
        return ending.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except USAGE_ERROR as error:
        return _explain(error, as_json=as_json)


def _explain(error: Exception, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    format_message = getattr(error, "format_message", None)
    message = str(error) if format_message is None else str(format_message())
    if as_json or context is None:
        return usage(message, as_json=as_json)
    if type(error).__name__ == "NoArgsIsHelpError":
        return usage(context.get_help(), as_json=False)
    help_command = f"{context.command_path} --help"
    return usage(f"{context.get_usage()}\n{message}\nTry '{help_command}'.", as_json=False)
