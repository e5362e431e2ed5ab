"""Receiving addresses: safe by default, valid on request."""

from __future__ import annotations

import re

import pytest

from inventpay.sandbox import Sandbox
from inventpay.sandbox.merchant.addresses import address, base58, caution, segwit
from inventpay.sandbox.merchant.coins import COINS

EVM = re.compile(r"0x[0-9a-f]{40}")
SOLANA = re.compile(r"[1-9A-HJ-NP-Za-km-z]{43,44}")
PROGRAM = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("bc", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("tb", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
    ],
)
def test_segwit_addresses_have_the_checksum_of_bip_173(prefix: str, text: str) -> None:
    """Segwit addresses are those of the examples of BIP 173."""
    assert segwit(prefix, PROGRAM) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"Hello World!", "2NEpo7TZRRrLZSi2U"), (bytes.fromhex("0000287fb4cd"), "11233QC4"), (b"", "")],
)
def test_base58_keeps_leading_zeros(data: bytes, text: str) -> None:
    """The examples of the draft on Base58."""
    assert base58(data) == text


@pytest.mark.parametrize("code", sorted(COINS))
def test_no_wallet_with_real_coins_accepts_a_safe_address(code: str) -> None:
    """Each payment has an address of its own: of the test network, or with letters that no address has."""
    first, second = address(COINS[code], "cmh1"), address(COINS[code], "cmh2")
    assert first != second == address(COINS[code], "cmh2")
    assert not any(shape.fullmatch(first) for shape in (EVM, SOLANA))
    assert not first.startswith(("bc1", "ltc1"))
    if code in ("BTC", "LTC"):
        assert re.fullmatch(r"t(b|ltc)1q[02-9ac-hj-np-z]{38}", first)
    else:
        assert len(first) == (42 if COINS[code].is_evm else 44)
    assert "refuse it" in caution(first)


@pytest.mark.parametrize("code", sorted(COINS))
def test_valid_addresses_are_those_of_the_main_networks(code: str) -> None:
    """They have the form of their chain, and the page says that coins sent there are lost."""
    payment_id = "cmh1"
    text = address(COINS[code], payment_id, "valid")
    shape = {"BTC": re.compile("bc1q[02-9ac-hj-np-z]{38}"), "LTC": re.compile("ltc1q[02-9ac-hj-np-z]{38}")}
    assert shape.get(code, EVM if COINS[code].is_evm else SOLANA).fullmatch(text)
    assert "are lost" in caution(text)


def test_the_kind_of_addresses_is_chosen_once_for_a_sandbox() -> None:
    """`addresses="valid"` reaches payments and invoices; another word is refused."""
    sandbox = Sandbox(addresses="valid")
    with sandbox.client() as client:
        payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
        invoice = client.invoices.create(amount=5, amount_currency="USD")
    assert str(payment.address).startswith("bc1q")
    assert str(sandbox.select(invoice.payment_id, "LTC").address).startswith("ltc1q")
    with pytest.raises(ValueError, match='"safe" or "valid", not'):
        Sandbox(addresses="real")  # type: ignore[arg-type]
