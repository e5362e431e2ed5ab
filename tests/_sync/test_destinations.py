# Generated from tests/_async/test_destinations.py by tools/generate_sync.py. Do not edit.
"""Withdrawals, and the check of idempotency keys with one, go to addresses and in amounts that the coin has."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from inventpay import InvalidArgumentError
from tests.support.api import ScriptedAPI, answers
from tests.support.clients import scripted_client
from tests.support.documented import document

TRANSACTION = "0x" + "5c" * 32
MAIN = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
TEST = "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"
LIVE_KEY = "pk_live_4f9a2c7e1b8d"
TEST_KEY = "pk_test_4f9a2c7e1b8d"


def echo(currency: str, address: str) -> bytes:
    held = document("withdrawal.docs-pending")
    held["data"] |= {"currency": currency, "destinationAddress": address, "amount": "1", "withdrawalId": uuid4().hex}
    return json.dumps(held).encode()


@pytest.mark.parametrize(
    ("currency", "address", "amount", "argument"),
    [
        ("USDT_BEP20", TRANSACTION, "1", "destination_address"),
        ("BTC", MAIN[:-1] + "U", "1", "destination_address"),
        ("BTC", TEST, "1", "destination_address"),
        ("BTC", MAIN, "0.123456789", "amount"),
    ],
)
def test_what_the_coin_cannot_have_is_refused_before_anything_is_sent(
    currency: str, address: str, amount: str, argument: str
) -> None:
    """A wrong address or more digits than the coin has is an argument error, and nothing was sent."""
    api = ScriptedAPI()
    with scripted_client(api, api_key=LIVE_KEY, base_url="https://api.example.com") as client:
        for call in (client.withdrawals.create, client.check):
            more = {} if call == client.withdrawals.create else {"idempotency": "withdrawal"}
            with pytest.raises(InvalidArgumentError) as caught:
                call(amount=amount, currency=currency, destination_address=address, **more)  # type: ignore[operator]
            assert caught.value.argument == argument
    assert api.requests == []


def test_the_user_can_leave_the_check_to_the_server() -> None:
    """``check_address=False`` sends any address in ASCII; the digits of the amount are still checked."""
    api = ScriptedAPI(answers(200, echo("BTC", TEST)))
    with scripted_client(api, api_key=LIVE_KEY, base_url="https://api.example.com") as client:
        paid = client.withdrawals.create(amount=1, currency="BTC", destination_address=TEST, check_address=False)
        with pytest.raises(InvalidArgumentError, match="8"):
            client.withdrawals.create(
                amount="0.000000001", currency="BTC", destination_address=MAIN, check_address=False
            )
    assert paid.destination_address == TEST
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("key", "host"),
    [(TEST_KEY, "https://api.example.com"), (LIVE_KEY, "http://127.0.0.1:9"), (LIVE_KEY, "http://shop.localhost:9")],
)
def test_addresses_of_test_networks_pass_where_no_real_money_is(key: str, host: str) -> None:
    """Test keys and loopback hosts take addresses of test networks."""
    api = ScriptedAPI(answers(200, echo("BTC", TEST)))
    with scripted_client(api, api_key=key, base_url=host) as client:
        paid = client.withdrawals.create(amount=1, currency="BTC", destination_address=TEST)
    assert paid.destination_address == TEST
