"""Models become dicts, JSON text, FastAPI answers and pydantic fields, and come back from each."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import models, webhooks
from inventpay.errors import DecodeError, InvalidArgumentError
from inventpay.headers import Headers
from inventpay.models import (
    Balance,
    Balances,
    CallMeta,
    Invoice,
    Limit,
    Payment,
    PaymentStatus,
    StoreAnalytics,
    WebhookTest,
    Withdrawal,
)
from inventpay.models.amounts_due import TOLERANCE
from inventpay.models.balances import OddBalances
from inventpay.webhooks import (
    KNOWN_EVENTS,
    BaseEvent,
    PaymentCompletedEvent,
    PaymentEvent,
    PaymentUnderpaidEvent,
    UnknownEvent,
    WithdrawalEvent,
    parse_event,
    sign,
)
from tests.models.test_models import MODELS, SAMPLES
from tests.support.documented import NAMES, body, document

EVENTS: Final[list[Any]] = [
    *(
        kind(
            **({"payment_id": "cmh1"} if name.startswith("payment") else {"withdrawal_id": "cmh2"}),
            amount=Decimal("1E-8"),
            currency="BTC",
            timestamp=datetime(2024, 1, 1, 12, tzinfo=UTC),
            delivery_id="whd1",
        )
        for name, kind in KNOWN_EVENTS.items()
    ),
    UnknownEvent(event="order.paid", payment_id="cmh1", raw={"event": "order.paid"}),
]
EVERYTHING: Final[list[Any]] = [*SAMPLES, *EVENTS]


def named(sample: Any) -> str:
    return type(sample).__name__


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_json_text_is_read_back_as_it_was(sample: Any) -> None:
    """Bare or in an envelope, as text or as bytes: the same model of the same class."""
    text = sample.to_json()
    assert type(sample).from_json(text) == sample
    assert type(sample).from_json(text.encode()) == sample
    if not isinstance(sample, BaseEvent):
        assert type(sample).from_json(f'{{"success":true,"data":{text}}}') == sample
    assert type(sample).from_json(text).to_json() == text


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_json_text_is_canonical(sample: Any) -> None:
    """Names of the API, exact numbers, nothing that is ``None``, and nothing that belongs to the exchange."""
    written = json.loads(sample.to_json(), parse_float=Decimal)
    assert "null" not in sample.to_json()
    if not isinstance(sample, (StoreAnalytics, BaseEvent)):
        assert not [name for name in written if "_" in name]
    assert not {"raw", "unread", "meta"} & written.keys()


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_a_dict_has_every_attribute(sample: Any) -> None:
    """Amounts and times stay what they are; ``dict(model)`` is the same, except for mappings."""
    members = sample.to_dict()
    shown = [field.name for field in attrs.fields(type(sample)) if field.name not in ("raw", "unread", "_key")]
    assert list(members) == shown
    if not isinstance(sample, Mapping):
        assert dict(sample) == members
    for name, value in members.items():
        if isinstance(getattr(sample, name), (Decimal, datetime, str, int)):
            assert value is getattr(sample, name)
    assert not any(isinstance(value, (models.Model, tuple)) for value in members.values())


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_reprs_are_short(sample: Any) -> None:
    """Ids first, nothing that is empty, and no class of an enum."""
    shown = repr(sample)
    assert shown.startswith(f"{named(sample)}(")
    assert "None" not in shown
    assert "<" not in shown
    names = [part.split("=")[0] for part in shown[len(named(sample)) + 1 : -1].split(", ") if "=" in part]
    ids = [name for name in names if name == "id" or name.endswith("_id")]
    if not isinstance(sample, (Balances, Invoice)) and "(" not in shown[len(named(sample)) + 1 :]:
        assert names[: len(ids)] == ids


class Printer:
    """IPython's printer of a line without end."""

    def __init__(self) -> None:
        self.printed = ""

    @contextmanager
    def group(self, indent: int, opening: str, closing: str) -> Iterator[None]:
        self.text(opening)
        yield
        self.text(closing)

    def text(self, text: str) -> None:
        self.printed += text

    def breakable(self, separator: str = " ") -> None:
        self.text(separator)

    def pretty(self, value: object) -> None:
        own = getattr(value, "_repr_pretty_", None)
        self.text(repr(value)) if own is None else own(self, False)


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_notebooks_show_the_repr_on_lines_of_their_own(sample: Any) -> None:
    """The text of IPython is that of ``repr()``, with places to break: nothing secret is in it, and nothing empty."""
    printer = Printer()
    sample._repr_pretty_(printer, False)
    assert printer.printed == repr(sample)


