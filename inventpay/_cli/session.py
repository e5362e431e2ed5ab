"""The client of a command: its keys, its host, and its mode."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from attrs import frozen

from .._core.hosts import is_loopback
from .._credentials import (
    API_KEY_VARIABLE,
    SANDBOX_API_KEY,
    WITHDRAWAL_KEY_VARIABLE,
    read_base_url,
    read_environment,
    read_key,
)
from ..options import TIMEOUT, RetryPolicy
from .output import note
from .progress import PROGRESS

if TYPE_CHECKING:
    from .._sync.client import InventPay
    from ..hooks import Event

_NOTED_WAIT: Final = 2.0
"""Seconds of a wait for the rate limit that is worth a line."""


@frozen(kw_only=True)
class Session:
    """A client, and what a person should know of the account that it uses."""

    client: InventPay
    base_url: str
    mode: str
    """``"live"``, ``"test"`` or ``"sandbox"``."""
    fingerprint: str
    """A digest of the API key, from which the key cannot be computed."""

    def key(self, given: str | None) -> str:
        """Return the idempotency key of the operation, and remember it for the case of an interrupt."""
        from .._api.call import new_idempotency_key

        PROGRESS.idempotency_key = new_idempotency_key() if given is None else given
        return PROGRESS.idempotency_key


@contextmanager
def session(
    base_url: str | None,
    timeout: float | None = None,
    *,
    as_json: bool = False,
    withdraws: bool = False,
    trust_idempotency: bool = False,
) -> Generator[Session, None, None]:
    """Open a client while the block runs. Asks for keys that are missing, where a person can answer.

    Raises ConfigurationError for keys and addresses that cannot be used.
    """
    from .._sync.client import InventPay

    url = read_base_url(base_url)
    options: dict[str, Any] = {
        "api_key": _key(API_KEY_VARIABLE, "API key"),
        "withdrawal_key": _key(WITHDRAWAL_KEY_VARIABLE, "Withdrawal key") if withdraws else None,
        "base_url": url,
        "timeout": TIMEOUT if timeout is None else timeout,
        "retry": RetryPolicy(trust_idempotency=trust_idempotency),
        "hooks": [PROGRESS.note, *([] if as_json else [_note_waits])],
    }
    with InventPay(**options) as client:
        key = read_key(options["api_key"], variable=API_KEY_VARIABLE, argument="api_key")
        text = "" if key is None else key.reveal()
        fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
        yield Session(client=client, base_url=url, mode=_mode(url, text), fingerprint=fingerprint)


def is_interactive() -> bool:
    """Return whether a person can be asked: questions go to stderr, answers come from stdin."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_hidden(question: str) -> str:
    """Ask for a secret, which is not shown while it is typed."""
    import getpass

    return getpass.getpass(f"{question}: ", stream=sys.stderr)


def ask_yes(question: str) -> bool:
    """Ask a question; anything but y or yes is no."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _key(variable: str, name: str, ask: Callable[[str], str] = ask_hidden) -> str | None:
    # None leaves the environment to the client, whose errors name the variable.
    if read_environment(variable) is not None or not is_interactive():
        return None
    return ask(f"{name} ({variable} is not set)")


def _mode(base_url: str, key: str) -> str:
    if is_loopback(urlsplit(base_url).hostname or "") or key.startswith(SANDBOX_API_KEY):
        return "sandbox"
    return "test" if key.startswith("pk_test_") else "live"


def _note_waits(event: Event) -> None:
    from ..hooks import TokenAwaited

    if isinstance(event, TokenAwaited) and event.expected >= _NOTED_WAIT:
        note(f"waiting {event.expected:.0f} s for the rate limit")
