"""The errors of the sandbox.

SandboxError     a request, or a control call from Python, is refused; carries the API's status and texts
AddressError     the server cannot listen on the given address (an ``OSError``)
StateFileError   the file with the sandbox's state cannot be read or written (a ``ValueError``)
"""

from __future__ import annotations

from collections.abc import Mapping

from . import assumptions


class SandboxError(Exception):
    """A refusal in the API's own terms.

    Attributes: ``status`` (the HTTP status), ``error`` (one line), ``details`` (a message per field, or None).
    Over HTTP it becomes ``{"success": false, "error": ..., "details": ..., "statusCode": ...}``.
    """

    def __init__(self, status: int, error: str, details: Mapping[str, str] | None = None) -> None:
        text = "; ".join(f"{field}: {message}" for field, message in (details or {}).items())
        super().__init__(f"{error} ({text})" if text else error)
        self.status = status
        self.error = error
        self.details = details


class AddressError(OSError):
    """The server cannot listen on the given host and port; the message names the reason in one line."""


class StateFileError(ValueError):
    """The state cannot be read from its file, or written to it; the message names the reason in one line."""


def invalid(details: Mapping[str, str]) -> SandboxError:
    """Return a 400 with a message per field."""
    # "Invalid currency" is the documented text where the currency alone is wrong (page get-balance-by-currency).
    error = "Invalid currency" if set(details) == {"currency"} else assumptions.VALIDATION_ERROR
    return SandboxError(400, error, details)


def not_found(kind: str) -> SandboxError:
    """Return a 404 for an id without a payment or withdrawal."""
    return SandboxError(404, f"{kind} not found")


def conflict(error: str) -> SandboxError:
    """Return a 409: the request is well-formed, but the state of the named record does not allow it."""
    return SandboxError(409, error)
