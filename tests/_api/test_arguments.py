"""Arguments are refused before anything is sent, in words that say what to do."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api import arguments, bounds
from inventpay._api.arguments import identifier
from inventpay._api.endpoints import PAYMENT_STATUS
from inventpay.errors import InvalidArgumentError
from inventpay.models import AmountCurrency, Checkout, Confirmation, Currency, PaymentState, Product
from inventpay.models.enums import FINAL_STATES


class OwnCoin(str, enum.Enum):  # noqa: UP042 - the older way to write it, whose str() is "OwnCoin.BTC"
    """An enum of a caller's own."""

    BTC = "BTC"


class OwnMinutes(int, enum.Enum):
    """An enum of a caller's own, whose str() is no number."""

    HALF_AN_HOUR = 30


def refusal(check: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        check(*args, **kwargs)
    assert isinstance(caught.value, ValueError)
    assert caught.value.argument is not None
    assert caught.value.message.startswith(caught.value.argument)
    return caught.value.message


# Currencies


@pytest.mark.parametrize("code", [*Currency, *AmountCurrency, "MULTI", "XRP", "A1", "A" * 32, "_1"])
def test_known_and_unknown_currencies_pass(code: str) -> None:
    """Codes of a later release go to the server, which knows better; what passes is a plain str."""
    checked = arguments.currency(code, "currency")
    assert checked == code
    assert type(checked) is str


def test_a_callers_own_enum_counts_as_its_text() -> None:
    """Members of ``class Coin(str, Enum)`` are sent as their value, not as ``Coin.BTC``."""
    assert arguments.currency(OwnCoin.BTC, "currency") == "BTC"
    assert type(arguments.currency(OwnCoin.BTC, "currency")) is str
    assert arguments.text(OwnCoin.BTC, "order_id", at_most=100) == "BTC"
    assert f"{arguments.text(OwnCoin.BTC, 'order_id', at_most=100)}" == "BTC"
    assert repr(arguments.expiration_minutes(OwnMinutes.HALF_AN_HOUR)) == "30"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (
            "usdt_bep20",
            "currency='usdt_bep20' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'USDT_BEP20'?",
        ),
        ("Btc", "currency='Btc' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?"),
        (
            "USDT-BEP20",
            "currency='USDT-BEP20' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'USDT_BEP20'?",
        ),
        (
            "usdt",
            "currency='usdt' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'USDT_ERC20' or 'USDT_BEP20'?",
        ),
        ("doge", "currency='doge' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'DOGE'?"),
        ("", "currency='' must be 2 to 32 characters of A-Z, 0-9 and _"),
        ("B", "currency='B' must be 2 to 32 characters of A-Z, 0-9 and _"),
        ("BTC ", "currency='BTC ' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?"),
        ("BTC\n", "currency='BTC\\n' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?"),
        ("ＢＴＣ", "currency='ＢＴＣ' must be 2 to 32 characters of A-Z, 0-9 and _"),
        ("A" * 33, "currency='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' must be 2 to 32 characters of A-Z, 0-9 and _"),
        ("../x", "currency='../x' must be 2 to 32 characters of A-Z, 0-9 and _"),
        (None, 'currency must be a currency code such as "USDT_BEP20", not NoneType'),
        (b"BTC", 'currency must be a currency code such as "USDT_BEP20", not bytes'),
    ],
)
def test_what_is_no_currency_code_is_refused(code: object, problem: str) -> None:
    """What looks like a known code, or like one in lower case, gets a hint; everything else the rule."""
    assert refusal(arguments.currency, code, "currency") == problem


def test_the_currency_of_an_amount_has_codes_of_its_own() -> None:
    """The coin of a payment names its chain, the currency of its amount does not."""
    assert refusal(arguments.currency, "usdt", "amount_currency").endswith("did you mean 'USDT'?")


# Text


@pytest.mark.parametrize("text", ["", "x", "x" * 100, "ü" * 100, "🎉" * 100, "line\nbreak", "\x00"])
def test_text_up_to_its_bound_passes(text: str) -> None:
    """Any text of a hundred characters passes, whatever its bytes; empty text is text."""
    assert arguments.text(text, "order_id", at_most=bounds.ORDER_ID_LENGTH) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x" * 101, "order_id has 101 characters; at most 100 are allowed"),
        (5, "order_id must be a str, not int"),
        (b"x", "order_id must be a str, not bytes"),
        ("\ud800", "order_id holds half of a surrogate pair, which UTF-8 cannot carry; remove it"),
    ],
)
def test_text_that_cannot_be_sent_is_refused(text: object, problem: str) -> None:
    """Too long, no text, or text that has no bytes: the message says which, and the bound."""
    assert refusal(arguments.text, text, "order_id", at_most=bounds.ORDER_ID_LENGTH) == problem


