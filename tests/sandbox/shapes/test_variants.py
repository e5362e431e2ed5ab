"""Every documented shape of an answer can be chosen and read, and the documented samples have the same members."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from inventpay import InventPay, RateLimits
from inventpay.sandbox import MIXED, VARIANTS, Sandbox, Unlimited, Variants
from tests.sandbox.conftest import EVM_ADDRESS, Api
from tests.support import documented
from tests.support.clients import new_key

ALL = [(endpoint, name) for endpoint, names in VARIANTS.items() for name in names]


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Sandbox, InventPay]]:
    sandbox = Sandbox(api_key=new_key(), rate_limits=Unlimited(), seed=1)
    limits = RateLimits(payment_creation=10_000, status_checks=10_000, withdrawals=10_000, other=10_000)
    keys = {"api_key": sandbox.api_key, "withdrawal_key": sandbox.withdrawal_key}
    with sandbox.run() as server, InventPay(**keys, base_url=server.url, rate_limits=limits) as client:
        yield sandbox, client


def whole_story(sandbox: Sandbox, client: InventPay) -> None:
    """Every call, with what it must say in whatever shape."""
    sandbox.deposit("USDT_BEP20", 100)
    payment = client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20")
    assert (payment.amount, payment.currency) == (Decimal("29.99"), "USDT_BEP20")
    invoice = client.invoices.create(amount="5", amount_currency="USD")
    assert invoice.conversion_rates["USDC_SOL"].crypto_amount == 5
    status = client.payments.status(payment.payment_id)
    assert (status.payment_id, status.status, status.current_balance) == (payment.payment_id, "PENDING", 0)
    sandbox.pay(payment.payment_id, confirmations=1)
    assert client.payments.status(payment.payment_id).current_balance == Decimal("29.99")
    sandbox.confirm(payment.payment_id)
    assert client.payments.status(payment.payment_id).is_paid
    assert client.balances.all()["USDT_BEP20"].available_balance == Decimal("129.99")
    balance = client.balances.get("USDT_BEP20")
    assert balance.limits is not None
    assert balance.limits.daily is not None
    assert balance.limits.daily.remaining == 10_000
    withdrawal = client.withdrawals.create(amount="10", currency="USDT_BEP20", destination_address=EVM_ADDRESS)
    assert (withdrawal.amount, withdrawal.net_amount, withdrawal.status) == (10, Decimal("9.949"), "PENDING")
    withdrawal = client.withdrawals.get(withdrawal.withdrawal_id)
    assert (withdrawal.amount, withdrawal.net_amount) == (10, Decimal("9.949"))


@pytest.mark.parametrize(("endpoint", "variant"), ALL)
def test_the_client_reads_every_variant(shop: tuple[Sandbox, InventPay], endpoint: str, variant: str) -> None:
    """The whole story of a payment and a payout, with one answer in another shape."""
    sandbox, client = shop
    sandbox.reset()
    sandbox.variants.use(endpoint, variant)
    whole_story(sandbox, client)


def test_the_client_reads_any_mixture(shop: tuple[Sandbox, InventPay]) -> None:
    """Every answer in a shape chosen at random."""
    sandbox, client = shop
    for _ in range(20):
        sandbox.state.reset()
        sandbox.variants.mix()
        whole_story(sandbox, client)


def members(value: Any) -> Any:
    """The names in a body, without its values."""
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in sorted(value.items())}
    return members(value[0]) if isinstance(value, list) else None


def only(body: dict[str, Any], *path: str, codes: tuple[str, ...]) -> dict[str, Any]:
    """The body with no other coins than these in the object at the end of the path."""
    inner = body
    for name in path:
        inner = inner[name]
    for code in set(inner) - set(codes):
        del inner[code]
    return body


@pytest.mark.parametrize(
    ("endpoint", "variant", "path", "example"),
    [
        ("GET /v1/merchant/balance", "map-with-limits", "/v1/merchant/balance", "balances.map-with-limits"),
        ("GET /v1/merchant/balance", "map-with-locked", "/v1/merchant/balance", "balances.map-with-locked"),
        ("GET /v1/merchant/balance/{currency}", "limits-inside", "/v1/merchant/balance/BTC", "balance.limits-inside"),
        ("GET /v1/merchant/balance/{currency}", "limits-beside", "/v1/merchant/balance/BTC", "balance.limits-beside"),
    ],
)
def test_balances_have_the_members_of_the_documented_samples(
    api: Api, endpoint: str, variant: str, path: str, example: str
) -> None:
    """No member more, no member less (where the sample has the envelope that the variant's source has)."""
    api.sandbox.variants.use(endpoint, variant)
    answer = api.get(path).json()
    if path.endswith("balance"):
        only(answer, "data", "balances", codes=("USDT_BEP20", "BTC"))
    assert members(answer["data"]) == members(documented.document(example)["data"])


def test_the_list_of_balances_is_the_sample_s(api: Api) -> None:
    """The list inside `balances.balances`, its sums beside it, and the locked and pending parts in both."""
    api.sandbox.variants.use("GET /v1/merchant/balance", "list-with-summary")
    api.sandbox.deposit("USDT_BEP20", "100.5")
    api.withdraw()
    payment_id = api.create_payment()["paymentId"]
    api.sandbox.pay(payment_id, 4, confirmations=0)
    answer = api.get("/v1/merchant/balance").json()["data"]
    assert members(answer) == members(documented.document("balances.list-with-summary")["data"])
    entry = next(entry for entry in answer["balances"]["balances"] if entry["currency"] == "USDT_BEP20")
    assert (entry["availableBalance"], entry["lockedBalance"], entry["pendingBalance"]) == (90.5, 10, 4)
    assert answer["balances"]["summary"]["totalAvailable"] == 90.5


def test_statuses_read_as_other_sources_have_them(api: Api) -> None:
    """Too little reads PENDING in the documentation; unconfirmed and complete have other words elsewhere."""
    payment_id = api.create_payment()["paymentId"]

    def read(variant: str) -> Any:
        api.sandbox.variants.use("GET /v1/invoice/{paymentId}/status", variant)
        return api.status(payment_id)

    assert members(read("short-numbers")) == members(documented.document("payment_status.short-numbers"))
    assert read("short") == {"status": "PENDING", "currentBalance": "0", "confirmations": 0}
    assert read("enveloped")["data"]["paymentId"] == payment_id
    assert read("other-statuses")["status"] == "PENDING"
    api.sandbox.pay(payment_id, 5, confirmations=0)
    assert read("other-statuses")["status"] == "CONFIRMING"
    api.sandbox.confirm(payment_id)
    assert read("documented")["status"] == "UNDERPAID"
    assert read("pending-if-underpaid")["status"] == "PENDING"
    api.sandbox.pay(payment_id)
    assert read("other-statuses")["status"] == "SETTLED"


def test_the_week_s_withdrawals_are_counted(api: Api) -> None:
    """The week's withdrawals are shown, failed ones are given back, and a new week starts on Monday."""
    api.sandbox.variants.use("GET /v1/merchant/balance/{currency}", "limits-beside")
    api.sandbox.deposit("USDT_BEP20", 100)
    first = api.withdraw().json()["data"]["withdrawalId"]  # 2024-01-01 is a Monday
    api.clock.advance(6 * 86_400)
    api.withdraw(amount=7)

    def used() -> tuple[int, int, int]:
        limits = api.get("/v1/merchant/balance/USDT_BEP20").json()["data"]["limits"]
        return limits["daily"]["used"], limits["weekly"]["used"], limits["monthly"]["used"]

    assert used() == (7, 17, 17)
    api.sandbox.fail_withdrawal(first)
    assert used() == (7, 7, 7)
    api.clock.advance(86_400)
    assert used() == (0, 0, 7)


def test_envelopes_and_errors_vary_too(api: Api) -> None:
    """Without statusCode, with 201 for what was created, and with `message` for `error`; numbers keep their digits."""
    api.sandbox.variants.use("envelope", "without-status-code")
    answer = api.post("/v1/create_payment", {"amount": 0.1, "amountCurrency": "BTC", "currency": "ETH"})
    assert (answer.status_code, sorted(answer.json())) == (200, ["data", "message", "success"])
    assert b'"amount":1.296875,' in answer.content
    api.sandbox.variants.use("envelope", "created-201")
    answer = api.post("/v1/create_invoice", {"amount": 1})
    assert (answer.status_code, answer.json()["statusCode"]) == (201, 201)
    assert api.get("/v1/merchant/balance").status_code == 200
    api.sandbox.variants.use("errors", "message")
    answer = api.get("/v1/merchant/balance/DOGE")
    assert answer.json() == {"success": False, "message": "Invalid currency", "statusCode": 400}


def test_variants_are_chosen_over_http(api: Api) -> None:
    """One endpoint, or all of them mixed, and back to the documented ones."""

    def choose(**body: object) -> Any:
        return api.http.post("/sandbox/variants", json=body)

    endpoint = "GET /v1/merchant/balance"
    listed = api.http.get("/sandbox/variants").json()["data"]["endpoints"]
    assert listed[endpoint] == {"variant": "map-with-limits", "of": list(VARIANTS[endpoint])}
    chosen = choose(endpoint=endpoint, variant="map-with-locked").json()["data"]["endpoints"]
    assert chosen[endpoint]["variant"] == "map-with-locked"
    assert "timestamp" in api.get("/v1/merchant/balance").json()["data"]
    assert {entry["variant"] for entry in choose(variant=MIXED).json()["data"]["endpoints"].values()} == {MIXED}
    assert api.http.delete("/sandbox/variants").json()["data"]["endpoints"] == listed
    for body in ({}, {"variant": "short"}, {"endpoint": "x", "variant": MIXED}, {"endpoint": endpoint, "variant": "x"}):
        assert choose(**body).status_code == 400


def test_unknown_variants_are_refused() -> None:
    """A ValueError names those there are; chance follows the seed."""
    variants = Variants(seed=3)
    with pytest.raises(ValueError, match="no variants of 'GET /nowhere'"):
        variants.use("GET /nowhere", "documented")
    with pytest.raises(ValueError, match="no variant 'x'; choose one of: documented, message, mixed"):
        variants.use("errors", "x")

    def picks() -> list[str]:
        variants.clear()
        variants.mix()
        return [variants.pick("envelope") for _ in range(50)]

    assert picks() == picks()
    assert set(picks()) == set(VARIANTS["envelope"])
