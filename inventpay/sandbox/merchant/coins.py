"""The coins a payer can use, and the conversion of amounts."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import attrs

from .. import assumptions
from .money import EXACT

# Documented by the official JS client, MCP server and skill; the documentation pages name the first five.
CURRENCIES = ("BTC", "ETH", "LTC", "USDT_ERC20", "USDT_BEP20", "SOL", "USDC_SOL", "USDC_BEP20")
AMOUNT_CURRENCIES = ("USD", "USDT", "BTC", "ETH", "LTC", "SOL")

_EVM = ("ETH", "USDT_ERC20", "USDT_BEP20", "USDC_BEP20")

# The official JS client's `MULTI`: the payer chooses the coin, as with an invoice.
ANY_COIN = "MULTI"


@attrs.frozen
class Coin:
    """A coin on its chain. ``price`` and fees are fixed in the sandbox; amounts are in the coin itself."""

    code: str
    scale: int
    price: Decimal
    confirmations: int
    network_fee: Decimal
    is_evm: bool
    """Whether its addresses are those of Ethereum."""

    def converted(self, amount: Decimal, amount_currency: str) -> Decimal:
        """Return ``amount`` of ``amount_currency`` in this coin, rounded up to its decimal places."""
        value = Fraction(amount) * Fraction(assumptions.PRICES[amount_currency]) / Fraction(self.price)
        return Decimal(math.ceil(value * Fraction(10) ** self.scale)).scaleb(-self.scale, EXACT)


def _coin(code: str) -> Coin:
    return Coin(
        code=code,
        scale=assumptions.SCALES[code],
        price=assumptions.PRICES[code.partition("_")[0]],
        confirmations=assumptions.CONFIRMATIONS[code],
        network_fee=assumptions.NETWORK_FEES[code],
        is_evm=code in _EVM,
    )


COINS = {code: _coin(code) for code in CURRENCIES}
