"""Answers: every documented variant gives a model, and everything else an error that says where."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api import balances, payments, withdrawals
from inventpay._api.status_errors import checked_document
from inventpay._json.converter import read_json
from inventpay.errors import APIStatusError, BadRequestError, DecodeError
from inventpay.headers import Headers
from inventpay.models import (
    AmountCurrency,
    Balance,
    Balances,
    BalanceSummary,
    ConversionRate,
    Currency,
    FeeBreakdown,
    Limit,
    Payment,
    PaymentState,
    PaymentStatus,
    Withdrawal,
    WithdrawalState,
)
from inventpay.responses import APIResponse
from tests.support.documented import NAMES, body, document, encoded, number

COIN: Final = "USDT_BEP20"
PAYMENT_ID: Final = "cmh123abc456def"
WITHDRAWAL_ID: Final = "cmh789ghi012jkl"

Step = str | int
DELETED: Final = object()


def payment(document: object) -> Payment:
    return payments.read_payment(document)


def payment_status(document: object) -> PaymentStatus:
    return payments.read_payment_status(document, payment_id=PAYMENT_ID)


def balance(document: object) -> Balance:
    return balances.read_balance(document)


def created_withdrawal(document: object) -> Withdrawal:
    return withdrawals.read_withdrawal(document)


def withdrawal(document: object) -> Withdrawal:
    return withdrawals.read_withdrawal(document)


READERS: Final[dict[str, Callable[[object], Any]]] = {
    "create_payment": payment,
    "create_invoice": payments.read_invoice,
    "payment_status.completed": payment_status,
    "payment_status.pending": payment_status,
    "payment_status.short-numbers": payment_status,
    "balance.limits-inside": balance,
    "balance.limits-beside": balance,
    "balances.map-with-limits": balances.read_balances,
    "balances.map-with-locked": balances.read_balances,
    "balances.list-with-summary": balances.read_balances,
    "withdrawal.created": created_withdrawal,
    "withdrawal.docs-pending": withdrawal,
}


def changed(name: str, *changes: tuple[tuple[Step, ...], Any]) -> bytes:
    """A documented body with members replaced, added or deleted."""
    held: Any = document(name)
    for path, value in changes:
        target: Any = held
        for step in path[:-1]:
            target = target[step]
        if value is DELETED:
            del target[path[-1]]
        else:
            target[path[-1]] = value
    return encoded(held)


def read(name: str, *changes: tuple[tuple[Step, ...], Any]) -> Any:
    """Return what the reader of a documented body makes of it once it is changed."""
    response = APIResponse(200, Headers(), changed(name, *changes))
    return READERS[name](checked_document(response))


def refusal(name: str, *changes: tuple[tuple[Step, ...], Any]) -> DecodeError:
    def read_all() -> None:
        answer = read(name, *changes)
        # An odd balance is refused when it is asked for.
        list(answer.values() if isinstance(answer, Balances) else ())

    with pytest.raises(DecodeError) as caught:
        read_all()
    assert caught.value.json_path is not None
    assert caught.value.message.startswith(caught.value.json_path)
    assert caught.value.outcome == "unknown"
    return caught.value


# Payments


def test_a_payment_keeps_every_member_some_source_names() -> None:
    """All members of the vendor's type arrive, besides those of the documentation."""
    answer = read(
        "create_payment",
        (("data", "network"), "BEP20"),
        (("data", "baseAmount"), number("29.990")),
        (("data", "baseCurrency"), "USDT"),
        (("data", "priceExpiry"), "2024-01-01T12:05:00.000Z"),
        (("data", "priceTimestamp"), "2024-01-01T12:00:00.000Z"),
        (("data", "allowCurrencySelection"), False),
        (("data", "selectedCurrency"), None),
        (("data", "expiresAtTimestamp"), 1704110400000),
        (("data", "createdAt"), "2024-01-01T11:30:00.000Z"),
        (("data", "currentPrice"), 1),
        (("data", "isStablecoin"), True),
        (("data", "status"), "PENDING"),
        (("data", "conversionRates"), {}),
    )
    assert answer.network == "BEP20"
    assert str(answer.base_amount) == "29.990"
    assert answer.base_currency is AmountCurrency.USDT
    assert answer.price_expiry == "2024-01-01T12:05:00.000Z"
    assert answer.price_timestamp == "2024-01-01T12:00:00.000Z"
    assert answer.allow_currency_selection is False
    assert answer.selected_currency is None
    assert answer.expires_at_timestamp == 1704110400000
    assert answer.created_at == datetime(2024, 1, 1, 11, 30, tzinfo=UTC)
    assert answer.current_price == 1
    assert answer.is_stablecoin is True
    assert answer.status is PaymentState.PENDING


def test_a_payment_without_what_was_not_sent() -> None:
    """Order id and description are absent when they were not sent, in the envelope without its extras too."""
    answer = read(
        "create_payment",
        (("data", "orderId"), DELETED),
        (("data", "description"), None),
        (("data", "qrCode"), DELETED),
        (("data", "address"), None),
        (("message",), DELETED),
        (("statusCode",), DELETED),
        (("success",), DELETED),
    )
    assert (answer.order_id, answer.description, answer.qr_code, answer.address) == (None, None, None, None)


@pytest.mark.parametrize(
    "written", ["29.99", "0.00000001", "1e2", "123456789012345678901234567890", "0.10", "-0.5", "0"]
)
@pytest.mark.parametrize("as_text", [False, True])
def test_money_arrives_as_number_or_as_text(written: str, as_text: bool) -> None:
    """An amount is a number in one source and text in another; both are read exactly."""
    answer = read("create_payment", (("data", "amount"), written if as_text else number(written)))
    assert type(answer.amount) is Decimal
    assert answer.amount == Decimal(written)


# Invoices


