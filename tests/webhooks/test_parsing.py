"""A delivery is verified first and decoded then; both shapes give one event, exact, typed, with nothing lost."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from inventpay import (
    AmountCurrency,
    ConfigurationError,
    Currency,
    DecodeError,
    EventDecodeError,
    InvalidArgumentError,
    PaymentState,
    SignatureError,
    StaleEventError,
    WithdrawalState,
)
from inventpay.webhooks import (
    KNOWN_EVENTS,
    PaymentCompletedEvent,
    PaymentCreatedEvent,
    PaymentEvent,
    PaymentExpiredEvent,
    PaymentFailedEvent,
    PaymentPendingEvent,
    PaymentTestEvent,
    PaymentUnderpaidEvent,
    UnknownEvent,
    WebhookEvent,
    WithdrawalCompletedEvent,
    WithdrawalEvent,
    parse_event,
)
from tests.support.deliveries import NOON, OTHER_SECRET, SECRET, flat, hexdigest, nested, signed
from tests.support.documented import body as documented

D = Decimal

CREATED = PaymentCreatedEvent(
    payment_id="cmh123abc456def",
    order_id="order-12345",
    amount=D("29.99"),
    base_amount=D("29.99"),
    base_currency=AmountCurrency.USD,
    currency=Currency.USDT_BEP20,
    address="0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb",
    invoice_url="https://inventpay.io/invoice/cmh123abc456def",
    qr_code="usdt_bep20:0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb?amount=29.99",
    description="Premium Plan Subscription",
    status=PaymentState.PENDING,
    expires_at=NOON + timedelta(minutes=30),
    created_at=NOON,
    timestamp=NOON + timedelta(seconds=0.5),
    test=False,
)


def parse(body: bytes, **options: Any) -> Any:
    """The event of a genuine delivery."""
    return parse_event(body, signed(body), SECRET, **{"received_at": NOON, **options})


# Documented bodies


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_both_documented_shapes_give_the_same_event(shape: str) -> None:
    """The event's members may be under `data` or beside its name."""
    assert parse(documented(f"webhook.payment_created.{shape}")) == CREATED


def test_the_documented_underpayment_is_read_to_the_last_member() -> None:
    """Amounts are exact, whole ones too."""
    received_at = NOON + timedelta(minutes=10)
    assert parse(documented("webhook.payment_underpaid.flat"), received_at=received_at) == PaymentUnderpaidEvent(
        payment_id="cmh123abc456def",
        order_id="order-12345",
        required_amount=D("29.99"),
        current_balance=D("20"),
        remaining_amount=D("9.99"),
        paid_percentage=D("66.69"),
        remaining_percentage=D("33.31"),
        currency=Currency.USDT_BEP20,
        status=PaymentState.UNDERPAID,
        timestamp=NOON + timedelta(minutes=10),
    )


def test_every_member_of_a_completed_payment_arrives() -> None:
    """All that the vendor's listener and its known consumers read."""
    members = {
        "orderId": "order-1",
        "merchantId": "cmf1",
        "amount": "0.00000001",
        "currency": "BTC",
        "baseAmount": 29.9,
        "baseCurrency": "USD",
        "settlementAmount": 29.75,
        "feeAmount": "0.15",
        "feeRate": 0.005,
        "status": "COMPLETED",
        "txHash": "0xabc",
        "confirmations": 12,
        "confirmedAt": "2024-01-01T11:59:00Z",
        "completedAt": "2024-01-01T13:00:00+01:00",
        "timestamp": "2024-01-01T12:00:00.000Z",
        "test": True,
    }
    for body in (flat(**members), nested(**members)):
        assert parse(body) == PaymentCompletedEvent(
            payment_id="cmh1",
            order_id="order-1",
            merchant_id="cmf1",
            amount=D("0.00000001"),
            currency=Currency.BTC,
            base_amount=D("29.9"),
            base_currency=AmountCurrency.USD,
            settlement_amount=D("29.75"),
            fee_amount=D("0.15"),
            fee_rate=D("0.005"),
            status=PaymentState.COMPLETED,
            transaction_hash="0xabc",
            confirmations=12,
            confirmed_at=NOON - timedelta(minutes=1),
            completed_at=NOON,
            timestamp=NOON,
            test=True,
        )


