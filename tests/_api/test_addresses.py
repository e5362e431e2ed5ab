"""Destination addresses are held to the form and checksum of their chain."""

from __future__ import annotations

import contextlib
import hashlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api.addresses import check_address, check_decimal_places
from inventpay._api.keccak import keccak_256
from inventpay.errors import InvalidArgumentError

EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
BASE58_BTC = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
SEGWIT = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
TEST_SEGWIT = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
SOLANA = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def problem(address: str, currency: str, testnet: bool = False) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        check_address(address, currency, testnet=testnet)
    assert caught.value.argument == "destination_address"
    assert "check_address=False" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("currency", "address"),
    [
        ("ETH", EVM),
        ("USDT_BEP20", EVM.lower()),
        ("USDC_BEP20", "0x" + EVM[2:].upper()),
        ("USDT_ERC20", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"),
        ("BTC", BASE58_BTC),
        ("BTC", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
        ("BTC", SEGWIT),
        ("BTC", SEGWIT.upper()),
        ("BTC", TAPROOT),
        ("SOL", SOLANA),
        ("USDC_SOL", SOLANA),
        ("DOGE_OF_TOMORROW", "anything-goes"),
    ],
)
def test_real_addresses_pass(currency: str, address: str) -> None:
    """Addresses of EIP-55, BIP-173, BIP-350 and the chains themselves pass, and so does any text of an unknown coin."""
    check_address(address, currency)


@pytest.mark.parametrize(
    ("currency", "address", "text"),
    [
        ("ETH", EVM[:-1], "40 hexadecimal digits"),
        ("ETH", EVM[2:], "40 hexadecimal digits"),
        ("ETH", EVM.replace("aAeb", "AAeb"), "EIP-55"),
        ("ETH", "0x" + "0" * 40, "zero address"),
        ("ETH", "0x" + "a1" * 32, "transaction hash"),
        ("ETH", SEGWIT, "40 hexadecimal digits"),
        ("BTC", EVM, "form of an address of Bitcoin"),
        ("BTC", "a1" * 32, "transaction hash"),
        ("BTC", BASE58_BTC[:-1] + "b", "base58check"),
        ("BTC", "1111111111111111111114oLvT2", "zero address"),
        ("BTC", SEGWIT[:-1] + "p", "bech32"),
        ("BTC", SEGWIT[:-1] + "Q", "mixes capital and small"),
        ("BTC", TEST_SEGWIT, "test network"),
        ("BTC", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "test network"),
        ("BTC", "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx", "bech32m"),
        ("LTC", BASE58_BTC, "another chain"),
        ("LTC", SEGWIT, "form of an address of Litecoin"),
        ("SOL", EVM, "base58"),
        ("SOL", SOLANA[:-3], "bytes; an address of Solana has 32"),
        ("SOL", "1" * 32, "zero address"),
        ("SOL", "2" * 88, "transaction signature"),
        ("SOL", "2" * 255, "too long"),
        ("NEW_COIN", "zwölf", "ASCII"),
        ("BTC", "bс1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "ASCII"),
    ],
)
def test_wrong_addresses_are_refused(currency: str, address: str, text: str) -> None:
    """An address of another chain, with a typo, of nothing or of a transaction is refused with its reason."""
    assert text in problem(address, currency)


def test_test_networks_pass_where_allowed() -> None:
    """Addresses of test networks pass with ``testnet``, and their checksums still count."""
    check_address(TEST_SEGWIT, "BTC", testnet=True)
    check_address("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "BTC", testnet=True)
    assert "bech32" in problem(TEST_SEGWIT[:-1] + "z", "BTC", testnet=True)


@given(address=st.sampled_from([BASE58_BTC, SEGWIT, TAPROOT]), data=st.data())
def test_one_wrong_character_is_always_found(address: str, data: st.DataObject) -> None:
    """No single wrong character of a Bitcoin address passes, whichever it is and wherever it stands."""
    place = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(st.sampled_from("023456789acdefghjklmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"))
    changed = address[:place] + other + address[place + 1 :]
    if changed != address:
        problem(changed, "BTC")


@given(address=st.text(max_size=100), currency=st.sampled_from(["BTC", "LTC", "ETH", "SOL", "X"]))
def test_no_text_breaks_the_check(address: str, currency: str) -> None:
    """Any text either passes or raises InvalidArgumentError."""
    with contextlib.suppress(InvalidArgumentError):
        check_address(address, currency, testnet=True)


@given(data=st.binary(max_size=600))
def test_the_hash_equals_sha3_but_for_the_padding(data: bytes) -> None:
    """With the padding byte of SHA-3 the hash equals hashlib's, across the ends of blocks."""
    assert keccak_256(data, padding=6) == hashlib.sha3_256(data).digest()


@pytest.mark.parametrize(
    ("currency", "amount", "fits"),
    [
        ("BTC", "0.00000001", True),
        ("BTC", "0.000000001", False),
        ("USDT_ERC20", "1.0000001", False),
        ("NEW", "1E-30", True),
    ],
)
def test_amounts_have_at_most_the_digits_of_their_coin(currency: str, amount: str, fits: bool) -> None:
    """More digits after the point than the coin has are refused, and unknown coins are left to the server."""
    if fits:
        check_decimal_places(Decimal(amount), currency)
    else:
        with pytest.raises(InvalidArgumentError, match="digits after the point"):
            check_decimal_places(Decimal(amount), currency)