def test_notebooks_show_balances_as_a_table() -> None:
    """One row a coin, amounts in full and escaped text; what cannot be read is shown as text."""
    facts = {"total_earned": Decimal(3), "total_withdrawn": Decimal("1E+1"), "pending_balance": None}
    held = {"<b>": Balance(currency="<b>", available_balance=Decimal("1E-8"), **facts)}
    table = Balances(by_currency=held)._repr_html_()
    assert "<td>&lt;b&gt;</td><td>0.00000001</td><td></td><td></td><td>3</td><td>10</td></tr>" in table
    assert table.count("<tr>") == 2
    odd = Balances(by_currency=OddBalances({**held, "BTC": DecodeError("no number")}))
    assert odd._repr_html_().startswith("<pre>Balances(by_currency={&#x27;&lt;b&gt;&#x27;: ")


def test_the_error_of_a_coin_without_balance_names_the_coins() -> None:
    """The KeyError of ``balances["USDT"]`` has a note that says for which coins there are balances."""
    balance = Balance(
        currency="USDT_BEP20", available_balance=Decimal(1), total_earned=Decimal(1), total_withdrawn=Decimal(0)
    )
    for held, coins in (({"USDT_BEP20": balance}, "USDT_BEP20"), ({}, "no coin")):
        balances = Balances(by_currency=held)
        with pytest.raises(KeyError) as caught:
            _ = balances["USDT"]
        assert caught.value.args == ("USDT",)
        assert caught.value.__notes__ == [f"There are balances of: {coins}"]
        assert balances.get("USDT") is None


DOCUMENTED: Final = {
    "create_payment": Payment,
    "create_invoice": Invoice,
    "payment_status.completed": PaymentStatus,
    "payment_status.pending": PaymentStatus,
    "balance.limits-inside": Balance,
    "balance.limits-beside": Balance,
    "balances.map-with-limits": Balances,
    "balances.map-with-locked": Balances,
    "balances.list-with-summary": Balances,
    "withdrawal.created": Withdrawal,
    "withdrawal.docs-pending": Withdrawal,
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_bodies_are_read(name: str) -> None:
    """A body that was kept elsewhere is read in any documented variant, enveloped or not, and survives a round trip."""
    assert name in NAMES
    kind: Any = DOCUMENTED[name]
    model = kind.from_json(body(name))
    held = document(name)
    assert kind.from_json(json.dumps(held.get("data", held), default=str)) == model
    assert model.unread == ()
    assert kind.from_json(model.to_json()) == model


def test_a_status_needs_its_id() -> None:
    """No call names the payment that it is about."""
    with pytest.raises(DecodeError, match=r"^\$\.paymentId is missing$"):
        PaymentStatus.from_json(body("payment_status.short-numbers"))


@pytest.mark.parametrize("text", ["", "null", "[]", "5", "<html>", '{"limit": []}', b"\xff"])
def test_text_that_is_no_model_is_refused(text: str | bytes) -> None:
    """Text that is no model is an error with the place, like an answer."""
    with pytest.raises(DecodeError):
        Limit.from_json(text)


def test_only_text_is_read() -> None:
    """A dict has lost its exact numbers already."""
    with pytest.raises(InvalidArgumentError, match="text must be str or bytes, not dict"):
        Limit.from_json({"limit": 1})  # type: ignore[arg-type]


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=0, max_value=10**20), st.floats(0, 1e300)
)
def test_amounts_travel_exactly(limit: Decimal, used: float) -> None:
    """Every digit, in plain notation where that is readable."""
    sent = Limit(limit=limit, used=Decimal(repr(used)), remaining=Decimal(0))
    back = Limit.from_json(sent.to_json())
    assert (f"{back.limit:f}", back.used) == (f"{limit:f}", sent.used)


