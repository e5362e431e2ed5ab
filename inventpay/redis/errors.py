"""Describe errors of Redis for the person who set it up, and find the errors that retrying cannot fix."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ConfigurationError

_RIGHTS: Final = "GET, SET, TIME, EVAL and EVALSHA on its keys"

_NO_RIGHTS: Final = ("NOPERM", "The user executing the script can't run", "ACL failure in script")

_PLAIN: Final = (
    ("OOM command not allowed", "its memory is full and it may not evict anything"),
    ("READONLY", "it is a read-only replica; name the primary, or Sentinel"),
    ("WRONGTYPE", "a key of this package holds another type of value; choose another prefix="),
    ("LOADING", "it is loading its data"),
    ("MASTERDOWN", "it is a replica that has lost its primary"),
)
"""Parts of Redis' error messages, with their explanation."""

_WRONG: Final = (
    ("DB index is out of range", "has no database of this number"),
    ("unknown command `SENTINEL`", "is no Sentinel: for a server write redis://"),
    ("unknown command 'SENTINEL'", "is no Sentinel: for a server write redis://"),
    ("Cluster mode is not enabled", "is no cluster: write redis:// without +cluster"),
    ("cluster support disabled", "is no cluster: write redis:// without +cluster"),
    ("MOVED ", "is a node of a cluster: write redis+cluster://"),
    ("Protocol Error", "does not speak the protocol of Redis; check the port, and if it requires TLS"),
    ("WRONG_VERSION_NUMBER", "does not use TLS there: write redis:// instead of rediss://, or name another port"),
    ("CERTIFICATE_VERIFY_FAILED", "has a certificate that cannot be verified: name its authority by ?ssl_ca_certs="),
    ("not allowed after non deterministic", "is older than 6.2, the first version that is supported"),
)
"""Errors that retrying cannot fix, with what is wrong; raised immediately."""

_SCRIPT: Final = re.compile(r"^(ERR )?Error running script \(call to \w+\): (@?user_script: ?\d+: )*-?")
_LONGEST: Final = 200


def said(error: Exception) -> str:
    """Return a description of the error in one line; redis-py's messages name hosts, never passwords."""
    text = str(error).partition("\n")[0].strip()
    for sign, meaning in _PLAIN:
        if sign in text:
            return meaning
    # redis-py adds a repr of its client, with all options.
    text = _SCRIPT.sub("", text).partition(" : <")[0]
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def refusal(error: Exception | None, label: str) -> ConfigurationError | None:
    """Return an error for a server that can never be reached; ``None`` if retrying may help."""
    if error is None:
        return None
    from redis.exceptions import AuthenticationError, NoPermissionError

    text = str(error)
    if isinstance(error, NoPermissionError) or any(sign in text for sign in _NO_RIGHTS):
        return ConfigurationError(f"{label} denies this user the needed rights: {_RIGHTS} ({said(error)})")
    if isinstance(error, AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        return ConfigurationError(
            f"{label} refuses this user or password ({said(error)}); write them as redis://user:password@host:6379, or "
            "redis://:password@host:6379 without a user"
        )
    for sign, meaning in _WRONG:
        if sign in text:
            return ConfigurationError(f"{label} {meaning} ({said(error)})")
    return None