def test_an_invoice_with_rates_under_the_other_name() -> None:
    """One source shows the rates as ``availableCurrencies``."""
    rates = document("create_invoice")["data"]["conversionRates"]
    answer = read("create_invoice", (("data", "conversionRates"), DELETED), (("data", "availableCurrencies"), rates))
    assert answer.conversion_rates["BTC"] == ConversionRate(crypto_amount=Decimal("0.0012"), price=Decimal(41500))
    assert answer.available_currencies == ("BTC", "ETH", "LTC", "USDT_ERC20", "USDT_BEP20")
    assert answer.available_currencies[0] is Currency.BTC
    assert answer.raw["availableCurrencies"]["BTC"] == {"cryptoAmount": Decimal("0.0012"), "price": 41500}
    assert "conversionRates" not in answer.raw


@pytest.mark.parametrize("rates", [DELETED, None])
def test_an_invoice_with_names_of_coins_only(rates: object) -> None:
    """``availableCurrencies`` as a list names the coins; there are no rates then, and unknown coins stay."""
    deleted = (("data", "conversionRates"), rates)
    answer = read("create_invoice", deleted, (("data", "availableCurrencies"), ["BTC", "DOGE"]))
    assert answer.conversion_rates == {}
    assert answer.available_currencies == ("BTC", "DOGE")
    assert answer.available_currencies[0] is Currency.BTC
    assert type(answer.available_currencies[1]) is str


@pytest.mark.parametrize("rates", [DELETED, None])
@pytest.mark.parametrize("coins", [DELETED, None])
def test_an_invoice_without_rates_and_names(rates: object, coins: object) -> None:
    """Neither absence nor null invents a rate or a coin."""
    changes: list[tuple[tuple[Step, ...], Any]] = [(("data", "conversionRates"), rates)]
    if coins is None:
        changes.append((("data", "availableCurrencies"), None))
    answer = read("create_invoice", *changes)
    assert answer.conversion_rates == {}
    assert answer.available_currencies == ()


def test_an_invoice_with_both_rates_and_names() -> None:
    """Named coins win over those of the rates; the rates stay."""
    answer = read("create_invoice", (("data", "availableCurrencies"), ["BTC"]))
    assert answer.available_currencies == (Currency.BTC,)
    assert set(answer.conversion_rates) == {"BTC", "ETH", "LTC", "USDT_ERC20", "USDT_BEP20"}


def test_rates_with_the_older_member() -> None:
    """Older documents show ``usdtAmount`` in each rate."""
    answer = read(
        "create_invoice",
        (("data", "conversionRates"), {"BTC": {"cryptoAmount": "0.001", "usdtAmount": 50}}),
        (("data", "status"), "PENDING"),
    )
    assert answer.conversion_rates == {"BTC": ConversionRate(crypto_amount=Decimal("0.001"), usdt_amount=Decimal(50))}
    assert answer.status is PaymentState.PENDING


# Status


def test_a_status_in_an_envelope() -> None:
    """One consumer expects an envelope; it is looked through, and ``raw`` is what lies inside."""
    inner = document("payment_status.completed")
    answer = payment_status(read_json(encoded({"success": True, "data": inner})))
    assert answer == payment_status(read_json(body("payment_status.completed")))
    assert answer.raw == read_json(body("payment_status.completed"))


@pytest.mark.parametrize("absent", [DELETED, None])
def test_a_status_of_an_invoice_without_a_coin(absent: object) -> None:
    """The address is there only once a coin is chosen; absent or null, it reads ``None``."""
    answer = read(
        "payment_status.pending",
        (("currency",), absent),
        (("address",), absent),
        (("requiredAmount",), absent),
        (("expiresAt",), absent),
        (("paymentId",), absent),
    )
    assert (answer.currency, answer.address, answer.required_amount, answer.expires_at) == (None, None, None, None)
    assert answer.payment_id == PAYMENT_ID
    assert answer.raw.get("paymentId") is None


@pytest.mark.parametrize("state", [*PaymentState])
def test_known_states_are_members(state: PaymentState) -> None:
    """Every state some source names is a member of the enum."""
    assert read("payment_status.pending", (("status",), state.value)).status is state


@pytest.mark.parametrize("state", [*PaymentState])
def test_known_states_are_known_in_any_case(state: PaymentState) -> None:
    """A server may write a state in small letters."""
    for written in (state.value.lower(), state.value.title()):
        assert read("payment_status.pending", (("status",), written)).status is state


@pytest.mark.parametrize("state", ["REFUNDING", "done", "", "Ü"])
def test_unknown_states_survive_as_text(state: str) -> None:
    """A state of a later release arrives as it is, and is neither final nor paid."""
    answer = read("payment_status.pending", (("status",), state))
    assert answer.status == state
    assert type(answer.status) is str
    assert (answer.is_final, answer.is_paid) == (False, False)


# Balances


def test_remaining_is_computed_where_it_is_left_out_or_null() -> None:
    """``remaining`` is limit minus used unless the API says it; null says no more than absence."""
    limits = (("data", "balance", "limits"), {"daily": {"limit": "1000", "used": 0.1, "remaining": None}})
    answer = read("balance.limits-inside", limits)
    assert answer.limits is not None
    assert answer.limits.daily == Limit(limit=Decimal(1000), used=Decimal("0.1"), remaining=Decimal("999.9"))
    assert answer.limits.daily.raw == {"limit": "1000", "used": Decimal("0.1"), "remaining": None}
    assert (answer.limits.weekly, answer.limits.monthly) == (None, None)


def test_remaining_is_what_the_api_says() -> None:
    """A stated ``remaining`` is kept even where it is not the difference."""
    answer = read("balance.limits-inside", (("data", "balance", "limits", "daily", "remaining"), 0))
    assert answer.limits.daily.remaining == 0


@pytest.mark.parametrize("empty", [{}, None, DELETED])
def test_a_balance_without_limits(empty: object) -> None:
    """No limits, empty limits and null are all fine."""
    answer = read("balance.limits-inside", (("data", "balance", "limits"), empty))
    assert answer.limits is None or (answer.limits.daily, answer.limits.monthly) == (None, None)


def test_limits_inside_win_over_limits_beside() -> None:
    """Where both places hold limits, the documented one counts."""
    answer = read("balance.limits-inside", (("data", "limits"), {"daily": {"limit": 1, "used": 1}}))
    assert answer.limits.daily.limit == 10000


