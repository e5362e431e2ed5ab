"""The OpenAPI description: complete, valid, and true to the documented answers.

The nox session `openapi` checks it with thousands of generated requests.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from inventpay import ENDPOINTS
from inventpay.sandbox import Sandbox
from inventpay.sandbox.openapi.answers import BARE, DATA
from inventpay.sandbox.openapi.requests import BODIES, QUERIES
from tests.sandbox.conftest import Api
from tests.support import documented

Schema = dict[str, Any]


@pytest.fixture(scope="module")
def description() -> Schema:
    with httpx.Client(transport=Sandbox().transport(), base_url="http://localhost") as http:
        answer = http.get("/openapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    found: Schema = answer.json()
    return found


LIVE = ("GET /sandbox/live", "GET /invoice/{paymentId}/live", "GET /sandbox/assets/{name}")


def operations(description: Schema) -> dict[str, Schema]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def test_the_api_is_served_as_the_client_asks_for_it() -> None:
    """Every endpoint of the client's table has a route, and no other path lies under /v1."""
    routes = [route for route in Sandbox().app.routes if isinstance(route, Route) and route.path.startswith("/v1/")]
    served = [f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}]
    assert sorted(served) == sorted(ENDPOINTS)


def test_every_endpoint_is_described_and_no_other(description: Schema) -> None:
    """Each path has methods, a unique name, parameters, keys and refusals; the tables have no other endpoint."""
    described = operations(description)
    undescribed = {"GET /", "GET /invoice/{paymentId}", "GET /openapi.json", *LIVE}
    routes = [route for route in Sandbox().app.routes if isinstance(route, Route)]
    served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert set(described) == served - undescribed
    names = [operation["operationId"] for operation in described.values()]
    assert len(names) == len(set(names))
    for table in (DATA, BARE, BODIES, QUERIES):
        assert set(table) <= set(described)
    assert {label for label in described if " /v1/" in label} == set(DATA) | set(BARE)
    for label, operation in described.items():
        in_path = [one["name"] for one in operation.get("parameters", []) if one["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", label)
    withdraw = described["POST /v1/merchant/withdrawal/create"]
    assert withdraw["security"] == [{"apiKey": [], "withdrawalKey": []}]
    assert {"401", "403", "409", "413", "415", "429"} <= set(withdraw["responses"])
    assert "security" not in described["GET /v1/invoice/{paymentId}/status"]


def at(schema: Schema, pointer: str) -> Schema:
    """The schema of a member; a missing one is a KeyError."""
    for step in pointer.strip("/").split("/"):
        for option in schema.get("anyOf", [schema]):
            inner = option["items"] if step.isdigit() else option.get("properties", {}).get(step)
            if inner is not None:
                break
        else:
            raise KeyError(step)
        schema = inner
    return schema


def test_every_link_leads_somewhere(description: Schema) -> None:
    """From a member that the answer has, to a parameter of an operation that is there; a payment leads to its steps."""
    described = operations(description)
    by_id = {operation["operationId"]: operation for operation in described.values()}
    followed = 0
    for label, operation in described.items():
        for name, link in operation["responses"]["200"].get("links", {}).items():
            assert name == link["operationId"]
            (parameter, expression), *_ = link["parameters"].items()
            assert parameter in {one["name"] for one in by_id[name]["parameters"]}
            assert at(success(description, label), expression.removeprefix("$response.body#"))["type"] is not None
            followed += 1
    assert followed > 50
    payment = described["POST /v1/create_payment"]["responses"]["200"]["links"]
    assert {"get_v1_invoice_paymentid_status", "post_sandbox_payments_paymentid_pay"} <= set(payment)


def check(value: Any, schema: Schema, where: str = "$") -> None:
    """A value against the words of JSON Schema that the description uses."""
    if "anyOf" in schema:
        problems = []
        for option in schema["anyOf"]:
            try:
                check(value, option, where)
            except AssertionError as error:
                problems.append(error)
            else:
                return
        raise AssertionError(f"{where} fits none of them: {problems}")
    if "const" in schema:
        assert value == schema["const"], where
    if "enum" in schema:
        assert value in schema["enum"], where
    kinds = schema.get("type", [])
    names: dict[type, set[str]] = {
        dict: {"object"},
        list: {"array"},
        str: {"string"},
        bool: {"boolean"},
        int: {"integer", "number"},
        float: {"number"},
        type(None): {"null"},
    }
    if kinds:
        assert names[type(value)] & set([kinds] if isinstance(kinds, str) else kinds), f"{where} is {value!r}"
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value), where
        assert schema.get("additionalProperties", True) or set(value) <= set(schema["properties"]), where
        for name, inner in value.items():
            check(inner, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            check(item, schema["items"], f"{where}[{number}]")
    if isinstance(value, str) and "pattern" in schema:
        assert re.search(schema["pattern"], value), where


def success(description: Schema, label: str) -> Schema:
    schema: Schema = operations(description)[label]["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


@pytest.mark.parametrize(
    ("label", "example"),
    [
        ("POST /v1/create_payment", "create_payment"),
        ("GET /v1/invoice/{paymentId}/status", "payment_status.pending"),
        ("GET /v1/invoice/{paymentId}/status", "payment_status.completed"),
        ("GET /v1/merchant/balance/{currency}", "balance.limits-inside"),
        ("GET /v1/withdrawal/{withdrawalId}", "withdrawal.docs-pending"),
    ],
)
def test_the_documented_samples_fit_the_description(description: Schema, label: str, example: str) -> None:
    """The samples of the API's own documentation fit the description."""
    check(documented.document(example), success(description, label))


def test_answers_and_refusals_fit_the_description(api: Api, description: Schema) -> None:
    """Payments in and out, an invoice, balances, a refusal with details and one without."""
    api.sandbox.deposit("USDT_BEP20", 100)
    error = description["components"]["schemas"]["Error"]
    payment_id = api.create_payment(orderId="1", description="x")["paymentId"]
    api.sandbox.pay(payment_id)
    withdrawal = api.withdraw()
    check(withdrawal.json(), success(description, "POST /v1/merchant/withdrawal/create"))
    withdrawal_id = withdrawal.json()["data"]["withdrawalId"]
    api.sandbox.complete_withdrawal(withdrawal_id)
    for label, path in (
        ("GET /v1/invoice/{paymentId}/status", f"/v1/invoice/{payment_id}/status"),
        ("GET /v1/merchant/balance", "/v1/merchant/balance"),
        ("GET /v1/merchant/balance/{currency}", "/v1/merchant/balance/LTC"),
        ("GET /v1/withdrawal/{withdrawalId}", f"/v1/withdrawal/{withdrawal_id}"),
        ("GET /v1/merchant/webhook-config", "/v1/merchant/webhook-config"),
        ("GET /v1/merchant/webhook-stats", "/v1/merchant/webhook-stats"),
        ("GET /sandbox/state", "/sandbox/state"),
    ):
        check(api.get(path).json(), success(description, label))
    check(api.post("/v1/create_invoice", {"amount": 5}).json(), success(description, "POST /v1/create_invoice"))
    check(api.get("/v1/merchant/balance/DOGE").json(), error)
    check(api.get("/v1/withdrawal/x").json(), error)


def test_a_wrong_method_is_answered_with_the_allowed_ones(api: Api) -> None:
    """405 names every method of the path, not only those of the first route that has it."""
    answer = api.http.request("PATCH", "/v1/store/manage")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, PUT")


def test_a_coin_that_is_no_text_is_refused_and_not_a_defect(api: Api) -> None:
    """A list or an object among the accepted coins of a store is 400."""
    for coin in ({}, [], 5, None):
        settings = {"acceptedCurrencies": [coin]}
        answer = api.post("/v1/store/manage", {"name": "Beans", "settings": settings})
        assert (answer.status_code, list(answer.json()["details"])) == (400, ["settings.acceptedCurrencies"])


def test_a_parameter_that_is_given_twice_is_no_number(api: Api) -> None:
    """A repeated or empty parameter is answered with 400 and its name, since its meaning is unclear."""
    api.post("/v1/store/manage", {"name": "Beans"})
    for query in ("limit=5&limit=", "limit=5&limit=5", "limit="):
        answer = api.get(f"/v1/store/manage/products?{query}")
        assert (answer.status_code, list(answer.json()["details"])) == (400, ["limit"])
