"""Read API keys and the base URL from arguments, environment variables and files."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from ._core.hosts import is_loopback
from ._core.json_values import shown
from ._core.secret_text import problem_with
from .errors import ConfigurationError
from .options import BASE_URL


class Secret:
    """An API key that is never shown: not in ``repr``, logs, locals of a traceback, or a pickle.

    >>> Secret("pk_live_1")
    Secret('***')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the header that carries it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Secret is not pickled: keys come from the environment of the process that uses them")


API_KEY_VARIABLE: Final = "INVENTPAY_API_KEY"
WITHDRAWAL_KEY_VARIABLE: Final = "INVENTPAY_WITHDRAWAL_KEY"
SANDBOX_API_KEY: Final = "pk_test_sandbox"
SANDBOX_WITHDRAWAL_KEY: Final = "wk_test_sandbox"
"""The sandbox's keys, and how the keys of its tests begin; assumed: no key of the live API begins so."""

BASE_URL_VARIABLE: Final = "INVENTPAY_BASE_URL"


FILE_SUFFIX: Final = "_FILE"
"""``INVENTPAY_API_KEY_FILE`` names a file with the value of ``INVENTPAY_API_KEY``: a secret of Docker or Kubernetes, a
credential of systemd."""

KEY_FILE_BYTES: Final = 65_536
"""Bytes that a file with a key may have. Keys have under a hundred."""


def read_environment(variable: str) -> tuple[str, str] | None:
    """Return a key or secret from the environment or from the file that it names, and its origin in words.

    Empty variables are not set. Raises ConfigurationError where both are set, and for a file that cannot be read.
    """
    value, path = os.environ.get(variable), os.environ.get(variable + FILE_SUFFIX)
    if not path:
        return (value, f"the environment variable {variable}") if value else None
    named = f"{variable}{FILE_SUFFIX}"
    if value:
        raise ConfigurationError(f"the environment variables {variable} and {named} are both set; unset one of them")
    try:
        with open(path, "rb") as file:
            content = file.read(KEY_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"the file {shown(path)} of {named} cannot be read: {reason}") from None
    if len(content) > KEY_FILE_BYTES:
        raise ConfigurationError(
            f"the file {shown(path)} of {named} is larger than {KEY_FILE_BYTES:,} bytes: no key is"
        )
    try:
        return content.decode(), f"the file {shown(path)} of {named}"
    except UnicodeDecodeError:
        raise ConfigurationError(f"the file {shown(path)} of {named} is not UTF-8 text") from None


def read_key(value: str | None, *, variable: str, argument: str) -> Secret | None:
    """Return a key from the argument or, when that is ``None``, from the environment or the file that it names."""
    origin = f"{argument}="
    if value is None:
        found = read_environment(variable)
        if found is None:
            return None
        value, origin = found
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{origin} takes a str, not {type(value).__name__}")
    # Files and shells like to append a line break.
    value = value.strip()
    problem = problem_with(value)
    if problem is not None:
        raise ConfigurationError(f"the key of {origin} {problem}")
    # A line break would let a key smuggle a header in; the HTTP library's own message would print the key.
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            f"{origin} holds no usable key: it is empty, or has spaces, line breaks or non-ASCII characters in it"
        )
    return Secret(value)


def read_base_url(value: str | None, *, allow_insecure: bool = False) -> str:
    """Return the base URL from the argument, the environment or the documentation, without a trailing slash.

    ``http://`` is for loopback hosts, and with ``allow_insecure`` for any host.
    """
    if value is None:
        value = os.environ.get(BASE_URL_VARIABLE) or BASE_URL
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"base_url must be a str, not {type(value).__name__}")
    # Nothing of the value is shown before it is known to hold no password.
    if not value.isascii() or not value.isprintable() or any(character in " ?#\\" for character in value):
        raise ConfigurationError("base_url must be printable ASCII without spaces, backslashes, query or fragment")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is not a URL: {error}") from None
    if parts.username is not None:
        raise ConfigurationError("base_url must not hold a user name or password; pass keys with api_key=")
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f'base_url {shown(value)} must start with "https://" and name a host')
    if parts.scheme == "http" and not (allow_insecure or is_loopback(host)):
        raise ConfigurationError(
            f"base_url {shown(value)} would send your keys unencrypted; use https:// (http:// is for loopback hosts "
            "only, and with allow_insecure=True for the keys of a sandbox)"
        )
    if "v1" in parts.path.split("/"):
        raise ConfigurationError(
            f"base_url {shown(value)} holds the API's version; leave /v1 out, every path of this package begins with it"
        )
    return f"{parts.scheme}://{_written_once(parts)}{parts.path}".rstrip("/")


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _written_once(parts: SplitResult) -> str:
    """Return host and port in one form, since doubts, limits and journals are kept under the base URL.

    Otherwise ``https://API.inventpay.io:443`` would have some of its own.
    """
    host = (parts.hostname or "").lower()
    name = f"[{host}]" if ":" in host else host
    return name if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{name}:{parts.port}"


def is_insecure(base_url: str) -> bool:
    """Return whether keys sent to a base URL cross a network unencrypted."""
    parts = urlsplit(base_url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