def test_other_payment_events_have_members_of_their_own() -> None:
    """Pending, expired and failed, as the vendor's README reads them."""
    pending = parse(flat("payment.pending", currencySelected=True, cryptoAmount=0.001, currentBalance="0"))
    assert pending == PaymentPendingEvent(
        payment_id="cmh1", currency_selected=True, crypto_amount=D("0.001"), current_balance=D("0")
    )
    assert parse(flat("payment.pending", currencySelected="BTC")).currency_selected is True
    assert parse(flat("payment.expired", wasUnderpaid=True, currentBalance=1)) == PaymentExpiredEvent(
        payment_id="cmh1", was_underpaid=True, current_balance=D(1)
    )
    assert parse(nested("payment.failed", error="no gas", status="FAILED")) == PaymentFailedEvent(
        payment_id="cmh1", failure_reason="no gas", status=PaymentState.FAILED
    )
    assert parse(flat("payment.failed", error="short", failureReason="long")).failure_reason == "long"


def test_a_withdrawal_event_reads_like_the_answer_to_looking_one_up() -> None:
    """No source shows one, so both documented layouts of a withdrawal are read."""
    body = nested(
        "withdrawal.completed",
        withdrawalId="cmh789",
        amount="10",
        currency="USDT_BEP20",
        destinationAddress="0x1",
        status="COMPLETED",
        feeAmount="0.051",
        transactionHash="0xdef",
        metadata={"netAmount": 9.949, "confirmations": 12},
        processedAt="2024-01-01T12:00:00Z",
        completedAt="2024-01-01T12:00:00Z",
        errorMessage=None,
    )
    assert parse(body) == WithdrawalCompletedEvent(
        withdrawal_id="cmh789",
        amount=D(10),
        currency=Currency.USDT_BEP20,
        destination_address="0x1",
        status=WithdrawalState.COMPLETED,
        fee_amount=D("0.051"),
        net_amount=D("9.949"),
        confirmations=12,
        transaction_hash="0xdef",
        processed_at=NOON,
        completed_at=NOON,
    )
    failed = parse(b'{"event":"withdrawal.failed","id":"cmh789","errorMessage":"bad address","netAmount":"1"}')
    assert (failed.withdrawal_id, failed.failure_reason, failed.net_amount) == ("cmh789", "bad address", D(1))


@pytest.mark.parametrize("name", KNOWN_EVENTS)
@pytest.mark.parametrize("shape", [flat, nested])
def test_every_known_name_has_a_class_of_its_own(name: str, shape: Any) -> None:
    """And the class says the name, so that type checkers tell events apart by either."""
    event = parse(shape(name, withdrawalId="cmh2"))
    assert type(event) is KNOWN_EVENTS[name]
    assert event.event == name
    assert isinstance(event, WithdrawalEvent) == name.startswith("withdrawal.")
    assert isinstance(event, PaymentEvent) == (name.startswith("payment.") and name != "payment.test")


def test_the_union_names_every_class_once() -> None:
    """A class missing from the union would be one no handler expects."""
    assert set(get_args(WebhookEvent)) == {*KNOWN_EVENTS.values(), UnknownEvent}


def test_a_test_needs_no_payment_and_says_that_it_is_one() -> None:
    """An event is real unless its flag `test` is set."""
    assert parse(b'{"event":"payment.test"}') == PaymentTestEvent(test=True)
    assert parse(b'{"event":"payment.test","test":false,"data":{"paymentId":"x"}}') == PaymentTestEvent(
        test=False, payment_id="x"
    )


# Unknown names, statuses and members


