"""The merchant's products in the fixture `shop`, and the buyer's requests."""

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import Api


def create_product(api: Api, **members: object) -> dict[str, Any]:
    """A product for 10 USD."""
    answer = api.post("/v1/store/manage/products", {"name": "Mug", "price": 10, "currency": "USD", **members})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def check_out(api: Api, *items: object, **members: object) -> Any:
    """Return the answer to the buyer's request, which carries no key."""
    return api.http.post("/v1/store/shop/checkout", json={"items": list(items), **members})


def buy(api: Api, product: dict[str, Any], quantity: int = 1, **members: object) -> dict[str, Any]:
    """An order and its payment, which is still to be paid."""
    line = {"productId": product["id"], "quantity": quantity}
    answer = check_out(api, line, **{"currency": "USDT_BEP20", **members})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])