def test_bounds_are_those_of_the_sources() -> None:
    """The bounds of the fact sheet: order ids 100, descriptions 500 characters, 5 to 1440 minutes."""
    assert (bounds.ORDER_ID_LENGTH, bounds.DESCRIPTION_LENGTH) == (100, 500)
    assert bounds.EXPIRATION_MINUTES == (5, 1440)


# Minutes


@pytest.mark.parametrize("minutes", [5, 30, 1440])
def test_minutes_within_bounds_pass(minutes: int) -> None:
    """Both documented bounds are allowed themselves."""
    assert arguments.expiration_minutes(minutes) == minutes


@pytest.mark.parametrize(
    ("minutes", "problem"),
    [
        (4, "expiration_minutes=4 must be between 5 and 1440"),
        (1441, "expiration_minutes=1441 must be between 5 and 1440"),
        (0, "expiration_minutes=0 must be between 5 and 1440"),
        (-30, "expiration_minutes=-30 must be between 5 and 1440"),
        pytest.param(10**5000, "expiration_minutes=<int of more than 60 digits> must be between 5 and 1440", id="huge"),
        (30.0, "expiration_minutes must be a whole number of minutes, not float"),
        ("30", "expiration_minutes must be a whole number of minutes, not str"),
        (True, "expiration_minutes must be a whole number of minutes, not bool"),
    ],
)
def test_minutes_out_of_bounds_are_refused_with_the_bounds(minutes: object, problem: str) -> None:
    """The message names both bounds; a bool is no number of minutes."""
    assert refusal(arguments.expiration_minutes, minutes) == problem


# Callback URLs


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/webhooks",
        "HTTPS://shop.example/webhooks",
        "https://shop.example:8443/webhooks?token=a@b#x",
        "https://[2001:db8::1]/hook",
        "http://localhost:8000/hook",
        "http://shop.localhost/hook",
        "http://127.0.0.1/hook",
        "http://127.0.0.2:9/hook",
        "http://[::1]:8000/hook",
    ],
)
def test_https_and_loopback_callbacks_pass(url: str) -> None:
    """Webhooks go to https, and to this machine over http for the sandbox."""
    assert arguments.callback_url(url) == url


SCHEME = 'must start with "https://" and name a host ("http://" is for loopback hosts only)'


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://evil.example/hook", f"callback_url='http://evil.example/hook' {SCHEME}"),
        ("http://localhost.evil.example/", f"callback_url='http://localhost.evil.example/' {SCHEME}"),
        ("http://127.0.0.1.evil.example/", f"callback_url='http://127.0.0.1.evil.example/' {SCHEME}"),
        ("http://[::2]/", f"callback_url='http://[::2]/' {SCHEME}"),
        ("javascript:alert(1)", f"callback_url='javascript:alert(1)' {SCHEME}"),
        ("//shop.example/hook", f"callback_url='//shop.example/hook' {SCHEME}"),
        ("shop.example/hook", f"callback_url='shop.example/hook' {SCHEME}"),
        ("https:///hook", f"callback_url='https:///hook' {SCHEME}"),
        ("https://:443/hook", f"callback_url='https://:443/hook' {SCHEME}"),
        ("", f"callback_url='' {SCHEME}"),
        ("https://[bad", "callback_url is not a URL: Invalid IPv6 URL"),
        ("https://shop.example:x/", "callback_url is not a URL: Port could not be cast to integer value as 'x'"),
        ("https://shop.example:99999/", "callback_url is not a URL: Port out of range 0-65535"),
        (
            "https://user:hunter2@shop.example/",
            "callback_url must not hold a user name or password; deliveries are signed instead",
        ),
        (
            "http://localhost@evil.example/",
            "callback_url must not hold a user name or password; deliveries are signed instead",
        ),
        (
            "https://:hunter2@shop.example/",
            "callback_url must not hold a user name or password; deliveries are signed instead",
        ),
        (
            "https://shop.example/a b",
            "callback_url must be printable ASCII without spaces; percent-encode everything else",
        ),
        (
            "https://shop.example/\n",
            "callback_url must be printable ASCII without spaces; percent-encode everything else",
        ),
        (
            "https://bücher.example/",
            "callback_url must be printable ASCII without spaces; percent-encode everything else",
        ),
        ("https://shop.example/" + "x" * 2048, "callback_url has 2069 characters; at most 2048 are allowed"),
        (None, "callback_url must be a str, not NoneType"),
    ],
)
def test_other_callbacks_are_refused(url: object, problem: str) -> None:
    """Plain http elsewhere, other schemes, credentials and broken URLs are refused; no password is shown."""
    message = refusal(arguments.callback_url, url)
    assert message == problem
    assert "hunter2" not in message