@pytest.mark.parametrize("shape", [flat, nested])
def test_an_unknown_event_is_kept_whole(shape: Any) -> None:
    """A new event must not break a deployed merchant, whatever its members are."""
    body = shape("order.paid", amount={"odd": [1]}, timestamp="2024-01-01T12:00:00Z", test=True, price=1.50)
    event = parse(body)
    assert event == UnknownEvent(event="order.paid", payment_id="cmh1", timestamp=NOON, test=True)
    facts = event.raw.get("data", event.raw)
    assert facts["amount"] == {"odd": [1]}
    assert facts["price"] == D("1.5")
    assert parse(b'{"event":"order.paid","paymentId":7}').payment_id is None


def test_unknown_values_and_members_survive() -> None:
    """A new coin or status arrives as text, a new member in `raw`."""
    event = parse(flat(currency="DOGE", status="ALMOST", tip=0.10))
    assert (event.currency, event.status) == ("DOGE", "ALMOST")
    assert event.raw["tip"] == D("0.1")
    assert event.raw["event"] == "payment.completed"


@pytest.mark.parametrize("text", ["29.90", "1e-7", "0.1", "12345678901234567890.123456789", "0", "1E2"])
def test_numbers_are_exact(text: str) -> None:
    """Through Decimal from their text, never through float; trailing zeros and exponents too."""
    body = b'{"event":"payment.completed","data":{"paymentId":"cmh1","amount":%b}}' % text.encode()
    assert parse(body).amount == D(text)


def test_escapes_and_text_beyond_ascii_arrive() -> None:
    """Escaped slashes are slashes, and every character is itself."""
    body = (
        '{"event":"payment.created","paymentId":"a","invoiceUrl":"https:\\/\\/x\\/y","description":"日本 🪙 \\u00e9"}'
    )
    event = parse(body.encode())
    assert (event.invoice_url, event.description) == ("https://x/y", "日本 🪙 é")


def test_null_says_no_more_than_absence() -> None:
    """Members that are null count as absent, in the envelope and in `data`."""
    assert parse(b'{"event":"payment.completed","paymentId":"a","data":null,"test":null,"timestamp":null}') == (
        PaymentCompletedEvent(payment_id="a")
    )


def test_what_belongs_to_the_delivery_may_stand_inside_too() -> None:
    """A nested body with its timestamp in `data`; at the top it comes first."""
    inside = nested(amount=1)[:-2] + b',"timestamp":"2024-01-01T12:00:00Z","test":true}}'
    assert (parse(inside).timestamp, parse(inside).test) == (NOON, True)
    both = inside[:-1] + b',"timestamp":"2024-01-01T12:00:01Z"}'
    assert parse(both).timestamp == NOON + timedelta(seconds=1)


def test_a_mixture_of_both_shapes_is_read_too() -> None:
    """Members missing in `data` may be beside it; members in both places are taken from `data`."""
    body = b'{"event":"payment.completed","paymentId":"cmh1","amount":1,"data":{"amount":2,"orderId":"order-1"}}'
    assert parse(body) == PaymentCompletedEvent(payment_id="cmh1", amount=D(2), order_id="order-1")


