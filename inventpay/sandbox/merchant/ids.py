"""Made-up identifiers that look like the API's: ids and transaction hashes."""

from __future__ import annotations

import hashlib
import secrets

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id() -> str:
    """Return 25 characters like the cuids of the documentation's payments and withdrawals (``cmh...``)."""
    return "cmh" + "".join(secrets.choice(_ALPHABET) for _ in range(22))


def transaction_hash(withdrawal_id: str) -> str:
    """Return a made-up transaction hash for a withdrawal."""
    return "0x" + hashlib.sha256(withdrawal_id.encode()).hexdigest()
