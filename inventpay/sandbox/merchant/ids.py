"""Made-up identifiers that look like the API's: ids, receiving addresses, transaction hashes."""

from __future__ import annotations

import hashlib
import secrets

from .coins import Coin

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id() -> str:
    """25 characters shaped like the cuids of the documentation's payments and withdrawals (`cmh...`)."""
    return "cmh" + "".join(secrets.choice(_ALPHABET) for _ in range(22))


def address(coin: Coin, payment_id: str) -> str:
    """Where a payer would send `coin` for this payment; no wallet accepts it."""
    digest = hashlib.sha256(f"{coin.code} {payment_id}".encode()).hexdigest()
    return (coin.address_prefix + digest)[: coin.address_length]


def transaction_hash(withdrawal_id: str) -> str:
    return "0x" + hashlib.sha256(withdrawal_id.encode()).hexdigest()
