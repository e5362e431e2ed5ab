"""Webhook secrets: one, or several during a rotation. They never appear in output."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

from .._core.secret_text import problem_with
from .._credentials import Secret, read_environment
from ..errors import ConfigurationError, SignatureError

SECRET_VARIABLE: Final = "INVENTPAY_WEBHOOK_SECRET"
"""Where the secret comes from when none is passed (vendor's JavaScript README)."""

_PLACE: Final = "it is shown once, when the webhook is set up (inventpay.io: Dashboard, Settings, Webhooks)"


class UnusableSecretError(SignatureError, ConfigurationError):
    """No signature can be made or checked with this secret: it is missing, empty, or no text.

    Code that answers a :class:`~inventpay.SignatureError` with 401 then refuses every delivery.
    """


class Secrets:
    """The secrets a delivery may be signed with. Holds them where no ``repr``, log or pickle finds them."""

    __slots__ = ("_problem", "_secrets")

    def __init__(self, secrets: tuple[Secret, ...], problem: str | None = None) -> None:
        self._secrets = secrets
        self._problem = problem

    def check(self) -> Secrets:
        """Itself, where it can be used. Raises UnusableSecretError."""
        if self._problem is not None:
            raise UnusableSecretError(self._problem)
        return self

    def sign(self, body: bytes) -> str:
        """Return the signature by the first secret: HMAC-SHA256 of the body in lower-case hex."""
        return _sign(self._secrets[0], body)

    def signed(self, body: bytes, signature: str) -> bool:
        """Return whether one of the secrets gives this signature. The text must be ASCII."""
        return any(hmac.compare_digest(_sign(secret, body), signature) for secret in self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)

    def __repr__(self) -> str:
        return f"<{len(self)} webhook secret{'s' if len(self) > 1 else ''}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("webhook secrets are not pickled: they come from the environment of the process that uses them")


SecretLike: TypeAlias = str | Sequence[str] | Secrets | None
"""One secret, several of which each is accepted, or ``None`` for the environment variable or the file it names."""


def _sign(secret: Secret, body: bytes) -> str:
    return hmac.digest(secret.reveal().encode(), body, "sha256").hex()


def _from_environment() -> Secrets:
    try:
        found = read_environment(SECRET_VARIABLE)
    except ConfigurationError as error:
        return Secrets((), error.message)
    text, origin = found or ("", "")
    text = text.strip()
    if not text:
        named = f" ({origin} is empty)" if found else ""
        return Secrets(
            (), f"no webhook secret{named}: pass secret=, or set the environment variable {SECRET_VARIABLE}; {_PLACE}"
        )
    problem = problem_with(text)
    if problem is not None:
        return Secrets((), f"the secret of {origin} {problem}; {_PLACE}")
    return Secrets((Secret(text),))


def read_secrets(value: SecretLike) -> Secrets:
    """Return the secrets passed as ``secret``, without checking them.

    It never raises: a traceback with the local variables of its frames would show the secret. ``check()`` raises.
    """
    if isinstance(value, Secrets):
        return value
    if value is None:
        return _from_environment()
    if isinstance(value, str):
        named: list[tuple[str, object]] = [("secret", value)]
    # bytes are a sequence too, of numbers.
    elif isinstance(value, (bytes, bytearray)) or not isinstance(value, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        return Secrets((), f"secret must be a str, or several in a list, not {type(value).__name__}")
    elif not value:
        return Secrets((), "secret is an empty list: pass the webhook's secret, or both while you rotate it")
    else:
        named = [(f"secret[{index}]", one) for index, one in enumerate(cast("Sequence[object]", value))]
    secrets: list[Secret] = []
    for name, one in named:
        if not isinstance(one, str):
            return Secrets((), f"{name} must be a str, not {type(one).__name__}")
        # Files and shells like to append a line break.
        one = one.strip()
        if not one:
            return Secrets((), f"{name} is empty; {_PLACE}")
        if not one.isascii() and any("\ud800" <= character <= "\udfff" for character in one):
            return Secrets((), f"{name} holds half of a surrogate pair, so it is no text anybody sent you")
        problem = problem_with(one)
        if problem is not None:
            return Secrets((), f"{name} {problem}; {_PLACE}")
        if one.startswith(("pk_", "wk_")):
            return Secrets((), f"{name} is an API key, by its prefix; {_PLACE}")
        secrets.append(Secret(one))
    return Secrets(tuple(secrets))
