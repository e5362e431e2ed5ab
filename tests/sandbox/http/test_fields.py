"""Request bodies are read exactly, and every invalid member is reported."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventpay._api import bounds
from inventpay._core.hosts import is_loopback
from inventpay.sandbox import SandboxError
from inventpay.sandbox.http import fields, urls
from inventpay.sandbox.http.body import decode
from inventpay.sandbox.merchant.coins import COINS

PAYMENT = {"amount": 1, "currency": "BTC"}
WITHDRAWAL = {"amount": 1, "currency": "BTC", "destinationAddress": "bc1q" + "a" * 38}


def problems(reader: object, body: object) -> dict[str, str]:
    with pytest.raises(SandboxError) as caught:
        reader(body)  # type: ignore[operator]
    assert caught.value.status == 400
    return dict(caught.value.details or {})


def test_documented_defaults_apply() -> None:
    """A payment lives 30 minutes and an invoice 60 unless they say otherwise, both priced in USDT by default."""
    payment = fields.new_payment(PAYMENT)
    assert (payment.lifetime, payment.amount_currency, payment.coin) == (1800.0, "USDT", COINS["BTC"])
    assert (payment.order_id, payment.description, payment.callback_url) == (None, None, None)
    invoice = fields.new_invoice({"amount": Decimal("0.5")})
    assert (invoice.lifetime, invoice.coin, invoice.amount) == (3600.0, None, Decimal("0.5"))


def test_multi_leaves_the_coin_to_the_payer() -> None:
    """A payment in MULTI has no coin yet, like an invoice, but a payment's lifetime."""
    payment = fields.new_payment({**PAYMENT, "currency": "MULTI"})
    assert (payment.coin, payment.lifetime) == (None, 1800.0)


@pytest.mark.parametrize("body", [None, [], "x", 1, Decimal("1.5"), True])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    """Only a JSON object can be a request."""
    assert problems(fields.new_payment, body) == {"body": "The request body must be a JSON object"}


def test_all_problems_are_named_at_once() -> None:
    """Each bad or missing member has its own message; good ones have none."""
    body = {"amount": -1, "orderId": "x" * 101, "description": 5, "expirationMinutes": 4, "callbackUrl": "ftp://x"}
    assert set(problems(fields.new_payment, body)) == {*body, "currency"}
    assert problems(fields.new_withdrawal, {"amount": None}) == {
        "amount": "Is required",
        "currency": "Is required",
        "destinationAddress": "Is required",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orderId", "x" * 100),
        ("orderId", ""),
        ("description", "\N{BANKNOTE WITH EURO SIGN}" * 500),
        ("expirationMinutes", 5),
        ("expirationMinutes", 1440),
        ("expirationMinutes", Decimal("30.0")),
        ("callbackUrl", "https://shop.example/hook?x=1"),
        ("callbackUrl", "http://127.0.0.1:9000/hook"),
        ("callbackUrl", "http://localhost/hook"),
        ("callbackUrl", "http://[::1]:9000/"),
        ("callbackUrl", "HTTPS://me@shop.example.:65535?x"),
        ("callbackUrl", "https://[2001:db8::1]/hôtel"),
        ("amountCurrency", "SOL"),
        ("orderId", None),
        ("expirationMinutes", None),
    ],
)
def test_values_up_to_the_limits_are_accepted(name: str, value: object) -> None:
    """Documented limits are inclusive, and null is as good as absent."""
    fields.new_payment({**PAYMENT, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orderId", "x" * 101),
        ("orderId", 7),
        ("description", "x" * 501),
        ("expirationMinutes", 4),
        ("expirationMinutes", 1441),
        ("expirationMinutes", Decimal("5.5")),
        ("expirationMinutes", Decimal("1E999999999")),
        ("expirationMinutes", "30"),
        ("expirationMinutes", True),
        ("callbackUrl", "http://shop.example/hook"),
        ("callbackUrl", "https://"),
        ("callbackUrl", "https://[::1"),
        ("callbackUrl", "https://shop.example:99999/"),
        ("callbackUrl", "https://shop.example:0/"),
        ("callbackUrl", "https://shop.example/a b"),
        ("callbackUrl", "https://shop.example/\n"),
        ("callbackUrl", "https://shop.example*"),
        ("callbackUrl", "https://shop..example"),
        ("callbackUrl", "https://hôtel.example"),
        ("callbackUrl", "http://127.0.0.256/"),
        ("callbackUrl", "https://shop.example/" + "x" * 2048),
        ("callbackUrl", "shop.example"),
        ("callbackUrl", {}),
        ("amountCurrency", "EUR"),
        ("amountCurrency", []),
        ("currency", "btc"),
        ("amount", "1"),
    ],
)
def test_values_beyond_the_limits_are_refused_under_their_name(name: str, value: object) -> None:
    """A member outside its rule is a 400 whose details name it alone."""
    assert list(problems(fields.new_payment, {**PAYMENT, name: value})) == [name]


