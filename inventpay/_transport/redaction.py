"""Remove keys from received text: the API, or a proxy, may echo the request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .._core.error_chain import causes_of
from .._core.json_values import is_array, is_object
from .._credentials import Secret
from ..headers import Headers

SHORTEST: Final = 8
"""assumed: least length of a secret key; documented keys have 25 characters.

A key as short as ``"test"`` is no secret, and removing it from every text would garble messages.
"""

_MARK: Final = "***"


def without_keys(value: Any, keys: Iterable[Secret | None]) -> Any:
    """Return the value with every key in it replaced.

    >>> without_keys({"error": "no such key: pk_live_1"}, [Secret("pk_live_1")])
    {'error': 'no such key: ***'}
    """
    for key in keys:
        if key is not None and len(key.reveal()) >= SHORTEST:
            value = _without(key.reveal(), value)
    return value


def redact_error(error: BaseException, keys: Iterable[Secret | None]) -> None:
    """Remove the keys from an exception and its causes."""
    keys = tuple(keys)
    for current in causes_of(error):
        # Exceptions without a key stay unchanged: the chain may end in the caller's own exceptions.
        args = tuple(without_keys(part, keys) for part in current.args)
        if args != current.args:
            current.args = args
        for name, value in list(vars(current).items()):
            clean = without_keys(value, keys)
            if clean != value:
                vars(current)[name] = clean


def _without(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(key, _MARK)
    if isinstance(value, bytes):
        return value.replace(key.encode(), _MARK.encode())
    if isinstance(value, Headers):
        # Those of every answer pass through here, and hardly any echoes a key.
        if key not in "\n".join(value.values()):
            return value
        return Headers((name, text.replace(key, _MARK)) for name, text in value.items())
    if is_object(value):
        return {_without(key, name): _without(key, item) for name, item in value.items()}
    if is_array(value):
        return [_without(key, item) for item in value]
    return value