def test_a_time_of_a_test_keeps_its_unit() -> None:
    """Seconds here, milliseconds in the API's JSON."""
    test = WebhookTest(url="https://a.example", response_time=0.087)
    assert json.loads(test.to_json())["responseTime"] == 87
    assert WebhookTest.from_json(test.to_json()).response_time == 0.087


# Events


def test_events_come_back_as_their_own_class() -> None:
    """A base class reads every event of its kind, and no other."""
    text = '{"event": "payment.completed", "data": {"paymentId": "cmh1"}}'
    for kind in (BaseEvent, PaymentEvent, PaymentCompletedEvent):
        assert type(kind.from_json(text)) is PaymentCompletedEvent
    with pytest.raises(DecodeError, match=r"is 'payment\.completed', which is no WithdrawalEvent"):
        WithdrawalEvent.from_json(text)
    assert type(BaseEvent.from_json('{"event": "order.paid"}')) is UnknownEvent


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("webhook.")])
def test_an_event_keeps_its_key_over_a_queue(name: str) -> None:
    """It is handled once, wherever its text was carried to."""
    content = body(name)
    sent = parse_event(
        content, {"X-Webhook-Signature": sign(content, "s"), "X-Webhook-ID": "whd1"}, "s", tolerance=None
    )
    back = BaseEvent.from_json(sent.to_json())
    assert back == sent
    assert (back.key, back.delivery_id) == (sent.key, "whd1")


# Amounts that a payment page shows


@pytest.mark.parametrize(
    ("received", "required", "remaining", "overpaid", "under", "over"),
    [
        ("0", "10", "10", "0", False, False),
        ("4", "10", "6", "0", True, False),
        ("10", "10", "0", "0", False, False),
        ("12.5", "10", "0", "2.5", False, True),
        ("9.99999999", "10", "0.00000001", "0", False, False),
        ("9.99999998", "10", "0.00000002", "0", True, False),
        ("10.00000001", "10", "0", "0.00000001", False, False),
        ("4", None, None, None, None, None),
    ],
)
def test_amounts_due(
    received: str,
    required: str | None,
    remaining: str | None,
    overpaid: str | None,
    under: bool | None,
    over: bool | None,
) -> None:
    """Never negative, exact, and unknown where an amount is unknown; a difference within the tolerance is none."""

    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    status = PaymentStatus(
        payment_id="p", status="PENDING", current_balance=Decimal(received), required_amount=amount(required)
    )
    event = webhooks.PaymentPendingEvent(payment_id="p", current_balance=Decimal(received), amount=amount(required))
    for each in (status, event):
        assert (each.remaining_amount, each.overpaid_amount) == (amount(remaining), amount(overpaid))
        assert (each.is_underpaid, each.is_overpaid) == (under, over)
    assert Decimal("1E-8") == TOLERANCE


def test_an_underpaid_event_has_the_servers_word() -> None:
    """Its own ``remainingAmount`` counts, and is computed where it is left out."""
    underpaid = PaymentUnderpaidEvent(payment_id="p", required_amount=Decimal(10), current_balance=Decimal(4))
    assert underpaid.remaining_amount == 6
    assert PaymentUnderpaidEvent(payment_id="p", remaining_amount=Decimal(5)).remaining_amount == 5
    assert PaymentUnderpaidEvent(payment_id="p").remaining_amount is None
    text = '{"event":"payment.underpaid","paymentId":"p","requiredAmount":"10","currentBalance":"4"}'
    assert PaymentUnderpaidEvent.from_json(text).remaining_amount == 6


