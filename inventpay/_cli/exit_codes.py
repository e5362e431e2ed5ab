"""Exit codes, and the code of an error."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import InventPayError


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """Done; also where the answer could not be read in full and named what was created."""
    ERROR = 1
    """Any other error: assume nothing."""
    USAGE = 2
    """The command line or the configuration is wrong. Nothing was sent."""
    UNKNOWN = 3
    """A write was sent, and its outcome is unknown; also a crash, Ctrl-C or SIGTERM after a write began."""
    NOT_SENT = 4
    """Nothing was sent: not reached, held back by the local rate limit, or not confirmed."""
    REFUSED = 5
    """The API refused, and nothing happened."""
    ENDED_OTHERWISE = 6
    """It ended otherwise than asked: a wait that expired or timed out, payouts with rows left."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM before any write."""


def code_of(error: InventPayError) -> ExitCode:
    """Return the exit code of an error."""
    from ..errors import ConfigurationError, InvalidArgumentError, WaitTimeoutError

    if isinstance(error, (ConfigurationError, InvalidArgumentError)):
        return ExitCode.USAGE
    if isinstance(error, WaitTimeoutError):
        return ExitCode.ENDED_OTHERWISE
    # An error of no call, such as a webhook that cannot be read, has only its default outcome.
    if error.method is None:
        return ExitCode.ERROR
    if error.outcome == "unknown":
        # A read whose answer was lost or odd had no effect.
        return ExitCode.ERROR if error.method in ("GET", "HEAD") else ExitCode.UNKNOWN
    return {"done": ExitCode.DONE, "not_sent": ExitCode.NOT_SENT, "refused": ExitCode.REFUSED}[error.outcome]