# States and durations


class OwnState(str, enum.Enum):  # noqa: UP042 - the older way to write it
    """An enum of a caller's own, whose members hash by another name than the API's."""

    DONE = "COMPLETED"


@pytest.mark.parametrize(
    ("until", "names"),
    [
        (None, set()),
        ("COMPLETED", {"COMPLETED"}),
        (PaymentState.EXPIRED, {"EXPIRED"}),
        (OwnState.DONE, {"COMPLETED"}),
        ([PaymentState.COMPLETED, "COMPLETED", "EXPIRED"], {"COMPLETED", "EXPIRED"}),
        (FINAL_STATES, {"COMPLETED", "SETTLED", "EXPIRED", "FAILED", "CANCELLED"}),
    ],
)
def test_states_to_wait_for(until: object, names: set[str]) -> None:
    """One state, several, or none in particular."""
    assert arguments.states(until) == names


@pytest.mark.parametrize(
    "until", ["", [], [""], ["COMPLETED", None], [["COMPLETED"]], 5, b"COMPLETED", iter(["COMPLETED"])]
)
def test_what_is_no_state_is_refused(until: object) -> None:
    """An empty list would wait for nothing, and a number for ever."""
    assert refusal(arguments.states, until) == 'until must be a payment state such as "COMPLETED", or several'


@pytest.mark.parametrize(
    ("value", "read"), [(0, 0.0), (5, 5.0), (0.25, 0.25), (timedelta(minutes=1), 60.0), (timedelta(0), 0.0)]
)
def test_durations_are_seconds_or_a_timedelta(value: object, read: float) -> None:
    """Numbers are seconds; a timedelta says its own unit."""
    assert arguments.duration(value, "timeout") == read


@pytest.mark.parametrize(
    ("value", "above_zero", "problem"),
    [
        (-1, False, "every=-1 must be 0 or more seconds, and finite"),
        (0, True, "every=0 must be more than 0 seconds, and finite"),
        (-0.5, True, "every=-0.5 must be more than 0 seconds, and finite"),
        (math.nan, False, "every=nan must be 0 or more seconds, and finite"),
        (math.inf, False, "every=inf must be 0 or more seconds, and finite"),
        pytest.param(
            10**5000, False, "every=<int of more than 60 digits> must be 0 or more seconds, and finite", id="huge"
        ),
        (
            timedelta(seconds=-1),
            False,
            "every=datetime.timedelta(days=-1, seconds=86399) must be 0 or more seconds, and finite",
        ),
        (True, False, "every must be seconds as a number or a timedelta, not bool"),
        ("5", False, "every must be seconds as a number or a timedelta, not str"),
        (None, False, "every must be seconds as a number or a timedelta, not NoneType"),
    ],
)
def test_what_is_no_duration_is_refused(value: object, above_zero: bool, problem: str) -> None:
    """Negative, endless, or no duration at all."""
    assert refusal(arguments.duration, value, "every", above_zero=above_zero) == problem


# Addresses


@pytest.mark.parametrize("address", ["0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb", "bc1q", "x" * 255, "ü"])
def test_one_word_is_an_address(address: str) -> None:
    """Each chain has rules of its own; only that it is one word is checked."""
    assert arguments.address(address) == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("", "destination_address='' must be non-empty text without spaces"),
        (" ", "destination_address=' ' must be non-empty text without spaces"),
        ("0x1 0x2", "destination_address='0x1 0x2' must be non-empty text without spaces"),
        ("0x1\n", "destination_address='0x1\\n' must be non-empty text without spaces"),
        ("0x1\u200b", "destination_address='0x1\\u200b' must be non-empty text without spaces"),
        ("x" * 256, "destination_address has 256 characters; at most 255 are allowed"),
        (None, "destination_address must be a str, not NoneType"),
    ],
)
def test_what_is_not_one_word_is_no_address(address: object, problem: str) -> None:
    """Empty, several words, or a word with an invisible character from a copied page."""
    assert refusal(arguments.address, address) == problem