@pytest.mark.parametrize(
    ("status", "paid", "final"),
    [(None, True, True), ("COMPLETED", True, True), ("CONFIRMED", True, True), ("FAILED", False, True)],
)
def test_paid_events_are_paid_unless_their_state_contradicts(status: str | None, paid: bool, final: bool) -> None:
    """The name is the word of the server, and a contradicting state is doubt."""
    event = PaymentCompletedEvent(payment_id="p", status=status)
    assert (event.is_paid, event.is_final, event.is_test) == (paid, final, False)


def test_withdrawals_end() -> None:
    """Nothing follows COMPLETED, FAILED and CANCELLED."""
    ends = {
        state: attrs.evolve(next(s for s in SAMPLES if isinstance(s, Withdrawal)), status=state).is_final
        for state in (*models.WithdrawalState, "APPROVAL")
    }
    assert [state for state, is_final in ends.items() if is_final] == ["COMPLETED", "FAILED", "CANCELLED"]


# Other libraries


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_models_are_fields_of_pydantic_models(sample: Any) -> None:
    """An instance, its own JSON and dicts of either naming are accepted; amounts are text in plain notation."""
    pydantic = pytest.importorskip("pydantic")
    holder = pydantic.create_model("Holder", x=(type(sample), ...))
    written = holder(x=sample).model_dump_json()  # type: ignore[call-arg]
    assert "E-" not in written
    if not isinstance(sample, (StoreAnalytics, BaseEvent)):
        # Free figures have no types; text of amounts stays text.
        assert holder.model_validate_json(written).x == sample  # type: ignore[attr-defined]
    for members in (sample.to_dict(), sample.to_dict(wire=True)):
        assert holder(x=members).x == sample  # type: ignore[call-arg, attr-defined]
    assert holder(x=sample).model_dump()["x"] == sample.to_dict()  # type: ignore[call-arg]
    with pytest.raises(pydantic.ValidationError, match=f"must be a {named(sample)} or an object"):
        holder(x=5)  # type: ignore[call-arg]


def test_what_pydantic_refuses_is_named() -> None:
    """The errors of pydantic have the JSON path."""
    pydantic = pytest.importorskip("pydantic")
    with pytest.raises(pydantic.ValidationError, match=r"\$\.used is missing"):
        pydantic.TypeAdapter(Limit).validate_python({"limit": 1})


def test_every_model_is_a_return_type_of_fastapi() -> None:
    """The answer has the names of ``to_dict``, and the OpenAPI document one component for each class."""
    FastAPI = pytest.importorskip("fastapi").FastAPI  # noqa: N806
    from fastapi.testclient import TestClient

    app = FastAPI()
    for number, sample in enumerate(EVERYTHING):

        def route(sample: Any = sample) -> Any:
            return sample

        app.add_api_route(f"/{number}", lambda sample=sample: sample, response_model=type(sample))
        app.add_api_route(f"/{number}/bare", lambda sample=sample: sample, response_model=None)
        del route
    client = TestClient(app)
    for number, sample in enumerate(EVERYTHING):
        answer = client.get(f"/{number}")
        assert answer.status_code == 200
        assert list(answer.json()) == list(sample.to_dict())
        assert client.get(f"/{number}/bare").status_code == 200
    components = client.get("/openapi.json").json()["components"]["schemas"]
    assert {named(sample) for sample in EVERYTHING} <= components.keys()
    assert components["Limit"]["properties"]["limit"] == {"title": "Limit", "type": "string"}
    assert components["Balances"]["properties"]["by_currency"]["additionalProperties"] == {
        "$ref": "#/components/schemas/Balance"
    }