@pytest.mark.parametrize(
    ("currency", "address"),
    [
        ("ETH", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"),
        ("USDT_BEP20", "0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb"),
        ("BTC", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("LTC", "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1"),
        ("USDC_SOL", "4Nd1mYtYp9bq8b1o2uQ1rYj2cR7cJzq7vVQkz5s6T8Xw"),
    ],
)
def test_plausible_addresses_are_accepted(currency: str, address: str) -> None:
    """Each coin takes addresses of its own chain, the documentation's sample among them."""
    body = {**WITHDRAWAL, "currency": currency, "destinationAddress": address}
    assert fields.new_withdrawal(body).destination_address == address


@pytest.mark.parametrize(
    ("currency", "address"),
    [
        ("ETH", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("ETH", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22G"),
        ("ETH", "0x12"),
        ("BTC", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"),
        ("BTC", "bc1q ar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("BTC", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq\n"),
        ("SOL", ""),
        ("SOL", "x" * 101),
        ("SOL", 5),
    ],
)
def test_addresses_of_another_chain_are_refused(currency: str, address: object) -> None:
    """An address that cannot belong to the coin's chain is a 400 under destinationAddress."""
    body = {**WITHDRAWAL, "currency": currency, "destinationAddress": address}
    assert list(problems(fields.new_withdrawal, body)) == ["destinationAddress"]


def test_a_wrong_currency_alone_is_reported_in_the_documented_words() -> None:
    """The error reads "Invalid currency" and the details list all permitted ones."""
    with pytest.raises(SandboxError) as caught:
        fields.new_withdrawal({**WITHDRAWAL, "currency": "MULTI"})
    assert caught.value.error == "Invalid currency"
    assert caught.value.details == {"currency": f"Must be one of: {', '.join(COINS)}"}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "is empty"),
        (b"{'a': 1}", "is not JSON"),
        (b'{"a": NaN}', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'"\xff"', "is not UTF-8"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"1e99999999999999999999999", "contains a number that is out of range"),
        (b"1" * 100_000, "contains a number that is out of range"),
    ],
)
def test_bytes_that_are_no_json_are_refused_with_the_reason(body: bytes, complaint: str) -> None:
    """Bytes that are not JSON are answered with 400 and the reason."""
    assert complaint in problems(decode, body)["body"]


def test_numbers_are_read_exactly() -> None:
    """No number passes through a binary float."""
    assert decode(b'{"amount": 0.1000000000000000055511151231257827}') == {
        "amount": Decimal("0.1000000000000000055511151231257827")
    }


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("A.B.LocalHost.", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("[::2]", False),
        ("10.0.0.1", False),
    ],
)
def test_client_and_sandbox_have_one_rule_of_loopback(host: str, accepted: bool) -> None:
    """A callback over plain http is accepted by both for hosts of this machine only, in any spelling."""
    url = f"http://{host}:3000/hook"
    assert urls.is_callback(url) == is_loopback(host) == accepted
    assert not urls.is_callback(f"http://{host}:0/hook")
    if accepted:
        assert fields.new_payment({**PAYMENT, "callbackUrl": url}).callback_url == url
    else:
        assert list(problems(fields.new_payment, {**PAYMENT, "callbackUrl": url})) == ["callbackUrl"]


def test_client_and_sandbox_have_one_table_of_bounds() -> None:
    """The sandbox accepts the longest text that the client sends, and refuses one character more."""
    for name, most in (("orderId", bounds.ORDER_ID_LENGTH), ("description", bounds.DESCRIPTION_LENGTH)):
        fields.new_payment({**PAYMENT, name: "x" * most})
        assert list(problems(fields.new_payment, {**PAYMENT, name: "x" * (most + 1)})) == [name]
    low, high = bounds.EXPIRATION_MINUTES
    for minutes in (low, high):
        assert fields.new_payment({**PAYMENT, "expirationMinutes": minutes}).lifetime == 60.0 * minutes
    for minutes in (low - 1, high + 1):
        assert list(problems(fields.new_payment, {**PAYMENT, "expirationMinutes": minutes})) == ["expirationMinutes"]
