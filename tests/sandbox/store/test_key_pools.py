"""Key pools of the sandbox's products: added, counted, listed, handed out first in first out, removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Api
from tests.sandbox.shopping import buy, create_product

PRODUCTS = "/v1/store/manage/products"


def add(api: Api, product: dict[str, Any], *keys: object, **members: object) -> Any:
    return api.post(f"{PRODUCTS}/{product['id']}/keys", {"keys": list(keys), **members})


def stats(api: Api, product: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"{PRODUCTS}/{product['id']}/keys/stats").json()["data"])


def keys(api: Api, product: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    return list(api.get(f"{PRODUCTS}/{product['id']}/keys{query}").json()["data"]["keys"])


def test_keys_are_added_once(shop: Api) -> None:
    """A key that exists already, or is given twice, is a duplicate."""
    product = create_product(shop)
    assert stats(shop, product) == {"available": 0, "assigned": 0, "revoked": 0, "total": 0, "useKeyPool": False}
    assert add(shop, product, "a", "b", "a", label="January").json()["data"] == {"added": 2, "duplicates": 1}
    assert add(shop, product, "b", "c").json()["data"] == {"added": 1, "duplicates": 1}
    assert stats(shop, product) == {"available": 3, "assigned": 0, "revoked": 0, "total": 3, "useKeyPool": True}


def test_keys_are_listed_newest_first(shop: Api) -> None:
    """50 on a page where nothing is said, at most 100."""
    product = create_product(shop)
    add(shop, product, *(f"k{number}" for number in range(120)), label="January")
    assert [key["keyValue"] for key in keys(shop, product)] == [f"k{number}" for number in range(119, 69, -1)]
    assert len(keys(shop, product, "?limit=100&page=2")) == 20
    (key,) = keys(shop, product, "?limit=1")
    assert key == {
        "id": key["id"],
        "keyValue": "k119",
        "label": "January",
        "status": "AVAILABLE",
        "orderId": None,
        "assignedAt": None,
        "createdAt": "2024-01-01T12:00:00.000Z",
    }


def test_buyers_get_the_oldest_key_one_each(shop: Api) -> None:
    """Keys are assigned in the order of the payments, not of the orders."""
    product = create_product(shop)
    add(shop, product, "first", "second", "third")
    late, early = buy(shop, product, 2), buy(shop, product)
    shop.clock.advance(10)
    shop.sandbox.pay(early["payment"]["paymentId"])
    shop.clock.advance(10)
    shop.sandbox.pay(late["payment"]["paymentId"])
    assigned = {key["keyValue"]: key for key in keys(shop, product, "?status=ASSIGNED")}
    assert {value: key["orderId"] for value, key in assigned.items()} == {
        "first": early["order"]["id"],
        "second": late["order"]["id"],
    }
    assert assigned["first"]["assignedAt"] == "2024-01-01T12:00:10.000Z"
    assert stats(shop, product) == {"available": 1, "assigned": 2, "revoked": 0, "total": 3, "useKeyPool": True}


def test_only_available_keys_are_removed(shop: Api) -> None:
    """A buyer's key is not removed, and the product still sells by keys."""
    product = create_product(shop)
    add(shop, product, "a", "b", "c")
    shop.sandbox.pay(buy(shop, product)["payment"]["paymentId"])
    path = f"{PRODUCTS}/{product['id']}/keys"
    assert shop.http.delete(path, headers=shop.key).json()["data"] == {"removed": 2}
    assert shop.http.delete(path, headers=shop.key).json()["data"] == {"removed": 0}
    assert stats(shop, product) == {"available": 0, "assigned": 1, "revoked": 0, "total": 1, "useKeyPool": True}


def test_a_deleted_product_takes_its_keys_with_it(shop: Api) -> None:
    """The key pool of a deleted product is unknown."""
    product = create_product(shop)
    add(shop, product, "a")
    shop.http.delete(f"{PRODUCTS}/{product['id']}", headers=shop.key)
    for answer in (add(shop, product, "b"), shop.get(f"{PRODUCTS}/{product['id']}/keys/stats")):
        assert (answer.status_code, answer.json()["error"]) == (404, "Product not found")


def test_bad_keys_are_refused(shop: Api) -> None:
    """1 to 10,000 of them, each a text; labels of at most 200 characters; no unknown status."""
    product = create_product(shop)
    texts = {"keys": "Must be a list of 1 to 10000 strings of 1 to 1000 characters"}
    for wrong in ([], [""], [1], ["x"] * 10_001, ["x" * 1_001]):
        answer = add(shop, product, *wrong)
        assert (answer.status_code, answer.json()["details"]) == (400, texts)
    assert add(shop, product, "a", label="x" * 201).json()["details"] == {
        "label": "Must be a string of at most 200 characters"
    }
    answer = shop.get(f"{PRODUCTS}/{product['id']}/keys?status=LOST")
    assert answer.json()["details"] == {"status": "Must be one of: AVAILABLE, ASSIGNED, REVOKED"}


def test_ten_thousand_keys_fit_into_one_request(shop: Api) -> None:
    """Ten thousand keys fit into one request, as the official clients promise."""
    product = create_product(shop)
    answer = add(shop, product, *(f"KEY-{number:032}" for number in range(10_000)))
    assert answer.json()["data"] == {"added": 10_000, "duplicates": 0}


@pytest.mark.parametrize("status", ["AVAILABLE", "ASSIGNED", "REVOKED"])
def test_a_pool_without_keys_has_no_list(shop: Api, status: str) -> None:
    """An empty page of each kind."""
    assert keys(shop, create_product(shop), f"?status={status}") == []
