"""The end of a command that failed: its words on stderr, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._concurrency.termination import ended_by_signals
from .exit_codes import ExitCode, code_of
from .output import ClosedPipe, UnwrittenOutput, described, error_document, note, note_json, show
from .progress import PROGRESS

if TYPE_CHECKING:
    from ..errors import InventPayError


class NotConfirmedError(Exception):
    """A person did not agree, or none could be asked."""


def ended(run: Callable[[], int], *, as_json: bool) -> int:
    """Run a command; return its exit code, also where it failed."""
    try:
        with ended_by_signals():
            return run()
    except ClosedPipe:
        return ExitCode.DONE
    except NotConfirmedError as error:
        _print_failure("NotConfirmed", str(error), "not_sent", as_json=as_json)
        return ExitCode.NOT_SENT
    except UnwrittenOutput as error:
        _print_failure("UnwrittenOutput", str(error), None, as_json=as_json)
        return ExitCode.ERROR
    except KeyboardInterrupt:
        return _interrupted(as_json=as_json)
    except Exception as error:
        # Imported here: help and completion need no errors of calls, and cost as little as they can.
        from ..errors import InventPayError

        if isinstance(error, InventPayError):
            return _failed(error, as_json=as_json)
        return _crashed(error, as_json=as_json)


def usage(message: str, *, as_json: bool) -> int:
    """Explain a wrong command line; return its exit code."""
    _print_failure("UsageError", message, "not_sent", as_json=as_json)
    return ExitCode.USAGE


def _failed(error: InventPayError, *, as_json: bool) -> int:
    code = code_of(error)
    if code is ExitCode.USAGE and PROGRESS.write_began:
        # Such as a journal of payouts on a full disk, in the middle of a run.
        code = ExitCode.UNKNOWN
    if code is ExitCode.DONE and error.resource_id is not None:
        show(json.dumps({_id_name(error): error.resource_id}) if as_json else error.resource_id, as_json=as_json)
    if as_json:
        note_json(error_document(error, is_unknown=code is ExitCode.UNKNOWN))
    else:
        note(f"{type(error).__name__}: {error}")
    return code


def _id_name(error: InventPayError) -> str:
    return "withdrawalId" if "withdrawal" in (error.path or "") else "paymentId"


def _interrupted(*, as_json: bool) -> int:
    if not PROGRESS.write_began:
        _print_failure("Interrupted", "interrupted; nothing was changed", "not_sent", as_json=as_json)
        return ExitCode.INTERRUPTED
    _print_failure(
        "Interrupted", "interrupted after a request was sent, which may take effect", "unknown", as_json=as_json
    )
    return ExitCode.UNKNOWN


def _crashed(error: Exception, *, as_json: bool) -> int:
    # The lines of the traceback without the values of locals, which may hold keys.
    import traceback

    trace = "".join(traceback.format_exception(error)).rstrip()
    if not as_json:
        note(trace)
    unknown = PROGRESS.write_began
    words = "; a request was sent before, which may have taken effect" if unknown else ""
    message = f"unexpected {type(error).__name__}: {error}{words}"
    _print_failure(type(error).__name__, message, "unknown" if unknown else None, as_json=as_json)
    return ExitCode.UNKNOWN if unknown else ExitCode.ERROR


def _print_failure(kind: str, message: str, outcome: str | None, *, as_json: bool) -> None:
    key = PROGRESS.idempotency_key if outcome == "unknown" else None
    if as_json:
        note_json(described(kind, message, outcome=outcome, idempotency_key=key))
    else:
        note(message if key is None else f"{message} (idempotency key: {key})")
