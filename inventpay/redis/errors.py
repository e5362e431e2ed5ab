"""Describe errors of Redis for the person who set it up, and find the errors that retrying cannot fix."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ConfigurationError

_RIGHTS: Final = "GET, SET, TIME, EVAL and EVALSHA on its keys"

_NO_RIGHTS: Final = ("The user executing the script can't run", "ACL failure in script")
"""Errors of scripts for which servers have no code of their own."""

_MEANINGS: Final = {
    "OOM": "its memory is full and it may not evict anything; raise maxmemory",
    "MISCONF": "it cannot save to its disk, and so it refuses writes; free space there, or see its log",
    "READONLY": "it is a read-only replica; name the primary, or Sentinel",
    "WRONGTYPE": "a key of this package holds another type of value; choose another prefix=",
    "LOADING": "it is loading its data",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "NOREPLICAS": "too few replicas are connected to it, and so it refuses writes (min-replicas-to-write)",
    "CLUSTERDOWN": "a part of its cluster is down",
    "TRYAGAIN": "its cluster is moving keys to another node",
    "BUSY": "a script of another application keeps it busy",
}
"""Explanations of error codes, which are the same in Redis 6.2, 7 and 8 and in Valkey; the texts behind them differ."""

_CODES: Final = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
    "TryAgainError": "TRYAGAIN",
    "MovedError": "MOVED",
    "NoPermissionError": "NOPERM",
    "AuthenticationError": "WRONGPASS",
}
"""Codes by the classes of redis-py, which takes them out of the text."""

_WRONG: Final = (
    ("DB index is out of range", "has no database of this number"),
    ("unknown command `SENTINEL`", "is no Sentinel: for a server write redis://"),
    ("unknown command 'SENTINEL'", "is no Sentinel: for a server write redis://"),
    ("Cluster mode is not enabled", "is no cluster: write redis:// without +cluster"),
    ("cluster support disabled", "is no cluster: write redis:// without +cluster"),
    ("Protocol Error", "does not speak the protocol of Redis; check the port, and if it requires TLS"),
    ("WRONG_VERSION_NUMBER", "does not use TLS there: write redis:// instead of rediss://, or name another port"),
    ("CERTIFICATE_VERIFY_FAILED", "has a certificate that cannot be verified: name its authority by ?ssl_ca_certs="),
    ("not allowed after non deterministic", "is older than 6.2, the first version that is supported"),
)
"""Errors that retrying cannot fix, with what is wrong; raised immediately."""

_SCRIPT: Final = re.compile(r"^(ERR )?Error running script \(call to \w+\): (@?user_script: ?\d+: )*-?")
"""The words before the error of a script in Redis 6.2."""

_CODE: Final = re.compile(r"([A-Z]{2,})(?: |$)")
_LONGEST: Final = 200


def code_of(error: BaseException) -> str | None:
    """Return the code of a server's error, such as ``"OOM"``: from its class, or the first word of its text."""
    for kind in type(error).__mro__:
        if kind.__name__ in _CODES:
            return _CODES[kind.__name__]
    found = _CODE.match(_SCRIPT.sub("", str(error)))
    return found[1] if found is not None and found[1] != "ERR" else None


def hint(error: BaseException) -> str | None:
    """Return what the error of a server means for the person who runs it, if its code is known."""
    return _MEANINGS.get(code_of(error) or "")


def said(error: Exception) -> str:
    """Return a description of the error in one line; redis-py's messages name hosts, never passwords."""
    meaning = hint(error)
    if meaning is not None:
        return meaning
    # redis-py adds a repr of its client, with all options.
    text = _SCRIPT.sub("", str(error).partition("\n")[0].strip()).partition(" : <")[0]
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def refusal(error: Exception | None, label: str) -> ConfigurationError | None:
    """Return an error for a server that can never be reached; ``None`` if retrying may help."""
    if error is None:
        return None
    code, text = code_of(error), str(error)
    if code == "NOPERM" or any(sign in text for sign in _NO_RIGHTS):
        return ConfigurationError(f"{label} denies this user the needed rights: {_RIGHTS} ({said(error)})")
    if code in ("NOAUTH", "WRONGPASS"):
        return ConfigurationError(
            f"{label} refuses this user or password ({said(error)}); write them as redis://user:password@host:6379, or "
            "redis://:password@host:6379 without a user"
        )
    if code == "MOVED":
        return ConfigurationError(f"{label} is a node of a cluster: write redis+cluster:// ({said(error)})")
    for sign, meaning in _WRONG:
        if sign in text:
            return ConfigurationError(f"{label} {meaning} ({said(error)})")
    return None
