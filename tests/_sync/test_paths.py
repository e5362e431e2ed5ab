# Generated from tests/_async/test_paths.py by tools/generate_sync.py. Do not edit.
"""An id is one segment of a path, whatever characters it is made of."""

from __future__ import annotations

import pytest

from inventpay import InventPay, InvalidArgumentError, NotFoundError
from tests.support.clients import new_key
from tests.support.raw_server import RawServer
from tests.support.unusual_ids import UNUSUAL_IDS, says_404


@pytest.mark.parametrize("odd", UNUSUAL_IDS)
def test_an_unusual_id_reaches_nothing_else(odd: str) -> None:
    """On the wire an id is percent-encoded as a whole: no other path, no query, no second request."""
    with RawServer(says_404) as server:
        with InventPay(new_key(), base_url=server.url) as client:
            with pytest.raises(NotFoundError):
                client.payments.status(odd)
            with pytest.raises(NotFoundError):
                client.withdrawals.get(odd)
        assert server.lines == [
            f"GET /v1/invoice/{UNUSUAL_IDS[odd]}/status HTTP/1.1",
            f"GET /v1/withdrawal/{UNUSUAL_IDS[odd]} HTTP/1.1",
        ]


@pytest.mark.parametrize("refused", ["", ".", "..", "a b", "a\r\nX-Evil: 1", "\0", "x" * 256])
def test_what_is_no_id_is_refused_before_anything_is_sent(refused: str) -> None:
    """Empty ids would reach the list behind them, dots another folder, and line breaks the headers."""
    with InventPay(new_key()) as client:
        for call in (client.payments.status, client.withdrawals.get):
            with pytest.raises(InvalidArgumentError) as caught:
                call(refused)
            assert caught.value.outcome == "not_sent"
        with pytest.raises(InvalidArgumentError):
            client.payment_link(refused)


@pytest.mark.parametrize("coin", ["../balance", "btc", "BTC?x=1", "", "BTC/"])
def test_what_is_no_currency_is_refused_before_anything_is_sent(coin: str) -> None:
    """A currency is letters, digits and underscores, so there is nothing to encode."""
    with InventPay(new_key()) as client:
        with pytest.raises(InvalidArgumentError):
            client.balances.get(coin)


@pytest.mark.parametrize("path", ["/v1/../admin", "/v1/%2e%2e/admin", "/v1//x", "/v1/a?b=c", "//evil.example/", "v1"])
def test_the_escape_hatch_stays_below_the_base_url(path: str) -> None:
    """A path with dots, a query or a host in it is refused."""
    with InventPay(new_key()) as client:
        with pytest.raises(InvalidArgumentError):
            client.request("GET", path)
