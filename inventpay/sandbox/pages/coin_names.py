"""The names of the coins for payers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen
class CoinName:
    """``symbol`` and ``unit`` are short, ``network`` is the chain on which the coin must be sent."""

    name: str
    unit: str
    symbol: str
    network: str


COIN_NAMES: Final[Mapping[str, CoinName]] = {
    "BTC": CoinName("Bitcoin", "BTC", "B", "Bitcoin"),
    "ETH": CoinName("Ether", "ETH", "Ξ", "Ethereum"),
    "LTC": CoinName("Litecoin", "LTC", "Ł", "Litecoin"),
    "USDT_ERC20": CoinName("Tether", "USDT", "₮", "Ethereum (ERC-20)"),
    "USDT_BEP20": CoinName("Tether", "USDT", "₮", "BNB Smart Chain (BEP-20)"),
    "SOL": CoinName("Solana", "SOL", "◎", "Solana"),
    "USDC_SOL": CoinName("USD Coin", "USDC", "$", "Solana"),
    "USDC_BEP20": CoinName("USD Coin", "USDC", "$", "BNB Smart Chain (BEP-20)"),
}