# Unreadable bodies


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        (b"", "$", r"the event cannot be read as JSON: it is empty"),
        (b"paymentId=1", "$", r"the event cannot be read as JSON: it starts with 'paymentId=1'"),
        (b'{"event":"\xff"}', "$", "the event cannot be read as JSON"),
        (b'{"event":"payment.test"', "$", "the event cannot be read as JSON"),
        (b"null", "$", r"\$ is null, not an object"),
        (b'["payment.test"]', "$", r"\$ is a list, not an object"),
        (b"[" * 1_048_576, "$", "the event has more than 20,000 values"),
        (b"[" * 20_000 + b"]" * 20_000, "$", "the event is nested too deeply"),
        (b'{"event":"payment.test","x":' + b"[" * 70 + b"]" * 70 + b"}", "$", "the event is nested too deeply"),
        (b'{"event":"payment.test","x":[' + b"1," * 30_000 + b"1]}", "$", "the event has more than 20,000 values"),
        (b"{}", "$.event", r"\$.event is missing; it must be the name of an event"),
        (b'{"event":""}', "$.event", r"\$.event is empty"),
        (b'{"event":7}', "$.event", r"\$.event is a number"),
        (b'{"event":null}', "$.event", r"\$.event is null"),
        (b'{"event":"payment.completed","data":[]}', "$.data", r"\$.data is a list, not an object"),
        (b'{"event":"payment.completed"}', "$.paymentId", r"\$.paymentId is missing"),
        (b'{"event":"payment.completed","data":{}}', "$.data.paymentId", r"\$.data.paymentId is missing"),
        (flat(payment_id=""), "$.paymentId", r"\$.paymentId is empty; it must be an id"),
        (nested(paymentId=" \t"), "$.data.paymentId", r"\$.data.paymentId is empty"),
        (b'{"event":"withdrawal.failed","id":""}', "$.id", r"\$.id is empty"),
        (b'{"event":"withdrawal.failed","id":5}', "$.id", r"\$.id is a number, not text"),
        (b'{"event":"payment.completed","amount":[],"data":{"paymentId":"a"}}', "$.amount", r"\$.amount is a list"),
        (flat(amount="many"), "$.amount", r"\$.amount is text that is not a number"),
        (nested(amount=True), "$.data.amount", r"\$.data.amount is a boolean, not money"),
        (nested(currentBalance="x"), "$.data.currentBalance", r"\$.data.currentBalance is text that is not a number"),
        (nested(status=5), "$.data.status", r"\$.data.status is a number, not text"),
        (nested(currency=[]), "$.data.currency", r"\$.data.currency is a list, not text"),
    ],
)
def test_an_unreadable_body_names_the_place(body: bytes, path: str, problem: str) -> None:
    """A genuine body that is no event raises an error with the place and the value found there."""
    with pytest.raises(EventDecodeError, match=problem) as caught:
        parse(body)
    assert caught.value.json_path == path
    assert caught.value.body == body[:65_536]
    assert isinstance(caught.value, DecodeError)
    assert type(pickle.loads(pickle.dumps(caught.value))) is EventDecodeError


@pytest.mark.parametrize("name", ["payment.test", "order.paid"])
def test_an_id_that_means_nothing_may_be_empty(name: str) -> None:
    """A test event is about no payment, and a new event may have its own ids."""
    assert parse(nested(name, paymentId="")).event == name


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (nested(txHash=[]), "$.data.txHash"),
        (nested(orderId={}), "$.data.orderId"),
        (nested(confirmations="some"), "$.data.confirmations"),
        (nested(completedAt=""), "$.data.completedAt"),
        (nested(feeAmount="none"), "$.data.feeAmount"),
        (nested("withdrawal.created", withdrawalId="a", metadata={"netAmount": []}), "$.data.metadata.netAmount"),
        (flat(timestamp="2024-01-01T12:00:00"), "$.timestamp"),
        (flat("order.paid", timestamp="noon"), "$.timestamp"),
    ],
)
def test_malformed_decoration_refuses_no_event(body: bytes, path: str) -> None:
    """A paid event is not lost over a member that only informs: it reads ``None``, and its path is listed."""
    event = parse(body)
    assert event.unread == (path,)
    assert "unread" not in repr(event)


@pytest.mark.parametrize(
    ("body", "attribute", "value"),
    [
        (nested(orderId=1001), "order_id", "1001"),
        (nested(confirmations="12"), "confirmations", 12),
        (nested(expiresAt=1893456000000), "expires_at", datetime(2030, 1, 1, tzinfo=UTC)),
        (nested(merchantId=7), "merchant_id", "7"),
        (nested(feeAmount=1.1102230246251565e-16), "fee_amount", D("1.1102230246251565e-16")),
        (nested(status="completed"), "status", PaymentState.COMPLETED),
        (nested(txHash=5), "transaction_hash", "5"),
    ],
)
def test_decoration_is_read_where_that_needs_no_guess(body: bytes, attribute: str, value: object) -> None:
    """Counts, times and ids come as text or as numbers; states in any case of letters."""
    event = parse(body)
    assert getattr(event, attribute) == value
    assert event.unread == ()


