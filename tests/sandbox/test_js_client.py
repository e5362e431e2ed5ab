"""The requests of the vendor's JavaScript client, as its source sends them, in the order of a merchant's day.

It sends `Content-Type: application/json` with every request, the key with all but the public status call, both keys
with a withdrawal, and compact `JSON.stringify` bodies; what it reads of each answer, and as which type, is named beside
the request. It has no checkout: what its orders and deliveries need is done before the call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from tests.sandbox.conftest import Api
from tests.support.receiver import Receiver

REQUESTS = json.loads((Path(__file__).parent / "js_client_requests.json").read_text())
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
Kept = dict[str, str]


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, webhooks=WebhookSettings(automatic=False))
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False, trust_env=False) as http:
        yield Api(sandbox, server, clock, http)


def member(body: Any, path: str) -> Any:
    """`data.keys.0.keyValue` of a body; a missing one is a KeyError or an IndexError."""
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def is_a(value: object, kind: str) -> bool:
    """Whether it has that type in JavaScript."""
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def buy(api: Api, kept: Kept) -> None:
    """A buyer orders the product, and pays."""
    answer = api.http.post(f"/v1/store/{kept['slug']}/checkout", json={"items": [{"productId": kept["productId"]}]})
    api.sandbox.pay(answer.json()["data"]["payment"]["paymentId"], currency="BTC")


def deliver(api: Api, kept: Kept) -> None:
    """Deliver all due events to the merchant."""
    api.sandbox.webhooks.deliver_due()


BEFORE: dict[str, Callable[[Api, Kept], None]] = {"listOrders": buy, "getWebhookConfig": deliver}


def test_every_call_of_the_client_is_answered_with_what_it_reads(api: Api) -> None:
    """All 31 calls succeed unchanged, and every member that the client reads has the type that it reads."""
    api.sandbox.deposit("USDT_BEP20", 100)
    keys = {
        "none": {},
        "main": {"X-API-Key": api.sandbox.api_key},
        "both": {"X-API-Key": api.sandbox.api_key, "X-Withdrawal-Key": api.sandbox.withdrawal_key},
    }
    always = {"Content-Type": "application/json", "User-Agent": "inventpay-js/1.2.0"}
    kept: Kept = {}
    with Receiver() as receiver:
        for request in REQUESTS:
            call, path = request["call"], request["path"].format_map(kept)
            if call in BEFORE:
                BEFORE[call](api, kept)
            body = request.get("body", "").replace("<receiver>", receiver.url)
            headers = {**always, **keys[request["keys"]]}
            answer = api.http.request(request["method"], path, headers=headers, content=body or None)
            assert answer.status_code == 200, f"{call}: {answer.text}"
            found = answer.json()
            if request["keys"] != "none":
                assert found["success"] is True
            for name, kind in request["read"].items():
                assert is_a(member(found, name), kind), f"{call} reads {name} as {kind}: {member(found, name)!r}"
            kept |= {name: member(found, place) for name, place in request.get("keep", {}).items()}
    assert len({request["call"] for request in REQUESTS}) == len(REQUESTS) == 31