def test_what_is_read_may_lack_what_has_a_default() -> None:
    """Schemas of answers require every member; those of bodies only members without which a body is refused."""
    pydantic = pytest.importorskip("pydantic")
    for sample in EVERYTHING:
        adapter = pydantic.TypeAdapter(type(sample))
        written, read = (adapter.json_schema(mode=mode) for mode in ("serialization", "validation"))
        assert written.get("required", []) == list(sample.to_dict())
        required = read.get("required", [])
        assert required == [name for name, field in _fields(sample).items() if field.default is attrs.NOTHING]
        members = sample.to_dict()
        # Free figures have no names, and a payment without a coin is one whose coin the payer picks.
        for name in set(required) - {"figures", "currency"}:
            with pytest.raises(pydantic.ValidationError, match="is missing"):
                adapter.validate_python({other: value for other, value in members.items() if other != name})


def _fields(sample: Any) -> dict[str, Any]:
    return {name: field for name, field in attrs.fields_dict(type(sample)).items() if name in sample.to_dict()}


def test_fields_of_pydantic_models_are_copied_and_pickled() -> None:
    """A model of pydantic that holds lists, maps and optional models travels whole, and a body may hold one."""
    pydantic = pytest.importorskip("pydantic")
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from tests.support.held import Held, app

    limit = Limit(limit=Decimal("12345678901234567.000000000000000001"), used=Decimal("1E-8"))
    held = Held(one=limit, many=[limit], named={"a": limit}, none=None)
    assert Held.model_validate_json(held.model_dump_json()) == held
    assert held.model_copy(deep=True) == pickle.loads(pickle.dumps(held)) == held
    answer = TestClient(app).post("/", json=json.loads(held.model_dump_json()))
    assert Held.model_validate_json(answer.text) == held
    assert answer.json()["named"]["a"]["used"] == "0.00000001"
    refused = TestClient(app).post("/", json={"one": {"limit": "many", "used": 0}, "many": [], "named": {}})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "one"])
    with pytest.raises(pydantic.ValidationError):
        Held(one="x", many=[], named={})  # type: ignore[arg-type]


def test_other_serializers_work_too() -> None:
    """msgspec and attrs see attributes, and no exchange."""
    for sample in SAMPLES:
        object.__setattr__(sample, "_exchange", (200, Headers([]), 1, 0.1, None))
        assert sample.meta == CallMeta(status=200, headers=Headers([]), attempts=1, seconds=0.1)
        assert not {"meta", "_exchange"} & attrs.asdict(sample).keys()
        assert b"exchange" not in msgspec.json.encode(sample)
        assert b'"meta"' not in msgspec.json.encode(sample)


def test_what_is_not_asked_for_is_not_loaded() -> None:
    """A client and its models load neither pydantic nor OpenTelemetry, nor the class of ``.meta`` before it is read."""
    code = """
import sys
import httpx
from inventpay import InventPay, Payment

def answer(request):
    amounts = {"availableBalance": 1, "totalEarned": 1, "totalWithdrawn": 0}
    return httpx.Response(200, json={"success": True, "data": {"currency": "BTC", "balance": amounts}})

with InventPay("pk_live_1", transport=httpx.MockTransport(answer)) as client:
    balance = client.balances.get("BTC")
optional = {"pydantic", "opentelemetry", "inventpay.telemetry", "inventpay._json.pydantic_schema"}
print(sorted((optional | {"inventpay.models.call_meta"}) & sys.modules.keys()), balance.meta.status)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[] 200\n"


# Documentation


def described(kind: type) -> set[str]:
    """The attributes of a class that have a docstring where they are defined, inherited ones included."""
    names: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("inventpay"):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        statements = tree.body[0].body  # type: ignore[attr-defined]
        for statement, following in itertools.pairwise(statements):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                names.add(statement.target.id)
    return names


PUBLIC_RECORDS: Final = [*MODELS, *KNOWN_EVENTS.values(), UnknownEvent, models.CallMeta]


@pytest.mark.parametrize("kind", PUBLIC_RECORDS, ids=lambda kind: kind.__name__)
def test_every_attribute_has_a_docstring(kind: Any) -> None:
    """An editor shows it, and the reference has it."""
    fields = {field.name for field in attrs.fields(kind) if not field.name.startswith("_")}
    assert fields - described(kind) == set()
    properties = [name for name, value in inspect.getmembers(kind) if isinstance(value, property) and name[0] != "_"]
    assert [name for name in properties if not getattr(kind, name).__doc__] == []


UNITS: Final = {
    "Decimal": ("coin", "currency", "percent", "USDT", "fraction", "number of attempts", "Price", "price", "Price of"),
    "datetime": ("ime",),
}


@pytest.mark.parametrize("kind", PUBLIC_RECORDS, ids=lambda kind: kind.__name__)
def test_amounts_and_times_have_their_unit(kind: Any) -> None:
    """Money without its currency is no information."""
    for base in kind.__mro__:
        if not base.__module__.startswith("inventpay"):
            continue
        statements = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for statement, following in itertools.pairwise(statements):
            if not isinstance(statement, ast.AnnAssign) or not isinstance(following, ast.Expr):
                continue
            wanted = ast.unparse(statement.annotation).split(" | ")[0]
            if wanted in UNITS:
                text = ast.unparse(following)
                assert any(word in text for word in UNITS[wanted]), f"{base.__name__}.{ast.unparse(statement.target)}"


def test_the_sources_of_models_are_found() -> None:
    """The checks above look at real files."""
    assert Path(inspect.getsourcefile(Payment) or "").name == "payments.py"
    assert {"payment_id", "amount", "raw", "unread"} <= described(Payment)


@pytest.mark.parametrize("sample", EVERYTHING, ids=named)
def test_a_data_frame_has_one_column_for_each_member(sample: Any) -> None:
    """Rows of ``to_dict`` keep exact amounts and times with their zone; nested models and lists stay one cell."""
    pandas = pytest.importorskip("pandas")
    members = sample.to_dict()
    frame = pandas.DataFrame(one.to_dict() for one in (sample, sample))
    assert list(frame.columns) == list(members)
    assert len(frame) == 2
    for name, value in members.items():
        cell = frame[name].iloc[0]
        if isinstance(value, Decimal):
            assert (type(cell), cell) == (Decimal, value)
        elif isinstance(value, datetime):
            assert cell.to_pydatetime() == value
            assert cell.tzinfo is not None


def test_amounts_of_a_data_frame_add_up_exactly() -> None:
    """The sum of a column is a ``Decimal``, and a frame can be filtered by members."""
    pandas = pytest.importorskip("pandas")
    limits = [Limit(limit=Decimal("0.1"), used=Decimal("0.2"), remaining=Decimal("0.3"))] * 3
    frame = pandas.DataFrame(limit.to_dict() for limit in limits)
    assert frame["limit"].sum() == Decimal("0.3")
    assert len(frame[frame["used"] > Decimal("0.1")]) == 3


def test_a_polars_frame_keeps_amounts_exact() -> None:
    """Rows of different digits, some of them behind the first hundred, make one exact column."""
    polars = pytest.importorskip("polars")
    limits = [Limit(limit=Decimal(1), used=Decimal(0))] * 150
    limits.append(Limit(limit=Decimal("0.123456789012345678"), used=Decimal("1E-8"), reset_at=datetime.now(UTC)))
    frame = polars.DataFrame([limit.to_dict() for limit in limits], infer_schema_length=None)
    assert frame.columns == list(limits[0].to_dict())
    assert frame["limit"].to_list() == [limit.limit for limit in limits]
    assert frame["reset_at"].to_list() == [limit.reset_at for limit in limits]


def test_json_dumps_writes_models_with_a_default() -> None:
    """The line of the reference writes models among other values: amounts as exact text, names of ``to_dict``."""
    order = {"number": 7, "limits": [Limit(limit=Decimal("12345678901234567.1"), used=Decimal("0.1"))]}
    text = json.dumps(order, default=lambda value: value.to_dict() if isinstance(value, models.Model) else str(value))
    assert json.loads(text)["limits"][0]["limit"] == "12345678901234567.1"