def test_a_timestamp_may_be_a_number() -> None:
    """Seconds or milliseconds since 1970 name one moment only, and its age counts."""
    now = int(NOON.timestamp())
    for stamp in (now, now * 1000, str(now)):
        assert parse(nested(timestamp=stamp)).timestamp == NOON
    with pytest.raises(StaleEventError):
        parse(nested(timestamp=now - 30 * 86_400))


@pytest.mark.parametrize(
    ("said", "test"),
    [(False, False), (None, False), (..., False), (True, True), ("yes", True), (0, True), ("", True), ([], True)],
)
def test_anything_but_false_and_null_is_a_test(said: object, test: bool) -> None:
    """A flag that is odd must not let a test pass for money."""
    members = {} if said is ... else {"test": said}
    assert parse(flat(**members)).test is test
    data = {"paymentId": "cmh1", **members}
    assert parse(json.dumps({"event": "payment.completed", "test": False, "data": data}).encode()).test is test


def test_numbers_beyond_all_use_harm_no_event() -> None:
    """Members that this version does not read may be anything that JSON readers accept."""
    for odd in (b"NaN", b"1e99999999999999999999", b'"\\ud800"', b"-Infinity"):
        event = parse(b'{"event":"payment.completed","paymentId":"cmh1","x":' + odd + b"}")
        assert event.payment_id == "cmh1"
        assert event.key == parse(b'{"event":"payment.completed","paymentId":"cmh1","x":' + odd + b"}").key


def test_an_unverified_body_is_never_decoded() -> None:
    """However unreadable it is, the signature is what is wrong with it."""
    for body in (b"[" * 100_000, b"not JSON", flat()):
        with pytest.raises(SignatureError):
            parse_event(body, {"X-Webhook-Signature": hexdigest(body, OTHER_SECRET)}, SECRET)


def test_a_body_that_is_not_bytes_is_the_callers_mistake() -> None:
    """A str is refused even though it could be encoded: what decoded it may have changed it."""
    for body in (flat().decode(), {"event": "payment.test"}, None):
        with pytest.raises(TypeError, match="body must be the raw bytes of the request"):
            parse_event(body, signed(flat()), SECRET)  # type: ignore[arg-type]


# Age


@pytest.mark.parametrize(
    ("age", "options", "stale"),
    [
        (timedelta(days=7), {}, False),
        (timedelta(days=7, seconds=1), {}, True),
        (timedelta(seconds=300), {"tolerance": 300}, False),
        (timedelta(seconds=301), {"tolerance": 300}, True),
        (timedelta(seconds=301), {"tolerance": timedelta(minutes=5)}, True),
        (timedelta(days=9999), {"tolerance": None}, False),
        (timedelta(seconds=1), {"tolerance": 0}, True),
        (timedelta(seconds=-300), {"tolerance": 5}, False),
        (timedelta(seconds=-301), {}, True),
        (timedelta(seconds=-301), {"tolerance": None}, True),
    ],
)
def test_an_event_may_be_as_old_as_the_tolerance(age: timedelta, options: dict[str, Any], stale: bool) -> None:
    """7 days back by default, since deliveries are repeated that long, and 300 s ahead whatever the tolerance."""
    body = flat(timestamp=(NOON - age).isoformat())
    if stale:
        with pytest.raises(StaleEventError):
            parse(body, **options)
    else:
        assert parse(body, **options).timestamp == NOON - age