def test_null_limits_inside_give_way_to_limits_beside() -> None:
    """A null in one place does not hide the other."""
    answer = read("balance.limits-beside", (("data", "balance", "limits"), None))
    assert answer.limits.weekly.remaining == 41000


@pytest.mark.parametrize("absent", [DELETED, None])
def test_money_that_is_not_named_reads_none(absent: object) -> None:
    """Money the API does not name is ``None``, never 0."""
    answer = read(
        "balance.limits-beside",
        (("data", "balance", "pendingBalance"), absent),
        (("data", "balance", "lockedBalance"), absent),
        (("data", "balance", "totalFees"), absent),
        (("data", "balance", "lastUpdated"), absent),
        (("data", "merchantInfo"), absent),
    )
    assert (answer.pending_balance, answer.locked_balance, answer.total_fees) == (None, None, None)
    assert (answer.last_updated, answer.merchant_info) == (None, None)


def test_the_coin_may_be_named_inside_the_balance_only() -> None:
    """The coin is read from where it is."""
    answer = read("balance.limits-inside", (("data", "currency"), DELETED), (("data", "balance", "currency"), COIN))
    assert answer.currency is Currency.USDT_BEP20


def test_a_balance_under_two_coins_is_the_balance_of_neither() -> None:
    """The coin inside of the balance and that beside it are compared, in any case of letters."""
    inside = ("data", "balance", "currency")
    assert read("balance.limits-inside", (inside, COIN.lower())).currency == COIN
    with pytest.raises(
        DecodeError, match=r"\$\.data\.balance\.currency is 'DOGE', but \$\.data\.currency is "
    ) as caught:
        read("balance.limits-inside", (inside, "DOGE"))
    assert caught.value.json_path == "$.data.balance.currency"


@pytest.mark.parametrize("empty", ["", " ", None])
def test_a_status_without_an_id_has_the_id_that_was_asked_for(empty: str | None) -> None:
    """An empty id is as good as none."""
    body = {**document("payment_status.pending"), "paymentId": empty}
    assert payments.read_payment_status(body, payment_id="cmh7").payment_id == "cmh7"


def test_balances_are_a_mapping_by_coin() -> None:
    """``balances["BTC"]`` and iteration, in the order of the answer; a coin that is not there is a KeyError."""
    answer = read("balances.map-with-limits")
    assert isinstance(answer, Balances)
    assert list(answer) == ["USDT_BEP20", "BTC"]
    assert len(answer) == 2
    assert answer["BTC"].currency is Currency.BTC
    limits = answer[Currency.BTC].limits
    assert limits is not None
    assert limits.daily is not None
    assert limits.daily.remaining == 8500
    assert "ETH" not in answer
    with pytest.raises(KeyError):
        answer["ETH"]


@pytest.mark.parametrize("name", ["balances.map-with-limits", "balances.list-with-summary"])
def test_no_balances_are_an_empty_mapping(name: str) -> None:
    """A merchant without balances has an empty mapping, whichever shape says so."""
    empty: Any = {} if name == "balances.map-with-limits" else {"balances": []}
    answer = read(name, (("data", "balances"), empty))
    assert dict(answer) == {}
    assert answer.summary is None


def test_unknown_coins_have_balances_too() -> None:
    """A coin of a later release is a key like any other."""
    held = document("balances.map-with-locked")["data"]["balances"]["BTC"]
    answer = read("balances.map-with-locked", (("data", "balances", "DOGE"), held))
    assert answer["DOGE"].currency == "DOGE"
    assert type(answer["DOGE"].currency) is str


def test_entries_of_the_map_may_name_their_coin() -> None:
    """An entry that repeats its own key is fine."""
    answer = read("balances.map-with-locked", (("data", "balances", "BTC", "currency"), "BTC"))
    assert answer["BTC"].currency is Currency.BTC


def test_members_beside_the_balances_survive_whatever_they_are() -> None:
    """Names that the model uses for itself harm nothing when the API uses them for something else."""
    answer = read("balances.map-with-locked", (("data", "summary"), "none"), (("data", "byCurrency"), 5))
    assert answer.summary is None
    assert len(answer) == 2
    assert answer.raw["byCurrency"] == 5


# Withdrawals


def test_a_failed_withdrawal_of_either_source() -> None:
    """``failureReason`` of the documentation and ``errorMessage`` of the SDK are one attribute."""
    documented = read(
        "withdrawal.docs-pending",
        (("data", "status"), "FAILED"),
        (("data", "failureReason"), "insufficient funds"),
        (("data", "errorMessage"), "something else"),
    )
    sdk = read("withdrawal.created", (("data", "status"), "FAILED"), (("data", "errorMessage"), "insufficient funds"))
    assert documented.failure_reason == sdk.failure_reason == "insufficient funds"
    assert documented.status is sdk.status is WithdrawalState.FAILED


def test_a_completed_withdrawal_of_the_documentation() -> None:
    """Confirmations stand in ``metadata``; the times of processing and completion arrive."""
    answer = read(
        "withdrawal.docs-pending",
        (("data", "status"), "COMPLETED"),
        (("data", "metadata", "confirmations"), 12),
        (("data", "transactionHash"), "0xabc"),
        (("data", "processedAt"), "2024-01-01T12:01:00.000Z"),
        (("data", "completedAt"), "2024-01-01T12:02:00.000Z"),
    )
    assert answer.confirmations == 12
    assert answer.transaction_hash == "0xabc"
    assert answer.processed_at == datetime(2024, 1, 1, 12, 1, tzinfo=UTC)
    assert answer.completed_at == datetime(2024, 1, 1, 12, 2, tzinfo=UTC)


def test_a_withdrawal_with_nulls_instead_of_absence() -> None:
    """Null and absence read the same."""
    names = ("transactionHash", "processedAt", "completedAt", "failureReason", "description", "metadata", "feeAmount")
    with_nulls = read("withdrawal.docs-pending", *[(("data", name), None) for name in names])
    without = read(
        "withdrawal.docs-pending", *[(("data", name), DELETED) for name in ("description", "metadata", "feeAmount")]
    )
    assert with_nulls == without
    assert (without.fee_amount, without.net_amount, without.fee_breakdown) == (None, None, None)


