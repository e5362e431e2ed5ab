"""Receiving addresses of made-up payments, in three forms.

- Chains whose test network has a form of its own get a valid address of it: a wallet of the test network accepts it,
  and one of the main network does not.
- The other coins get text of the right length that every wallet refuses: it has letters that the alphabet lacks.
- ``"valid"`` addresses are those of the main network, for tests of validators. Money sent to one is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

from .coins import Coin

Addresses: TypeAlias = Literal["safe", "valid"]
"""``"safe"``: no wallet of a main network accepts them. ``"valid"``: every wallet does."""

ADDRESSES: Final = ("safe", "valid")

_REFUSED: Final = "SandboxDoNotPay0"
"""Has letters that are no hexadecimal digits, and a zero, which base58 lacks."""

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

# Human-readable parts of segwit addresses: main network, test network.
_SEGWIT: Final = {"BTC": ("bc", "tb"), "LTC": ("ltc", "tltc")}

_EVM_LENGTH: Final = 42
_SOLANA_LENGTH: Final = 44


def address(coin: Coin, payment_id: str, form: Addresses = "safe") -> str:
    """Return the address to which a payer would send ``coin`` for this payment."""
    digest = hashlib.sha256(f"{coin.code} {payment_id}".encode()).digest()
    if coin.code in _SEGWIT:
        main, test = _SEGWIT[coin.code]
        return segwit(main if form == "valid" else test, digest[:20])
    if coin.is_evm:
        # Lower case has no checksum (EIP-55), and is valid everywhere.
        return "0x" + (digest.hex() if form == "valid" else _REFUSED + digest.hex())[: _EVM_LENGTH - 2]
    return base58(digest) if form == "valid" else (_REFUSED + digest.hex())[:_SOLANA_LENGTH]


def caution(text: str) -> str:
    """Return the sentence about an address that a payer's page shows."""
    if _REFUSED in text:
        return "made up; wallets refuse it."
    if any(text.startswith(f"{test}1") for _, test in _SEGWIT.values()):
        return "made up, of the test network; wallets with real coins refuse it."
    return "made up and valid; coins that are sent to it are lost."


def segwit(prefix: str, program: bytes) -> str:
    """Return the address of a witness program of version 0 (BIP 173)."""
    data = [0, *_groups_of_five_bits(program)]
    spread = [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]
    checksum = _polymod([*spread, *data, 0, 0, 0, 0, 0, 0]) ^ 1
    data += [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1" + "".join(_BECH32[value] for value in data)


def base58(data: bytes) -> str:
    """Return bytes in the alphabet of Bitcoin, a leading zero byte as ``1``."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _groups_of_five_bits(data: bytes) -> Iterable[int]:
    """Return the bits in groups of five; 20 bytes are 32 groups exactly."""
    number, groups = int.from_bytes(data), len(data) * 8 // 5
    return (number >> 5 * (groups - 1 - place) & 31 for place in range(groups))


def _polymod(values: Sequence[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum
