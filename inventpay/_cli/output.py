"""The two streams: results go to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from .progress import PROGRESS

if TYPE_CHECKING:
    from ..errors import InventPayError


class ClosedPipe(Exception):
    """The reader of stdout is gone, as ``head`` is after its lines. A command ends quietly."""


class UnwrittenOutput(Exception):
    """stdout cannot be written, such as a file on a full disk."""


class Written(Protocol):
    """A model."""

    def to_json(self) -> str: ...


def write(text: str) -> None:
    """Write a line, or several, to stdout.

    Raises ClosedPipe once its reader is gone, and UnwrittenOutput for other failures, such as a full disk.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    _write(text.encode(encoding, "replace").decode(encoding))


def write_json(text: str) -> None:
    """Write a JSON document on one line to stdout. Raises as :func:`write` does."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # Text outside of ASCII stands in JSON strings only, where escapes mean the same.
        text = "".join(letter if letter.isascii() else json.dumps(letter)[1:-1] for letter in text)
    _write(text)


def _write(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        raise ClosedPipe from None
    except OSError as error:
        silence(sys.stdout)
        raise UnwrittenOutput(f"stdout cannot be written: {error.strerror or error}") from None


def open_closed_streams() -> None:
    """Open those of the three streams that the parent process closed (``>&-``): nothing is read, nothing is shown.

    Otherwise the first socket or file would get the number of stdout, and a note for stderr would go there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the process ends


def silence(stream: TextIO) -> None:
    """Lead a stream whose reader is gone to nowhere, or Python would complain of it at its exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def note(text: str) -> None:
    """Write a line for people to stderr: progress, a warning, an explanation."""
    with contextlib.suppress(OSError, ValueError):
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)


@contextlib.contextmanager
def plain_warnings() -> Generator[None, None, None]:
    """Write the warnings of the block as lines for people, without the place in the code that they come from."""

    def show(message: Warning | str, *_place: object) -> None:
        note(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def document(model: Written | Iterable[Written]) -> str:
    """Return the JSON text of a model, or of several as an array."""
    to_json = getattr(model, "to_json", None)
    if to_json is not None:
        return str(to_json())
    return f"[{','.join(one.to_json() for one in model)}]"  # type: ignore[union-attr]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownMemberType, reportUnknownVariableType]


def show(text: str, *, as_json: bool) -> None:
    """Write a result: JSON text, or lines for people. A command that is done is done, also without a reader.

    If stdout cannot be written, the result of a write goes to stderr, since an id must not be lost. Raises
    UnwrittenOutput for other results.
    """
    try:
        (write_json if as_json else write)(text)
    except ClosedPipe:
        return
    except UnwrittenOutput as error:
        if not PROGRESS.write_began:
            raise
        note(f"{error}; the result is:\n{text}")


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Return two columns of names and values; what is ``None`` is left out."""
    known = [(name, plain(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    return "\n".join(folded(f"{name:{width}}  {value}", width + 2) for name, value in known)


def folded(line: str, indent: int) -> str:
    """Return a line as a terminal shows it best: cut between words. Ids, addresses and URLs stay whole."""
    columns = shutil.get_terminal_size().columns
    if len(line) <= columns or not sys.stdout.isatty():
        return line
    head, rest = line[:indent], line[indent:]
    room = max(20, columns - indent)
    pieces = textwrap.wrap(rest, room, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{head if number == 0 else ' ' * indent}{piece}" for number, piece in enumerate(pieces))


def plain(value: object) -> str:
    """Return a value as text for a terminal: without control characters, amounts and times in full.

    A server's text could otherwise rewrite what the terminal shows.
    """
    from datetime import UTC, datetime
    from decimal import Decimal

    if isinstance(value, Decimal):
        from .._core.decimals import plain as plain_amount

        return plain_amount(value) if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(value))


def error_document(error: InventPayError, *, is_unknown: bool = False) -> dict[str, Any]:
    """Return the JSON object of an error. ``is_unknown``: the outcome of the command is, whatever that of the error."""
    # An error of no call, such as a webhook that cannot be read, has only its default outcome.
    outcome = None if error.method is None and error.outcome == "unknown" else error.outcome
    return described(
        type(error).__name__,
        str(error),
        outcome="unknown" if is_unknown else outcome,
        idempotency_key=error.idempotency_key,
        status=error.status,
    )


def described(
    kind: str,
    message: str,
    *,
    outcome: str | None = None,
    idempotency_key: str | None = None,
    status: int | None = None,
) -> dict[str, Any]:
    """Return the JSON object that names an error."""
    inner = {
        "type": kind,
        "message": message,
        "outcome": outcome,
        "idempotencyKey": idempotency_key,
        "status": status,
    }
    return {"error": inner}


def note_json(members: dict[str, Any]) -> None:
    """Write a JSON object on one line to stderr."""
    note(json.dumps(members))