def test_members_of_their_own_win_over_metadata() -> None:
    """Where both sources' members are there, the ones that stand on their own count."""
    answer = read("withdrawal.created", (("data", "metadata"), {"netAmount": 1, "networkFee": 1, "serviceFee": 1}))
    assert answer.net_amount == Decimal("9.949")
    assert answer.fee_breakdown == FeeBreakdown(network_fee=Decimal("0.001"), service_fee=Decimal("0.05"))


def test_metadata_about_something_else_is_no_fee() -> None:
    """Metadata without fees makes no fee breakdown."""
    answer = read("withdrawal.docs-pending", (("data", "metadata"), {"note": "x"}))
    assert answer.fee_breakdown is None
    assert answer.raw["metadata"] == {"note": "x"}


# Raw, times, enums


@pytest.mark.parametrize("name", READERS)
def test_raw_is_the_untouched_object_of_the_answer(name: str) -> None:
    """``raw`` is the ``data`` object, or the whole body without an envelope: unknown members included."""
    held = document(name)
    path: tuple[Step, ...] = ("data", "newMember") if "data" in held else ("newMember",)
    response = APIResponse(200, Headers(), changed(name, (path, {"a": [number("0.10")]})))
    answer = READERS[name](checked_document(response))
    whole = response.json()
    assert answer.raw == whole.get("data", whole)
    assert str(answer.raw["newMember"]["a"][0]) == "0.10"


@pytest.mark.parametrize("name", READERS)
def test_raw_is_neither_shown_nor_compared(name: str) -> None:
    """Two answers that differ in unknown members only are equal, and print alike."""
    held = document(name)
    path: tuple[Step, ...] = ("data", "newMember") if "data" in held else ("newMember",)
    plain, extended = read(name), read(name, (path, "a-later-release"))
    assert plain == extended
    assert repr(plain) == repr(extended)
    assert "raw=" not in repr(extended)
    assert "a-later-release" not in repr(extended)


def test_nested_models_keep_their_own_raw() -> None:
    """Each part of an answer holds its own JSON object."""
    answer = read("balance.limits-beside", (("data", "limits", "hourly"), {"limit": 1}))
    assert answer.limits.raw["hourly"] == {"limit": 1}
    assert answer.limits.weekly.raw == {"limit": 50000, "used": 9000}
    assert answer.merchant_info.raw["rateLimitTier"] == "STANDARD"
    listed = read("balances.list-with-summary")
    assert listed[COIN].raw["totalFees"] == Decimal("1.41")
    assert listed.summary.raw["totalAvailable"] == Decimal("504.92")
    assert isinstance(listed.summary, BalanceSummary)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-01-01T12:00:00.000Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("2024-01-01T12:00:00.123456Z", datetime(2024, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2024-01-01T12:00:00+05:30", datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        ("2024-01-01 12:00:00-08:00", datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=-8)))),
    ],
)
def test_times_are_aware(written: str, time: datetime) -> None:
    """Times keep their zone and their fraction of a second."""
    answer = read("create_payment", (("data", "expiresAt"), written))
    assert answer.expires_at == time
    assert answer.expires_at.utcoffset() == time.utcoffset()


@pytest.mark.parametrize("coin", ["BTC", "DOGE", "btc"])
def test_unknown_coins_survive_as_text(coin: str) -> None:
    """Known coins are members, unknown ones plain text."""
    answer = payments.read_payment(
        checked_document(APIResponse(200, Headers(), changed("create_payment", (("data", "currency"), coin))))
    )
    assert answer.currency == coin
    assert type(answer.currency) is (Currency if coin == "BTC" else str)


# Undocumented shapes


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html><body>Maintenance</body></html>", "the answer cannot be read as JSON: it starts with '<html>"),
        (b"", "the answer cannot be read as JSON: it is empty"),
        (b"   ", "the answer cannot be read as JSON: it is empty"),
        (b'{"success":true,"data":{"paym', "the answer cannot be read as JSON: it starts with"),
        (b'{"success":true} {"success":true}', "the answer cannot be read as JSON: it starts with"),
        (b'\xff\xfe{"a":1}', "the answer cannot be read as JSON: it starts with"),
        (b'{"a":"\xff"}', "the answer cannot be read as JSON: it starts with"),
        (b"[" * 40_000, "the answer is nested too deeply to be one of this API"),
        (b'{"data":' * 40_000, "the answer is nested too deeply to be one of this API"),
        (b"[" * 100 + b"]" * 100, "the answer is nested too deeply to be one of this API"),
        (b"[]", "$ is a list, not an object"),
        (b"null", "$ is null, not an object"),
        (b'"text"', "$ is text, not an object"),
        (b"5", "$ is a number, not an object"),
        (b"true", "$ is a boolean, not an object"),
    ],
)
def test_bodies_that_are_no_answer(name: str, content: bytes, problem: str) -> None:
    """HTML, half an answer, or JSON of another kind: a DecodeError at ``$`` for every call."""
    with pytest.raises(DecodeError) as caught:
        READERS[name](checked_document(APIResponse(200, Headers(), content)))
    assert caught.value.message.startswith(problem)
    assert caught.value.json_path == "$"


ENVELOPED: Final = [name for name in READERS if "data" in document(name)]


@pytest.mark.parametrize("name", ENVELOPED)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (DELETED, "$.data is missing"),
        (None, "$.data is null, not an object"),
        ([], "$.data is a list, not an object"),
        ("x", "$.data is text, not an object"),
    ],
)
def test_an_envelope_needs_its_data(name: str, value: object, problem: str) -> None:
    """An envelope that holds no object says so, at ``$.data``."""
    assert refusal(name, (("data",), value)).message == problem


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", [None, "true", 1, 0, "", [], {}])
def test_success_is_true_or_false(name: str, value: object) -> None:
    """A ``success`` that is neither is no answer of this API."""
    error = refusal(name, (("success",), value))
    assert error.message == "$.success is neither true nor false"
    assert error.json_path == "$.success"


