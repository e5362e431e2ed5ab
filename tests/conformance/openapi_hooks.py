"""Hints for schemathesis before it sends a valid request, because JSON Schema has no word for it.

Amounts have at most as many decimal places as the coarsest coin. A withdrawal is worth more than its fee and leaves
something of the daily limit. The store's lowest order is not above its highest, and what is on sale can be bought. Ids
are those that earlier answers held, and a step of a payer or of the chain finds something that it fits.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any
from uuid import uuid4

import requests
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

PLACES = 6
KEPT = 5
begun_payments, open_invoices, withdrawals = (
    cycle(os.environ[name].split(",")) for name in ("BEGUN_PAYMENTS", "OPEN_INVOICES", "WITHDRAWALS")
)
known: dict[str, str] = {}
products: deque[dict[str, str]] = deque()


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Fits a valid request to these rules, and leaves an invalid one as it is."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    path = case.operation.path
    for holder in objects(case.body):
        if isinstance(holder.get("amount"), float):
            holder["amount"] = max(round(holder["amount"], PLACES), 10**-PLACES)
        if holder.get("minOrderAmount") is not None:
            holder["minOrderAmount"] = max(round(min(holder["minOrderAmount"], 0.01), PLACES), 10**-PLACES)
        if holder.get("maxOrderAmount") is not None:
            holder["maxOrderAmount"] = max(holder["maxOrderAmount"], 10**12)
    if path == "/v1/merchant/withdrawal/create":
        case.body["amount"] = round(2 + case.body["amount"] % 20, PLACES)
    # In a chain a repeated key would replay the creation of something that another chain has deleted since.
    if case.meta.phase.name is TestPhase.STATEFUL and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex
    # In a chain of requests each id is that of the answer before.
    if case.meta.phase.name is not TestPhase.STATEFUL:
        case.path_parameters.update({name: id for name, id in ids(case).items() if name in case.path_parameters})
    if case.meta.phase.name is TestPhase.FUZZING and path == "/v1/store/manage" and isinstance(case.body, dict):
        case.body["isPublished"] = True
    if path.endswith("/checkout") and products:
        for item in case.body["items"]:
            item["productId"] = products[-1]["productId"]


def ids(case: Case) -> dict[str, str]:
    """Ids that a request can name."""
    path = case.operation.path
    if path.startswith("/sandbox/payments/"):
        return {"paymentId": next(open_invoices if path.endswith("/select") else begun_payments)}
    if path.startswith("/sandbox/withdrawals/"):
        return {"withdrawalId": next(withdrawals)}
    if "{orderId}" in path and products:
        return {"orderId": paid_order(case.operation.base_url.rstrip("/"))}
    if case.method == "DELETE" and path.endswith("{productId}"):
        return products.popleft() if len(products) > KEPT else {}
    return {**known, **(products[-1] if products else {})}


def paid_order(base_url: str) -> str:
    """A new order that a merchant can move on."""
    body = {"items": [{"productId": products[-1]["productId"]}]}
    bought = requests.post(f"{base_url}/v1/store/{known['slug']}/checkout", json=body, timeout=5)
    if bought.status_code != 200:
        return known.get("orderId", "none")
    data = bought.json()["data"]
    pay = f"{base_url}/sandbox/payments/{data['payment']['paymentId']}/pay"
    requests.post(pay, json={"currency": "BTC"}, timeout=5)
    return str(data["order"]["id"])


@schemathesis.hook
def filter_query(context: HookContext, query: dict[str, Any] | None) -> bool:
    """An empty list or object in a query is nothing at all once it is sent, and so no invalid request."""
    return not any(value in ([], {}) for value in (query or {}).values())


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Remembers the newest of each kind, and which products are on sale."""
    if response.status_code != 200 or "json" not in response.headers["content-type"][0]:
        return
    data = response.json().get("data", {})
    known.update({name: data[name] for name in ("paymentId", "withdrawalId", "number") if name in data})
    if "isPublished" in data:
        known["slug"] = data["slug"]
    elif "productUrl" in data and case.method == "POST" and data["stock"] is None:
        products.append({"productId": data["id"], "productSlug": data["slug"]})
    elif "order" in data:
        known["orderId"] = data["order"]["id"]
    elif data.get("deliveries"):
        known["deliveryId"] = data["deliveries"][0]["id"]


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object in a body."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
