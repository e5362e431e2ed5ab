"""Checks of destination addresses: the form and the checksum of the coin's chain, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

from .arguments import refused_value
from .keccak import keccak_256

# Digits after the point of each coin's smallest unit. assumed for tokens: the contracts that the exchanges list,
# USDT with 6 digits on Ethereum, USDT and USDC with 18 on BNB Smart Chain, USDC with 6 on Solana.
DECIMAL_PLACES: Final = {
    "BTC": 8,
    "LTC": 8,
    "ETH": 18,
    "USDT_ERC20": 6,
    "USDT_BEP20": 18,
    "USDC_BEP20": 18,
    "SOL": 9,
    "USDC_SOL": 6,
}

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECK: Final = 1
_BECH32M_CHECK: Final = 0x2BC830A3  # BIP-350
_HASH: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_ANYTHING_ELSE: Final = "copy the address again, or pass check_address=False if it is right"


@dataclass(frozen=True, slots=True)
class _BitcoinLike:
    """The prefixes of a chain whose addresses have Bitcoin's forms."""

    name: str
    versions: frozenset[int]
    prefixes: frozenset[str]
    test_versions: frozenset[int]
    test_prefixes: frozenset[str]


# Source: chainparams.cpp of Bitcoin Core and of Litecoin Core. Litecoin's old version 5 ("3...") is left out: it cannot
# be distinguished from a Bitcoin address, and every such address has an "M..." form.
_BITCOIN: Final = _BitcoinLike(
    "Bitcoin", frozenset({0, 5}), frozenset({"bc"}), frozenset({111, 196}), frozenset({"tb", "bcrt"})
)
_LITECOIN: Final = _BitcoinLike(
    "Litecoin", frozenset({48, 50}), frozenset({"ltc"}), frozenset({111, 58, 196}), frozenset({"tltc", "rltc"})
)


def check_address(address: str, currency: str, *, testnet: bool = False, argument: str = "destination_address") -> None:
    """Raise InvalidArgumentError for an address that cannot belong to the coin's chain.

    Coins that this version does not know are only held to ASCII without spaces. With ``testnet``, addresses of the
    chain's test networks pass too; Ethereum, BNB Smart Chain and Solana use one form for all their networks.

    >>> check_address("0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D", "USDT_BEP20")
    """
    problem = _problem(address, currency, testnet)
    if problem is not None:
        raise refused_value(argument, address, f"{problem}; {_ANYTHING_ELSE}")


def check_decimal_places(amount: Decimal, currency: str, argument: str = "amount") -> None:
    """Raise InvalidArgumentError for an amount with more digits after the point than the coin has.

    >>> check_decimal_places(Decimal("0.00000001"), "BTC")
    """
    most = DECIMAL_PLACES.get(currency)
    exponent = amount.as_tuple().exponent
    if most is not None and isinstance(exponent, int) and -exponent > most:
        raise refused_value(
            argument, amount, f"has {-exponent} digits after the point; {currency} has at most {most}: round it"
        )


def _problem(address: str, currency: str, testnet: bool) -> str | None:
    if not re.fullmatch(r"[!-~]+", address):
        return "must be ASCII without spaces"
    check = _CHECKS.get(currency)
    if check is None:
        return None
    if _HASH.fullmatch(address):
        return "is a transaction hash or a private key, not an address"
    return check(address, testnet)


def _evm_problem(address: str, _testnet: bool) -> str | None:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
        return 'must be "0x" and 40 hexadecimal digits'
    digits = address[2:]
    if not digits.strip("0"):
        return "is the zero address, and what is sent there is lost"
    if digits not in (digits.lower(), digits.upper()) and digits != _checksummed(digits):
        return "has a wrong checksum in its capital letters (EIP-55)"
    return None


def _checksummed(digits: str) -> str:
    """Return 40 hexadecimal digits in the letter case of EIP-55."""
    lower = digits.lower()
    nibbles = keccak_256(lower.encode()).hex()
    return "".join(c.upper() if int(n, 16) >= 8 else c for c, n in zip(lower, nibbles, strict=False))