@pytest.mark.parametrize("name", READERS)
def test_success_false_is_a_refusal(name: str) -> None:
    """A 200 that says ``success: false`` is what its own ``statusCode`` says, and proves nothing without one."""
    changes = [(("success",), False), (("error",), "Maintenance"), (("details",), {"amount": "too small"})]
    with pytest.raises(APIStatusError) as caught:
        read(name, *changes, (("statusCode",), None))
    assert type(caught.value) is APIStatusError
    assert (caught.value.status, caught.value.outcome) == (200, "unknown")
    assert caught.value.message == '200 OK with "success": false: Maintenance'
    assert caught.value.details == {"amount": "too small"}
    with pytest.raises(BadRequestError) as caught:
        read(name, *changes, (("statusCode",), 400))
    assert (caught.value.status, caught.value.outcome) == (400, "refused")
    assert caught.value.message == '200 OK with "success": false and "statusCode": 400: Maintenance'
    assert caught.value.details == {"amount": "too small"}


MONEY: Final[list[tuple[str, tuple[Step, ...], str]]] = [
    ("create_payment", ("data", "amount"), "$.data.amount"),
    ("create_invoice", ("data", "baseAmount"), "$.data.baseAmount"),
    ("payment_status.completed", ("currentBalance",), "$.currentBalance"),
    ("balance.limits-inside", ("data", "balance", "availableBalance"), "$.data.balance.availableBalance"),
    ("balance.limits-inside", ("data", "balance", "totalEarned"), "$.data.balance.totalEarned"),
    ("balance.limits-inside", ("data", "balance", "totalWithdrawn"), "$.data.balance.totalWithdrawn"),
    ("balance.limits-inside", ("data", "balance", "limits", "daily", "limit"), "$.data.balance.limits.daily.limit"),
    ("balance.limits-beside", ("data", "limits", "weekly", "used"), "$.data.limits.weekly.used"),
    (
        "balances.map-with-limits",
        ("data", "balances", "BTC", "availableBalance"),
        "$.data.balances.BTC.availableBalance",
    ),
    (
        "balances.map-with-limits",
        ("data", "balances", "BTC", "limits", "monthly", "used"),
        "$.data.balances.BTC.limits.monthly.used",
    ),
    (
        "balances.list-with-summary",
        ("data", "balances", "balances", 0, "totalEarned"),
        "$.data.balances.balances[0].totalEarned",
    ),
    ("withdrawal.created", ("data", "amount"), "$.data.amount"),
]

OPTIONAL_MONEY: Final[list[tuple[str, tuple[Step, ...], str]]] = [
    ("create_invoice", ("data", "conversionRates", "BTC", "price"), "$.data.conversionRates.BTC.price"),
    ("payment_status.completed", ("requiredAmount",), "$.requiredAmount"),
    ("balance.limits-inside", ("data", "balance", "pendingBalance"), "$.data.balance.pendingBalance"),
    (
        "balances.list-with-summary",
        ("data", "balances", "summary", "totalFees"),
        "$.data.balances.summary.totalFees",
    ),
    ("withdrawal.created", ("data", "feeAmount"), "$.data.feeAmount"),
    ("withdrawal.created", ("data", "feeBreakdown", "networkFee"), "$.data.feeBreakdown.networkFee"),
    ("withdrawal.created", ("data", "balanceAfterLock", "locked"), "$.data.balanceAfterLock.locked"),
    ("withdrawal.docs-pending", ("data", "metadata", "netAmount"), "$.data.metadata.netAmount"),
    ("withdrawal.docs-pending", ("data", "metadata", "serviceFee"), "$.data.metadata.serviceFee"),
]


NO_MONEY: Final[list[tuple[object, str]]] = [
    ("n/a", "is text that is not a number"),
    ("", "is text that is not a number"),
    ("1,5", "is text that is not a number"),
    (True, "is a boolean, not money"),
    ([], "is a list, not money"),
    ({}, "is an object, not money"),
    (number("1e401"), "is a number with an exponent beyond 400"),
    (number("1e-401"), "is a number with an exponent beyond 400"),
    (number("1e999999999"), "is a number with an exponent beyond 400"),
    (number("1e-99999999999999999999"), "is a number with an exponent beyond 400"),
    (number("1" * 402), "is a number with an exponent beyond 400"),
    (number("NaN"), "is a number with an exponent beyond 400"),
    ("1e999999999", "is a number with an exponent beyond 400"),
]


@pytest.mark.parametrize(("name", "path", "where"), MONEY)
@pytest.mark.parametrize(("value", "problem"), NO_MONEY)
def test_money_that_is_no_money(name: str, path: tuple[Step, ...], where: str, value: object, problem: str) -> None:
    """Anything but a number in the place of required money is an error with its path, never a default."""
    error = refusal(name, (path, value))
    assert error.message == f"{where} {problem}"
    assert error.json_path == where


@pytest.mark.parametrize(("name", "path", "where"), OPTIONAL_MONEY)
@pytest.mark.parametrize("value", [value for value, _ in NO_MONEY])
def test_optional_money_that_is_no_money_reads_none(
    name: str, path: tuple[Step, ...], where: str, value: object
) -> None:
    """Fees, rates and estimates that cannot be read are ``None``, as if they were absent, and their path is kept."""
    answer = read(name, (path, value))
    assert answer.unread == (where,)
    assert answer == read(name, (path, None))
    assert answer.raw != read(name, (path, None)).raw


def test_remaining_that_cannot_be_read_is_computed() -> None:
    """An attribute with a default of its own keeps it."""
    answer = read("balance.limits-inside", (("data", "balance", "limits", "daily", "remaining"), "n/a"))
    assert answer.limits.daily.remaining == answer.limits.daily.limit - answer.limits.daily.used
    assert answer.unread == ("$.data.balance.limits.daily.remaining",)
    assert answer.limits.daily.unread == answer.unread


DOUBLES: Final = st.floats(allow_nan=False, allow_infinity=False)