@pytest.mark.parametrize(
    ("age", "tolerance", "message"),
    [
        (
            timedelta(days=8),
            604_800,
            "is 8.0 days old (timestamp 2023-12-24T12:00:00+00:00); the tolerance is 7.0 days",
        ),
        (timedelta(hours=5), 60, "is 5.0 hours old (timestamp 2024-01-01T07:00:00+00:00); the tolerance is 60 seconds"),
        (
            timedelta(minutes=-6),
            60,
            "is 6.0 minutes ahead of this machine's clock (timestamp 2024-01-01T12:06:00+00:00); "
            "up to 5.0 minutes are accepted: set the clock, or in tests pass clock=sandbox.clock",
        ),
    ],
)
def test_a_stale_event_says_how_stale(age: timedelta, tolerance: float, message: str) -> None:
    """Age, timestamp and tolerance, in words."""
    with pytest.raises(StaleEventError) as caught:
        parse(flat(timestamp=(NOON - age).isoformat()), tolerance=tolerance)
    assert str(caught.value) == f"the event {message}"


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
def test_the_ends_of_the_calendar_are_stale(timestamp: str) -> None:
    """Times that no other zone can express are no way round the tolerance, and break nothing."""
    with pytest.raises(StaleEventError):
        parse(flat(timestamp=timestamp))


def test_an_event_without_a_timestamp_is_accepted() -> None:
    """Some sources show none; replays are stopped elsewhere."""
    assert parse(flat(), tolerance=0).timestamp is None


def test_age_counts_from_the_clock_or_from_when_a_queue_received_it() -> None:
    """By default from now; `received_at` may be a datetime of any zone, or Unix seconds."""
    now = flat(timestamp=datetime.now(UTC).isoformat())
    assert parse_event(now, signed(now), SECRET, tolerance=60).event == "payment.completed"
    old = flat(timestamp=NOON.isoformat())
    with pytest.raises(StaleEventError):
        parse_event(old, signed(old), SECRET)
    for moment in (NOON, NOON.astimezone(timezone(timedelta(hours=9))), NOON.timestamp(), int(NOON.timestamp())):
        assert parse(old, tolerance=0, received_at=moment).timestamp == NOON


@pytest.mark.parametrize("received_at", [datetime(2024, 1, 1), "now", float("nan"), True])
def test_a_received_at_that_is_no_moment_is_refused(received_at: Any) -> None:
    """A time without a zone could be hours off."""
    with pytest.raises(InvalidArgumentError, match="received_at="):
        parse(flat(), received_at=received_at)


@pytest.mark.parametrize("tolerance", [-1, "300", float("nan"), True])
def test_a_tolerance_that_is_no_duration_is_refused(tolerance: Any) -> None:
    """A tolerance that is no duration is refused before a delivery is checked."""
    with pytest.raises(ConfigurationError, match="tolerance"):
        parse(flat(), tolerance=tolerance)


# Events as values


def test_events_are_frozen_hashable_and_survive_copies() -> None:
    """They pass through task queues unharmed, `raw` and delivery id included."""
    body = flat(amount=29.90)
    event = parse_event(body, signed(body, X_Webhook_ID="whd1"), SECRET)
    with pytest.raises(FrozenInstanceError):
        event.test = True  # type: ignore[misc]
    for copied in (pickle.loads(pickle.dumps(event)), copy.deepcopy(event), attrs.evolve(event)):
        assert copied == event
        assert hash(copied) == hash(event)
        assert (copied.raw, copied.delivery_id, copied.key) == (event.raw, "whd1", event.key)


def test_the_delivery_id_comes_from_the_headers_alone() -> None:
    """A member of that name in the body is another thing."""
    assert parse(flat(deliveryId="from the body")).delivery_id is None


def test_the_delivery_does_not_make_events_differ() -> None:
    """Two deliveries of one event are equal, whatever their ids."""
    body = flat()
    first, second = (parse_event(body, signed(body, X_Webhook_ID=name), SECRET) for name in ("whd1", "whd2"))
    assert first == second
