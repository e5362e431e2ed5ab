"""The keys that a sandbox accepts, and those that an endpoint requires."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import attrs

from .. import assumptions
from ..errors import SandboxError


class Access(Enum):
    """The keys that a call needs."""

    PUBLIC = auto()
    API_KEY = auto()
    BOTH_KEYS = auto()


def _visible(keys: Keys, attribute: attrs.Attribute[str], key: str) -> None:
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(f"{attribute.name} must be visible ASCII characters without spaces.")


def _key() -> Any:
    return attrs.field(validator=_visible, repr=False)


@attrs.define(kw_only=True)
class Keys:
    """The merchant's two keys. Raises ``ValueError`` for a key that is not valid in a header."""

    api_key: str = _key()
    withdrawal_key: str = _key()

    def caller(self, headers: Mapping[bytes, bytes], access: Access, client: tuple[str, int] | None) -> str:
        """Return the name under which a call is counted: the merchant, or the address of a client without a valid key.

        Raises ``SandboxError`` 401 or 403 where ``access`` asks for a key that ``headers`` lack.
        """
        if hmac.compare_digest(headers.get(b"x-api-key", b""), self.api_key.encode()):
            if access is Access.BOTH_KEYS and not hmac.compare_digest(
                headers.get(b"x-withdrawal-key", b""), self.withdrawal_key.encode()
            ):
                raise SandboxError(assumptions.WITHDRAWAL_KEY_REFUSED_STATUS, assumptions.WITHDRAWAL_KEY_REFUSED_ERROR)
            return "merchant"
        if access is not Access.PUBLIC:
            # The documented text (page get-balance-by-currency); no source shows another one for a missing key.
            raise SandboxError(401, "Invalid API key")
        return f"address {client[0]}" if client else "address unknown"