@given(DOUBLES, st.sampled_from(["node", "python", "plain"]), st.booleans())
def test_every_double_is_read_exactly(value: float, style: str, as_text: bool) -> None:
    """Any double that a server's arithmetic leaves behind, in any notation, is read digit by digit."""
    written = {"node": repr(value), "python": f"{value:e}", "plain": f"{Decimal(value):f}"}[style]
    answer = read("create_payment", (("data", "amount"), written if as_text else number(written)))
    assert answer.amount == Decimal(written)
    assert answer.unread == ()


@pytest.mark.parametrize("written", ["5e-324", "2.8e-17", "1.336520646e21", "1.7976931348623157e+308", "0." + "1" * 31])
@pytest.mark.parametrize(("name", "path", "where"), MONEY)
def test_residues_and_extremes_are_money(name: str, path: tuple[Step, ...], where: str, written: str) -> None:
    """Residues of binary arithmetic do not make a balance or a payment unreadable, wherever they stand."""
    del where
    answer = read(name, (path, number(written)))
    assert answer.unread == ()
    if isinstance(answer, Balances):
        assert all(answer.values())


@pytest.mark.parametrize(("name", "path", "where"), MONEY)
@pytest.mark.parametrize(("value", "problem"), [(DELETED, "is missing"), (None, "is null, not money")])
def test_required_money_is_never_assumed(
    name: str, path: tuple[Step, ...], where: str, value: object, problem: str
) -> None:
    """Absent or null, required money is an error, never 0."""
    error = refusal(name, (path, value))
    assert error.message == f"{where} {problem}"
    assert error.json_path == where


@pytest.mark.parametrize(
    ("name", "path", "value", "problem"),
    [
        (
            "balances.map-with-locked",
            ("data", "balances", "BTC", "currency"),
            "ETH",
            "$.data.balances.BTC.currency is 'ETH', but 'BTC' was asked for",
        ),
        ("create_payment", ("data", "currency"), None, "$.data.currency is null, not text"),
        ("create_payment", ("data", "currency"), 5, "$.data.currency is a number, not text"),
        ("create_payment", ("data", "currency"), DELETED, "$.data.currency is missing"),
        ("balance.limits-inside", ("data", "currency"), None, "$.data.currency is null, not text"),
        ("balance.limits-inside", ("data", "currency"), DELETED, "$.data.currency is missing"),
        (
            "balances.list-with-summary",
            ("data", "balances", "balances", 0, "currency"),
            DELETED,
            "$.data.balances.balances[0].currency is missing",
        ),
        (
            "balances.map-with-locked",
            ("data", "balances", "BTC", "currency"),
            5,
            "$.data.balances.BTC.currency is a number, not text",
        ),
        ("create_payment", ("data", "paymentId"), DELETED, "$.data.paymentId is missing"),
        ("create_payment", ("data", "paymentId"), 5, "$.data.paymentId is a number, not text"),
        ("payment_status.pending", ("status",), DELETED, "$.status is missing"),
        ("payment_status.pending", ("status",), None, "$.status is null, not text"),
        ("payment_status.pending", ("paymentId",), 5, "$.paymentId is a number, not text"),
        ("balance.limits-inside", ("data", "balance"), DELETED, "$.data.balance is missing"),
        ("balance.limits-inside", ("data", "balance"), [], "$.data.balance is a list, not an object"),
        ("balance.limits-inside", ("data", "balance", "limits"), [], "$.data.balance.limits is a list, not an object"),
        (
            "balance.limits-inside",
            ("data", "balance", "limits", "daily"),
            5,
            "$.data.balance.limits.daily is a number, not an object",
        ),
        ("balance.limits-beside", ("data", "limits"), "none", "$.data.limits is text, not an object"),
        ("balances.map-with-limits", ("data", "balances"), DELETED, "$.data.balances is missing"),
        ("balances.map-with-limits", ("data", "balances"), [], "$.data.balances is a list, not an object"),
        ("balances.map-with-limits", ("data", "balances", "BTC"), None, "$.data.balances.BTC is null, not an object"),
        (
            "balances.list-with-summary",
            ("data", "balances", "balances", 0),
            "x",
            "$.data.balances.balances[0] is text, not an object",
        ),
    ],
)
def test_malformed_identity_money_and_state_are_refused(
    name: str, path: tuple[Step, ...], value: object, problem: str
) -> None:
    """The message begins with the JSON path at which the API put it, not where the model keeps it."""
    error = refusal(name, (path, value))
    assert error.message == problem
    assert error.json_path == problem.split(" ")[0]


