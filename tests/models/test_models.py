"""Models are frozen, slotted, comparable, hashable and picklable, and keep what the API sent."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast

import attrs
import pytest

from inventpay import models
from inventpay.models import (
    AddedKeys,
    AmountCurrency,
    Balance,
    BalanceAfterLock,
    Balances,
    BalanceSummary,
    Checkout,
    Confirmation,
    ConversionRate,
    Currency,
    DigitalContent,
    FeeBreakdown,
    Invoice,
    KeyState,
    KeyStats,
    Limit,
    MerchantInfo,
    Order,
    OrderItem,
    Payment,
    PaymentState,
    PaymentStatus,
    Product,
    ProductKey,
    RemovedKeys,
    Store,
    StoreAnalytics,
    StoreSettings,
    WebhookConfig,
    WebhookDelivery,
    WebhookStatistics,
    WebhookStats,
    WebhookTest,
    Withdrawal,
    WithdrawalLimits,
    WithdrawalState,
)

NOON: Final = datetime(2024, 1, 1, 12, tzinfo=UTC)
RAW: Final[dict[str, Any]] = {"newMember": Decimal("0.10")}
BTC: Final = Balance(
    currency=Currency.BTC, available_balance=Decimal(1), total_earned=Decimal(2), total_withdrawn=Decimal(1), raw=RAW
)

SAMPLES: Final[list[Any]] = [
    AddedKeys(added=2, duplicates=1, raw=RAW),
    BTC,
    BalanceAfterLock(available=Decimal(1), raw=RAW),
    BalanceSummary(total_available=Decimal(1), raw=RAW),
    Balances(by_currency={"BTC": BTC}, merchant_id="cmf1", raw=RAW),
    Checkout(order_id="order1", payment_id="cmh1", raw=RAW),
    Confirmation(message="Done", raw=RAW),
    ConversionRate(crypto_amount=Decimal("0.001"), raw=RAW),
    DigitalContent(text_content="Thank you", raw=RAW),
    FeeBreakdown(network_fee=Decimal("0.001"), raw=RAW),
    Invoice(
        payment_id="cmh1",
        base_amount=Decimal(5),
        base_currency=AmountCurrency.USD,
        invoice_url="https://inventpay.io/invoice/cmh1",
        expires_at=NOON,
        conversion_rates={"BTC": ConversionRate(crypto_amount=Decimal("0.001"))},
        raw=RAW,
    ),
    KeyStats(available=1, assigned=2, revoked=3, total=6, raw=RAW),
    Limit(limit=Decimal(10), used=Decimal("0.1"), raw=RAW),
    MerchantInfo(business_name="Shop", raw=RAW),
    Order(
        id="order1",
        status="PAID",
        total_amount=Decimal(2),
        items=(OrderItem(product_id="prod1", quantity=2, price=Decimal(1)),),
        customer={"email": "ada@example.com"},
        raw=RAW,
    ),
    OrderItem(product_id="prod1", quantity=2, price=Decimal(1), raw=RAW),
    Payment(
        payment_id="cmh1",
        amount=Decimal("29.99"),
        currency=Currency.USDT_BEP20,
        invoice_url="https://inventpay.io/invoice/cmh1",
        expires_at=NOON,
        raw=RAW,
    ),
    PaymentStatus(payment_id="cmh1", status="NEW_STATE", current_balance=Decimal("0.10"), confirmations=0, raw=RAW),
    ProductKey(id="key1", key_value="L-1", status=KeyState.AVAILABLE, raw=RAW),
    RemovedKeys(removed=3, raw=RAW),
    Store(id="store1", name="Shop", slug="shop", settings=StoreSettings(min_order_amount=Decimal(1)), raw=RAW),
    StoreAnalytics(figures={"totalRevenue": Decimal("0.10")}, raw=RAW),
    StoreSettings(accepted_currencies=("BTC",), raw=RAW),
    Product(id="prod1", name="Mug", price=Decimal("9.50"), metadata={"colour": "red"}, raw=RAW),
    WebhookConfig(url="https://shop.example/hooks", is_configured=True, secret="s3cret", raw=RAW),
    WebhookDelivery(
        id="whd1", url="https://shop.example/hooks", success=True, attempts=1, payload={"event": "x"}, raw=RAW
    ),
    WebhookStatistics(total=2, successful=1, failed=1, success_rate=Decimal("50.00"), raw=RAW),
    WebhookStats(period="7 days", summary=WebhookStatistics(total=0, successful=0, failed=0), raw=RAW),
    WebhookTest(url="https://shop.example/hooks", status_code=200, response_time=0.087, raw=RAW),
    Withdrawal(
        withdrawal_id="cmh2",
        amount=Decimal(10),
        currency="DOGE",
        destination_address="D1",
        status=WithdrawalState.PENDING,
        raw=RAW,
    ),
    WithdrawalLimits(daily=Limit(limit=Decimal(10), used=Decimal(1)), raw=RAW),
]

MODELS: Final = [
    kind
    for name in models.__all__
    if issubclass(kind := getattr(models, name), models.Model) and kind is not models.Model
]
ENUMS: Final = [kind for name in models.__all__ if issubclass(kind := getattr(models, name), StrEnum)]


def test_every_model_has_a_sample() -> None:
    """The following tests cover every model."""
    assert {type(sample) for sample in SAMPLES} == set(MODELS)
    assert {*models.__all__} == {kind.__name__ for kind in [*MODELS, *ENUMS, models.Model, models.CallMeta]}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_models_are_frozen_and_slotted(sample: Any) -> None:
    """No attribute can be changed or added; there is no ``__dict__`` to hide one in."""
    name = attrs.fields(type(sample))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(sample, name, None)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        sample.anything = 1
    assert not hasattr(sample, "__dict__")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_models_survive_pickle_and_copies(sample: Any, protocol: int) -> None:
    """A model arrives whole in another process: values, types, and the raw object."""
    for copied in (pickle.loads(pickle.dumps(sample, protocol)), copy.copy(sample), copy.deepcopy(sample)):
        assert type(copied) is type(sample)
        assert copied == sample
        assert repr(copied) == repr(sample)
        assert copied.raw == RAW


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_raw_counts_neither_in_comparison_nor_in_repr(sample: Any) -> None:
    """A member of a later release changes no equality, no hash and no log line."""
    other = attrs.evolve(sample, raw={"another": 1})
    assert other == sample
    assert repr(other) == repr(sample)
    assert "raw=" not in repr(sample)
    if not isinstance(sample, Mapping):
        assert hash(other) == hash(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_models_are_hashable_unless_they_are_mappings(sample: Any) -> None:
    """Models go into sets and dict keys; a mapping, like dict, does not."""
    if isinstance(sample, Mapping):
        with pytest.raises(TypeError, match="unhashable"):
            hash(sample)
    else:
        assert {sample, copy.deepcopy(sample)} == {sample}


@pytest.mark.parametrize("kind", MODELS)
def test_models_are_made_by_name(kind: type) -> None:
    """Every attribute is keyword-only, so that a later release can add one anywhere."""
    assert all(attribute.kw_only for attribute in attrs.fields(kind))
    with pytest.raises(TypeError):
        kind("positional")


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_keeps_raw(kind: type) -> None:
    """Each model has ``raw``, an empty object where nothing was sent."""
    (raw,) = (attribute for attribute in attrs.fields(kind) if attribute.name == "raw")
    assert not raw.repr
    assert not raw.eq


def test_remaining_is_limit_minus_used_exactly() -> None:
    """The difference is computed unless it is given, without rounding."""
    assert Limit(limit=Decimal("1e29"), used=Decimal("1e-30")).remaining == Decimal("9" * 29 + "." + "9" * 30)
    assert Limit(limit=Decimal(1), used=Decimal(1), remaining=Decimal(5)).remaining == 5


def test_balances_compare_as_mappings() -> None:
    """Balances are equal to a dict of the same balances, and to nothing else."""
    balances = Balances(by_currency={"BTC": BTC})
    assert balances == {"BTC": BTC}
    assert balances != {}
    assert balances != cast("Any", 5)
    assert list(balances.items()) == [("BTC", BTC)]
    assert balances.get("ETH") is None


@pytest.mark.parametrize(
    ("status", "final", "paid"),
    [
        (PaymentState.PENDING, False, False),
        (PaymentState.PROCESSING, False, False),
        (PaymentState.CONFIRMING, False, False),
        (PaymentState.UNDERPAID, False, False),
        (PaymentState.COMPLETED, True, True),
        (PaymentState.SETTLED, True, True),
        (PaymentState.EXPIRED, True, False),
        (PaymentState.FAILED, True, False),
        (PaymentState.CANCELLED, True, False),
        ("COMPLETED", True, True),
        ("NEW_STATE", False, False),
    ],
)
def test_final_and_paid_states(status: PaymentState | str, final: bool, paid: bool) -> None:
    """Nothing follows a final state, and two of the final states mean that the money has arrived."""
    answer = PaymentStatus(payment_id="cmh1", status=status, current_balance=Decimal(0), confirmations=0)
    assert (answer.is_final, answer.is_paid) == (final, paid)


def test_the_table_of_states_is_complete() -> None:
    """Every state of the enum has a row above."""
    assert len(PaymentState) == 9


@pytest.mark.parametrize("kind", ENUMS)
def test_enum_members_are_their_text(kind: type[StrEnum]) -> None:
    """A member is the text the API uses: it compares, prints and formats as that."""
    for member in kind:
        assert member == member.name == member.value == str(member) == f"{member}"


def test_the_enums_hold_what_the_sources_name() -> None:
    """The enums hold the union of all sources."""
    assert [*Currency] == ["BTC", "ETH", "LTC", "USDT_ERC20", "USDT_BEP20", "SOL", "USDC_SOL", "USDC_BEP20"]
    assert [*AmountCurrency] == ["USD", "USDT", "BTC", "ETH", "LTC", "SOL"]
    assert [*WithdrawalState] == ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"]