def _solana_problem(address: str, _testnet: bool) -> str | None:
    if len(address) > 100:
        return "is too long for an address of Solana"
    raw = _base58_decode(address)
    if raw is None:
        return "must be base58 (no 0, O, I or l)"
    if len(raw) == 64:
        return "is a transaction signature of Solana, not an address"
    if len(raw) != 32:
        return f"has {len(raw)} bytes; an address of Solana has 32"
    if not any(raw):
        return "is the zero address (the System Program), and what is sent there is lost"
    return None


def _bitcoin_like_check(chain: _BitcoinLike) -> Callable[[str, bool], str | None]:
    def problem(address: str, testnet: bool) -> str | None:
        if address.lower().startswith(tuple(f"{prefix}1" for prefix in chain.prefixes | chain.test_prefixes)):
            return _segwit_problem(address, chain, testnet)
        return _base58check_problem(address, chain, testnet)

    return problem


def _base58check_problem(address: str, chain: _BitcoinLike, testnet: bool) -> str | None:
    if not 25 <= len(address) <= 36:
        return f"does not have the form of an address of {chain.name}"
    raw = _base58_decode(address)
    if raw is None or len(raw) != 25:
        return f"does not have the form of an address of {chain.name}"
    payload, check = raw[:-4], raw[-4:]
    if sha256(sha256(payload).digest()).digest()[:4] != check:
        return "has a wrong checksum (base58check), so a character is wrong"
    if payload[0] not in chain.versions:
        if payload[0] not in chain.test_versions:
            return f"belongs to another chain than {chain.name}"
        if not testnet:
            return f"belongs to a test network of {chain.name}"
    return "is the zero address, and what is sent there is lost" if not any(payload[1:]) else None


def _segwit_problem(address: str, chain: _BitcoinLike, testnet: bool) -> str | None:
    """Check a native segregated-witness address (BIP-173 and BIP-350)."""
    if address not in (address.lower(), address.upper()):
        return "mixes capital and small letters, which bech32 does not allow"
    prefix, _, text = address.lower().rpartition("1")
    if len(address) > 90 or len(text) < 8 or any(character not in _BECH32 for character in text):
        return f"does not have the form of an address of {chain.name}"
    if prefix not in chain.prefixes | chain.test_prefixes:
        return f"belongs to another chain than {chain.name}"
    values = [_BECH32.index(character) for character in text]
    version = values[0]
    if _bech32_polymod(prefix, values) != (_BECH32M_CHECK if version else _BECH32_CHECK):
        return f"has a wrong checksum ({'bech32m' if version else 'bech32'}), so a character is wrong"
    program = _eight_bits(values[1:-6])
    if program is None or version > 16 or not 2 <= len(program) <= 40:
        return f"does not have the form of an address of {chain.name}"
    if (version == 0 and len(program) not in (20, 32)) or (version == 1 and len(program) != 32):
        return f"has a witness program of {len(program)} bytes, which version {version} does not allow"
    if prefix in chain.test_prefixes and not testnet:
        return f"belongs to a test network of {chain.name}"
    return "is the zero address, and what is sent there is lost" if not any(program) else None


def _bech32_polymod(prefix: str, values: list[int]) -> int:
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in [*expanded, *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check


def _eight_bits(values: list[int]) -> bytes | None:
    """Return groups of 5 bits as bytes, or None where the padding is not at most 4 zero bits."""
    number = 0
    for value in values:
        number = number << 5 | value
    padding = len(values) * 5 % 8
    if padding > 4 or number & ((1 << padding) - 1):
        return None
    return (number >> padding).to_bytes(len(values) * 5 // 8, "big")


def _base58_decode(text: str) -> bytes | None:
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


_CHECKS: Final[dict[str, Callable[[str, bool], str | None]]] = {
    "BTC": _bitcoin_like_check(_BITCOIN),
    "LTC": _bitcoin_like_check(_LITECOIN),
    "ETH": _evm_problem,
    "USDT_ERC20": _evm_problem,
    "USDT_BEP20": _evm_problem,
    "USDC_BEP20": _evm_problem,
    "SOL": _solana_problem,
    "USDC_SOL": _solana_problem,
}