@pytest.mark.parametrize(
    ("name", "path", "value", "where"),
    [
        ("create_payment", ("data", "qrCode"), {}, "$.data.qrCode"),
        ("create_payment", ("data", "isStablecoin"), "yes", "$.data.isStablecoin"),
        ("create_payment", ("data", "expiresAtTimestamp"), "soon", "$.data.expiresAtTimestamp"),
        ("create_payment", ("data", "orderId"), ["a"], "$.data.orderId"),
        ("payment_status.pending", ("confirmations",), number("1.5"), "$.confirmations"),
        ("payment_status.pending", ("confirmations",), True, "$.confirmations"),
        ("withdrawal.docs-pending", ("data", "metadata", "confirmations"), "x", "$.data.metadata.confirmations"),
        ("withdrawal.created", ("data", "errorMessage"), [], "$.data.errorMessage"),
        ("withdrawal.created", ("data", "requiresApproval"), "no", "$.data.requiresApproval"),
        ("create_payment", ("data", "expiresAt"), "2024-01-01T12:00:00", "$.data.expiresAt"),
        ("create_payment", ("data", "expiresAt"), "2024-01-01", "$.data.expiresAt"),
        ("create_payment", ("data", "expiresAt"), "", "$.data.expiresAt"),
        ("create_payment", ("data", "expiresAt"), 5, "$.data.expiresAt"),
        ("create_payment", ("data", "expiresAt"), number("1e300"), "$.data.expiresAt"),
        ("create_payment", ("data", "expiresAt"), number("1" * 300), "$.data.expiresAt"),
        ("balances.map-with-locked", ("data", "timestamp"), "noon", "$.data.timestamp"),
        (
            "balance.limits-inside",
            ("data", "balance", "limits", "daily", "resetAt"),
            5,
            "$.data.balance.limits.daily.resetAt",
        ),
        ("create_invoice", ("data", "conversionRates"), [], "$.data.conversionRates"),
        ("create_invoice", ("data", "conversionRates"), "x", "$.data.conversionRates"),
        ("create_invoice", ("data", "availableCurrencies"), "BTC", "$.data.availableCurrencies"),
        ("balance.limits-beside", ("data", "merchantInfo"), [], "$.data.merchantInfo"),
        ("balances.list-with-summary", ("data", "balances", "summary"), [], "$.data.balances.summary"),
        ("withdrawal.docs-pending", ("data", "metadata"), [], "$.data.metadata"),
        ("withdrawal.created", ("data", "feeBreakdown"), [], "$.data.feeBreakdown"),
        ("withdrawal.created", ("data", "balanceAfterLock"), "x", "$.data.balanceAfterLock"),
    ],
)
def test_malformed_decoration_reads_as_if_it_were_absent(
    name: str, path: tuple[Step, ...], value: object, where: str
) -> None:
    """The rest of the answer is read, the path of the odd member is listed, and ``raw`` has its value."""
    answer = read(name, (path, value))
    assert answer.unread == (where,)
    assert answer == read(name, (path, None))
    assert "unread" not in repr(answer)
    holder: Any = APIResponse(200, Headers(), changed(name, (path, value))).json()
    assert answer.raw == holder.get("data", holder)


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"cryptoAmount": "x"}, {"cryptoAmount": None}])
def test_a_malformed_price_of_one_coin_leaves_the_others(odd: object) -> None:
    """Prices are decoration: one that cannot be read is left out, and its path is listed."""
    for name in ("conversionRates", "availableCurrencies"):
        rates = {"BTC": {"cryptoAmount": "0.001"}, "ETH": odd}
        answer = read("create_invoice", (("data", "conversionRates"), None), (("data", name), rates))
        assert dict(answer.conversion_rates) == {"BTC": ConversionRate(crypto_amount=Decimal("0.001"))}
        (path,) = answer.unread
        assert path.startswith(f"$.data.{name}.ETH")


def test_a_malformed_coin_of_several_is_left_out() -> None:
    """A list of coins is decoration too, and no coin is made out of a number."""
    answer = read("create_invoice", (("data", "availableCurrencies"), ["BTC", 5, None, "ETH"]))
    assert answer.available_currencies == ("BTC", "ETH")
    assert answer.unread == ("$.data.availableCurrencies[1]", "$.data.availableCurrencies[2]")


def test_a_list_that_is_malformed_throughout_is_given_up() -> None:
    """A hostile list of thousands of odd elements is listed once."""
    answer = read("create_invoice", (("data", "availableCurrencies"), [5] * 10_000))
    assert answer.available_currencies == ()
    assert answer.unread == ("$.data.availableCurrencies",)


@pytest.mark.parametrize(
    ("name", "path", "value", "attribute", "expected"),
    [
        ("create_payment", ("data", "orderId"), 1001, "order_id", "1001"),
        ("create_payment", ("data", "orderId"), number("1001.50"), "order_id", "1001.50"),
        ("create_payment", ("data", "expiresAtTimestamp"), "1704110400000", "expires_at_timestamp", 1704110400000),
        ("create_payment", ("data", "expiresAt"), 1704110400, "expires_at", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("create_payment", ("data", "expiresAt"), 1704110400000, "expires_at", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("create_payment", ("data", "expiresAt"), "1704110400", "expires_at", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        (
            "create_payment",
            ("data", "expiresAt"),
            number("1704110400.25"),
            "expires_at",
            datetime(2024, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC),
        ),
        ("create_payment", ("data", "isStablecoin"), "true", "is_stablecoin", True),
        ("create_payment", ("data", "isStablecoin"), "False", "is_stablecoin", False),
        ("payment_status.pending", ("confirmations",), "12", "confirmations", 12),
        ("payment_status.pending", ("confirmations",), number("12.0"), "confirmations", 12),
        ("payment_status.pending", ("confirmations",), number("1e1"), "confirmations", 10),
        ("withdrawal.created", ("data", "errorMessage"), 5, "failure_reason", "5"),
        ("balances.map-with-limits", ("data", "merchantId"), 5, "merchant_id", "5"),
    ],
)
def test_decoration_is_read_where_that_needs_no_guess(
    name: str, path: tuple[Step, ...], value: object, attribute: str, expected: object
) -> None:
    """Counts and times come as text or numbers, ids as numbers: they have one meaning."""
    answer = read(name, (path, value))
    assert getattr(answer, attribute) == expected
    assert type(getattr(answer, attribute)) is type(expected)
    assert answer.unread == ()


def test_text_with_half_a_character() -> None:
    """Half of a surrogate pair reads as U+FFFD in decoration, and is refused in identity."""
    half = changed("create_payment", (("data", "description"), "HALF")).replace(b"HALF", b"caf\\ud83d!")
    answer = payment(read_json(half))
    assert answer.description == answer.raw["description"] == "caf\ufffd!"
    assert type(answer.description) is str
    assert answer.unread == ()
    odd = changed("create_payment", (("data", "paymentId"), "HALF")).replace(b"HALF", b"cmh\\ud83d")
    with pytest.raises(DecodeError, match=r"^\$\.data\.paymentId holds half of a surrogate pair$"):
        payment(read_json(odd))


def test_a_byte_order_mark_is_skipped() -> None:
    """Some servers write one before their JSON."""
    assert payment(read_json(b"\xef\xbb\xbf" + body("create_payment"))) == read("create_payment")


# MULTI


def open_payment(**members: object) -> Payment:
    data = {"paymentId": PAYMENT_ID, "baseAmount": 25, "baseCurrency": "USD", **members}
    return payments.read_payment({"success": True, "data": data}, is_open=True)


def test_a_payment_whose_coin_is_not_picked_yet() -> None:
    """It has neither amount nor coin nor address; what was asked for and the prices are there."""
    answer = open_payment(conversionRates={"BTC": {"cryptoAmount": Decimal("0.0006")}})
    assert (answer.amount, answer.currency, answer.address) == (None, "MULTI", None)
    assert (answer.base_amount, answer.base_currency) == (25, "USD")
    assert answer.conversion_rates["BTC"].crypto_amount == Decimal("0.0006")
    assert "currency" not in answer.raw


def test_a_payment_whose_coin_was_picked() -> None:
    """An answer that names the coin is one about that coin."""
    answer = open_payment(amount="0.1", currency="ETH", address="0x1")
    assert (answer.amount, answer.currency, answer.address) == (Decimal("0.1"), "ETH", "0x1")


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"baseAmount": None}, "$.data.baseAmount is null, not money"),
        ({"baseAmount": []}, "$.data.baseAmount is a list, not money"),
        ({"amount": "x"}, "$.data.amount is text that is not a number"),
        ({"currency": 5}, "$.data.currency is a number, not text"),
    ],
)
def test_a_payment_without_any_amount_is_refused(members: dict[str, object], problem: str) -> None:
    """One of the two amounts is required."""
    with pytest.raises(DecodeError) as caught:
        open_payment(**members)
    assert caught.value.message == problem