# Ids


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("cmh123abc456def", "cmh123abc456def"),
        ("../merchant/balance", "..%2Fmerchant%2Fbalance"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        ("ü/ß", "%C3%BC%2F%C3%9F"),
        ("a\\b", "a%5Cb"),
        ("x;y", "x%3By"),
        ("~a.b-c_", "~a.b-c_"),
    ],
)
def test_ids_become_one_encoded_segment(value: str, encoded: str) -> None:
    """An id of any characters stays one segment of the path."""
    path = PAYMENT_STATUS.path(paymentId=identifier(value, "payment_id"))
    assert path == f"/v1/invoice/{encoded}/status"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "payment_id='' must be non-empty text without spaces"),
        (" ", "payment_id=' ' must be non-empty text without spaces"),
        ("a b", "payment_id='a b' must be non-empty text without spaces"),
        ("a\r\nX: y", "payment_id='a\\r\\nX: y' must be non-empty text without spaces"),
        ("\u00a0", "payment_id='\\xa0' must be non-empty text without spaces"),
        (".", "payment_id='.' is a directory step, not an id"),
        ("..", "payment_id='..' is a directory step, not an id"),
        ("\ud800", "payment_id holds half of a surrogate pair, which UTF-8 cannot carry; remove it"),
        ("x" * 300, "payment_id has 300 characters; at most 255 are allowed"),
        (None, "payment_id must be a str, not NoneType"),
        (5, "payment_id must be a str, not int"),
        ({"payment_id": "x"}, "payment_id must be a str, not dict"),
        (Confirmation(message="done"), "payment_id must be a str, not Confirmation"),
        (Checkout(payment_id="cmh1", order_id="o"), "payment_id must be a str, not Checkout; pass its payment_id"),
        (Product(id="p", price=Decimal(1)), "payment_id must be a str, not Product; pass its id"),
    ],
)
def test_what_cannot_be_an_id_is_refused(value: object, problem: str) -> None:
    """Empty ids would reach another endpoint, dots climb, and spaces come from broken copying."""
    assert refusal(identifier, value, "payment_id") == problem


@given(st.text(max_size=60))
def test_any_id_is_one_segment_for_the_http_library_or_refused(value: str) -> None:
    """httpx sees exactly the path that was built: the id between the same neighbours, and no query."""
    try:
        path = PAYMENT_STATUS.path(paymentId=identifier(value, "payment_id"))
    except InvalidArgumentError:
        return
    url = httpx.URL(f"https://api.inventpay.io{path}")
    assert url.raw_path == path.encode()
    assert not url.query
    assert not url.fragment
    _, version, collection, seen, last = path.split("/")
    assert (version, collection, unquote(seen), last) == ("v1", "invoice", value, "status")


# Idempotency keys


@pytest.mark.parametrize("key", ["k", "order 1", "x" * 255, "8f14e45f-ceea-4f6a-9fef-3d4d3e0d1be1"])
def test_printable_ascii_is_an_idempotency_key(key: str) -> None:
    """A key is what a header can carry."""
    assert arguments.idempotency_key(key) == key


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space"),
        (" k", "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space"),
        ("k ", "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space"),
        ("k\r\nX: y", "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space"),
        ("schlüssel", "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space"),
        ("x" * 256, "idempotency_key has 256 characters; at most 255 are allowed"),
        (7, "idempotency_key must be a str, not int"),
    ],
)
def test_other_idempotency_keys_are_refused(key: object, problem: str) -> None:
    """A key that no header can carry unchanged would not be the same key on the other side."""
    assert refusal(arguments.idempotency_key, key) == problem


def test_the_payment_states_are_those_of_the_enum() -> None:
    """They stand twice, so that callers without payments load no enum."""
    assert tuple(PaymentState) == arguments.PAYMENT_STATES


@pytest.mark.parametrize(
    ("until", "meant"),
    [("COMPLETE", "COMPLETED"), ("completd", "COMPLETED"), ("CANCELED", "CANCELLED"), ("SETTELD", "SETTLED")],
)
def test_a_typo_in_a_state_is_refused(until: str, meant: str) -> None:
    """An unknown state is refused, because it would be waited for in vain."""
    with pytest.raises(InvalidArgumentError, match=f"until={until!r} is no payment state; did you mean {meant!r}"):
        arguments.states(until)


def test_states_are_known_in_any_case_and_new_ones_pass() -> None:
    """A state of a later release can be waited for; a warning says that it may never come, as "PAID" never does."""
    assert arguments.states(["completed", "Underpaid"]) == {"COMPLETED", "UNDERPAID"}
    with pytest.warns(UserWarning, match="until='PARTIALLY_REFUNDED' is none of the payment states .*: PENDING, "):
        assert arguments.states(["PARTIALLY_REFUNDED", "EXPIRED"]) == {"PARTIALLY_REFUNDED", "EXPIRED"}