def test_the_hosted_page_has_a_known_address() -> None:
    """Without a readable ``invoiceUrl`` it is that of ``client.payment_link``."""
    for odd in (None, DELETED, [], {}):
        assert read("create_payment", (("data", "invoiceUrl"), odd)).invoice_url == (
            f"https://inventpay.io/invoice/{PAYMENT_ID}"
        )


def test_an_enveloped_status_is_named_with_its_path() -> None:
    """In an envelope the path goes through ``data``."""
    with pytest.raises(DecodeError) as caught:
        payment_status({"success": True, "data": {"status": "PENDING", "confirmations": 0}})
    assert caught.value.json_path == "$.data.currentBalance"
    with pytest.raises(DecodeError) as caught:
        payment_status({"success": True, "data": None})
    assert caught.value.message == "$.data is null, not an object"


def test_one_coin_twice_in_a_list_is_refused() -> None:
    """Two balances of one coin cannot both be right, and neither is dropped in silence; other coins are readable."""
    entry = document("balances.list-with-summary")["data"]["balances"]["balances"][0]
    error = refusal("balances.list-with-summary", (("data", "balances", "balances"), [entry, entry]))
    assert error.message == f"$.data.balances.balances[1].currency is {COIN!r} again"
    assert error.json_path == "$.data.balances.balances[1].currency"


# Anything at all

json_documents = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.sampled_from(["BTC", COIN, "PENDING", "29.99", PAYMENT_ID, "2024-01-01T12:00:00.000Z", "2024-01-01"]),
        st.sampled_from(["1e999999999", "1e99999999999999999999", "9" * 40, "0.10", "-0.0"]).map(number),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.text(max_size=6),
                st.sampled_from(["success", "data", "balance", "balances", "status", "currency", "metadata", "limits"]),
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=15,
)


def steps_of(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The path of every member and element below a value."""
    items: list[tuple[Step, Any]] = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for step, inner in items:
        yield (*path, step)
        yield from steps_of(inner, (*path, step))


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, bytes]:
    """A documented body with up to three members deleted, replaced or moved to another name."""
    name = draw(st.sampled_from(sorted(READERS)))
    held: Any = document(name)
    for _ in range(draw(st.integers(1, 3))):
        paths = list(steps_of(held))
        if not paths:
            break
        *outer, last = draw(st.sampled_from(paths))
        target = held
        for step in outer:
            target = target[step]
        kind = draw(st.sampled_from(["delete", "replace", "rename"]))
        if kind == "replace" or isinstance(last, int):
            target[last] = draw(json_documents)
        elif kind == "delete":
            del target[last]
        else:
            target[draw(st.text(max_size=8))] = target.pop(last)
    return name, encoded(held)


def judge(reader: Callable[[object], Any], content: bytes) -> None:
    """The reader gives a model or one of its two errors, and either can be printed and pickled."""
    outcome: Any
    try:
        outcome = reader(checked_document(APIResponse(200, Headers(), content)))
    except (DecodeError, APIStatusError) as error:
        outcome = error
    copied = pickle.loads(pickle.dumps(outcome))
    assert repr(copied) == repr(outcome)
    assert str(copied) == str(outcome)
    if isinstance(outcome, Exception):
        assert copied.__dict__ == outcome.__dict__
    else:
        # NaN is not equal to itself; its repr is.
        assert repr(copied.raw) == repr(outcome.raw)


@given(st.sampled_from(sorted(READERS)), json_documents.map(encoded))
def test_any_json_gives_a_model_or_an_error_of_ours(name: str, content: bytes) -> None:
    """For any JSON, no other exception ever leaves a reader."""
    judge(READERS[name], content)


@given(st.sampled_from(sorted(READERS)), st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_bytes_give_an_error_of_ours(name: str, content: bytes) -> None:
    """Bytes that are no JSON are no exception to that."""
    judge(READERS[name], content)


@given(mutations())
def test_any_mutation_of_a_documented_body_gives_a_model_or_an_error_of_ours(case: tuple[str, bytes]) -> None:
    """Members deleted, replaced and renamed at random: a model or an error of ours, nothing else."""
    name, content = case
    judge(READERS[name], content)


@given(st.sampled_from(sorted(READERS)), st.data())
def test_any_cut_of_a_documented_body_is_an_error_of_ours(name: str, data: st.DataObject) -> None:
    """A body that ends too early is never half understood."""
    whole = body(name).rstrip()
    content = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(DecodeError):
        READERS[name](checked_document(APIResponse(200, Headers(), content)))


def test_every_answer_among_the_examples_has_a_reader() -> None:
    """Only errors, webhooks and what later releases model have none."""
    assert set(NAMES) - set(READERS) == {
        "balance.error-400",
        "error-401",
        "products.page",
        "webhook.payment_created.flat",
        "webhook.payment_created.nested",
        "webhook.payment_underpaid.flat",
        "webhook_deliveries",
    }
