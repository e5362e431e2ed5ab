"""Orders of the sandbox's store: a checkout makes one and its payment, and the payment moves it on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.sandbox.conftest import Api
from tests.sandbox.shopping import buy, check_out, create_product

ORDERS = "/v1/store/manage/orders"
DIGITAL = {"digitalContent": {"textContent": "Thank you"}}


def order(api: Api, bought: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"{ORDERS}/{bought['order']['id']}").json()["data"])


def pay(api: Api, bought: dict[str, Any]) -> dict[str, Any]:
    api.sandbox.pay(bought["payment"]["paymentId"])
    return order(api, bought)


def move(api: Api, bought: dict[str, Any], status: object, **members: object) -> Any:
    path = f"{ORDERS}/{bought['order']['id']}/status"
    return api.http.put(path, json={"status": status, **members}, headers=api.key)


def stock(api: Api) -> list[Any]:
    return [product["stock"] for product in api.get("/v1/store/manage/products").json()["data"]["products"]]


def test_a_checkout_makes_an_order_and_its_payment(shop: Api) -> None:
    """Without a key; in the coin that was asked for, at today's prices."""
    mug = create_product(shop, price=9.50)
    bought = buy(shop, mug, 2, currency="BTC", customerEmail="ada@example.com", customerName="Ada")
    made, payment = bought["order"], bought["payment"]
    assert made == {
        "id": made["id"],
        "orderNumber": "ORD-000001",
        "storeId": shop.get("/v1/store/manage").json()["data"]["id"],
        "status": "PENDING",
        "totalAmount": "19",
        "currency": "USD",
        "items": [{"productId": mug["id"], "productName": "Mug", "quantity": 2, "price": "9.5"}],
        "payment": {"paymentId": payment["paymentId"], "status": "PENDING"},
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "notes": None,
        "createdAt": "2024-01-01T12:00:00.000Z",
        "updatedAt": "2024-01-01T12:00:00.000Z",
    }
    assert (payment["currency"], payment["amount"], payment["orderId"]) == ("BTC", 0.00045784, "ORD-000001")
    assert payment["description"] == "Order ORD-000001 at Shop"
    assert order(shop, bought) == made
    assert shop.get("/v1/store/manage").json()["data"]["orderCount"] == 1


def test_without_a_coin_the_buyer_chooses_one(shop: Api) -> None:
    """Then the payment is an invoice."""
    answer = check_out(shop, {"productId": create_product(shop)["id"], "variant": {"size": 1.5}})
    bought = answer.json()["data"]
    assert bought["payment"]["conversionRates"]["BTC"]["price"] == 41500
    assert bought["order"]["items"][0]["variant"] == {"size": 1.5}
    shop.sandbox.pay(bought["payment"]["paymentId"], currency="LTC")
    assert order(shop, bought)["status"] == "PAID"


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, "PAID"),
        (DIGITAL, "COMPLETED"),
        ({"contentType": "SKILL", "skillContent": "# Skill"}, "COMPLETED"),
    ],
)
def test_digital_orders_complete_with_their_payment(shop: Api, members: dict[str, object], status: str) -> None:
    """Orders with something to ship are only PAID after their payment."""
    paid = pay(shop, buy(shop, create_product(shop, **members)))
    assert (paid["status"], paid["payment"]["status"]) == (status, "COMPLETED")


def test_one_thing_to_send_makes_an_order_to_send(shop: Api) -> None:
    """A basket is digital when everything in it is; keys are."""
    mug, ebook, game = create_product(shop), create_product(shop, **DIGITAL), create_product(shop)
    shop.post(f"/v1/store/manage/products/{game['id']}/keys", {"keys": ["a", "b", "c"]})
    lines = [{"productId": product["id"]} for product in (mug, ebook, game)]
    for basket, status in ((lines, "PAID"), (lines[1:], "COMPLETED")):
        bought = check_out(shop, *basket, currency="BTC").json()["data"]
        assert pay(shop, bought)["status"] == status


def test_a_payment_in_parts_pays_once_it_is_complete(shop: Api) -> None:
    """An order is paid only when the whole amount has been received."""
    bought = buy(shop, create_product(shop))
    shop.sandbox.underpay(bought["payment"]["paymentId"])
    assert order(shop, bought)["status"] == "PENDING"
    assert pay(shop, bought)["status"] == "PAID"


@pytest.mark.parametrize("end", ["expire", "fail"])
def test_an_order_ends_with_its_payment(shop: Api, end: str) -> None:
    """An order whose payment was not completed in time is cancelled."""
    bought = buy(shop, create_product(shop, stock=1))
    getattr(shop.sandbox, end)(bought["payment"]["paymentId"])
    assert order(shop, bought)["status"] == "CANCELLED"
    assert stock(shop) == [1]


def test_stock_goes_to_the_order_that_is_paid(shop: Api) -> None:
    """It is counted down by payments, never below nothing; what is sold out cannot be ordered."""
    mug = create_product(shop, stock=3)
    first, second = buy(shop, mug, 2), buy(shop, mug, 2)
    assert stock(shop) == [3]
    pay(shop, first)
    assert stock(shop) == [1]
    refused = check_out(shop, {"productId": mug["id"], "quantity": 2})
    assert (refused.status_code, refused.json()["error"]) == (400, "Only 1 of Mug are left")
    pay(shop, second)
    assert stock(shop) == [0]


def test_what_is_not_for_sale_is_refused(shop: Api) -> None:
    """An inactive product, one without keys left, an unknown one, and everything in a store that is closed."""
    mug, game = create_product(shop), create_product(shop, name="Game")
    path = f"/v1/store/manage/products/{game['id']}/keys"
    shop.post(path, {"keys": ["a"]})
    shop.http.delete(path, headers=shop.key)
    shop.http.put(f"/v1/store/manage/products/{mug['id']}", json={"isActive": False}, headers=shop.key)
    for product_id, status, error in (
        (mug["id"], 400, "Mug is not for sale"),
        (game["id"], 400, "Game is sold out"),
        ("unknown", 404, "Product not found"),
    ):
        answer = check_out(shop, {"productId": product_id})
        assert (answer.status_code, answer.json()["error"]) == (status, error)
    shop.http.put("/v1/store/manage", json={"isPublished": False}, headers=shop.key)
    for slug in ("shop", "another"):
        answer = shop.http.post(f"/v1/store/{slug}/checkout", json={"items": [{"productId": mug["id"]}]})
        assert (answer.status_code, answer.json()["error"]) == (404, "Store not found")


def test_settings_bind_a_checkout(shop: Api) -> None:
    """The settings bound the worth and the coin of a checkout."""
    mug = create_product(shop)
    settings = {"acceptedCurrencies": ["BTC"], "minOrderAmount": 15, "maxOrderAmount": 25}
    shop.http.put("/v1/store/manage", json={"settings": settings}, headers=shop.key)
    for quantity, currency, details in (
        (1, "BTC", {"items": "Must be worth at least 15"}),
        (3, "BTC", {"items": "Must be worth at most 25"}),
        (2, "LTC", {"currency": "Must be one of: BTC"}),
    ):
        answer = check_out(shop, {"productId": mug["id"], "quantity": quantity}, currency=currency)
        assert (answer.status_code, answer.json()["details"]) == (400, details)
    assert check_out(shop, {"productId": mug["id"], "quantity": 2}, currency="BTC").status_code == 200


@pytest.mark.parametrize(
    ("items", "members", "details"),
    [
        ([], {}, {"items": "Must be a list of 1 to 100 items"}),
        ([{"productId": "p"}] * 101, {}, {"items": "Must be a list of 1 to 100 items"}),
        (["p"], {}, {"items[0]": "Must be an object"}),
        ([{}], {}, {"items[0].productId": "Must be a string of 1 to 255 characters"}),
        ([{"productId": "p", "quantity": 0, "variant": []}], {}, {
            "items[0].quantity": "Must be a whole number from 1 to 999999",
            "items[0].variant": "Must be an object",
        }),
        ([{"productId": "p"}], {"currency": "DOGE", "customerEmail": 1}, {
            "currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20, SOL, USDC_SOL, USDC_BEP20",
            "customerEmail": "Must be a string of at most 320 characters",
        }),
    ],
)  # fmt: skip
def test_bad_baskets_are_refused(
    shop: Api,
    items: list[object],
    members: dict[str, object],
    details: dict[str, str],
) -> None:
    """Each invalid member is reported with its bound."""
    answer = check_out(shop, *items, **members)
    assert (answer.status_code, answer.json()["details"]) == (400, details)


def test_a_repeated_checkout_orders_once(shop: Api) -> None:
    """A repeated checkout under one idempotency key creates one order."""
    body = {"items": [{"productId": create_product(shop)["id"]}]}
    path, headers = "/v1/store/shop/checkout", {"Idempotency-Key": "k"}
    first, again = (shop.http.post(path, json=body, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert shop.get(ORDERS).json()["data"]["pagination"]["total"] == 1


def test_orders_are_listed(shop: Api) -> None:
    """Newest first, by status where one is named; 20 on a page, at most 50."""
    mug = create_product(shop)
    bought = [buy(shop, mug) for _ in range(3)]
    pay(shop, bought[1])
    numbers = [entry["orderNumber"] for entry in shop.get(ORDERS).json()["data"]["orders"]]
    assert numbers == ["ORD-000003", "ORD-000002", "ORD-000001"]
    data = shop.get(f"{ORDERS}?status=PAID&limit=50").json()["data"]
    assert [entry["orderNumber"] for entry in data["orders"]] == ["ORD-000002"]
    assert data["pagination"] == {"page": 1, "limit": 50, "total": 1, "pages": 1}
    assert shop.get(f"{ORDERS}?limit=51").status_code == 400
    refused = shop.get(f"{ORDERS}?status=FULFILLED")
    assert (refused.status_code, list(refused.json()["details"])) == (400, ["status"])
    assert shop.get(f"{ORDERS}/unknown").json()["error"] == "Order not found"


STEPS = {
    "PENDING": [],
    "PAID": ["PROCESSING", "SHIPPED", "COMPLETED", "CANCELLED", "REFUNDED"],
    "PROCESSING": ["SHIPPED", "COMPLETED"],
    "SHIPPED": ["COMPLETED"],
    "COMPLETED": ["REFUNDED"],
    "CANCELLED": [],
    "REFUNDED": [],
}
"""The allowed steps: the union of the MCP server's and the skill document's."""


@pytest.mark.parametrize("before", STEPS)
def test_an_order_takes_the_documented_steps_alone(shop: Api, before: str) -> None:
    """All other steps are refused; setting the current status again is accepted."""
    mug = create_product(shop)
    for after in STEPS["PAID"]:
        bought = buy(shop, mug)
        if before != "PENDING":
            pay(shop, bought)
        if before not in ("PENDING", "PAID"):
            assert move(shop, bought, before).status_code == 200
        shop.clock.advance(1)
        answer = move(shop, bought, after, notes="by post")
        if after in STEPS[before] or after == before:
            data = answer.json()["data"]
            assert (data["status"], data["notes"]) == (after, "by post")
            assert data["updatedAt"] > data["createdAt"]
            assert move(shop, bought, after).json()["data"]["notes"] == "by post"
        else:
            refused = (answer.status_code, answer.json()["error"])
            assert refused == (400, f"Order is {before} and cannot become {after}")


def test_only_settable_states_are_set(shop: Api) -> None:
    """PAID and unknown statuses cannot be set; notes have at most 500 characters."""
    bought = buy(shop, create_product(shop))
    for wrong in ("PAID", "PENDING", "FULFILLED", None, 1):
        assert list(move(shop, bought, wrong).json()["details"]) == ["status"]
    assert list(move(shop, bought, "SHIPPED", notes="x" * 501).json()["details"]) == ["notes"]


def test_keys_of_a_refunded_order_are_revoked(shop: Api) -> None:
    """The keys of a refunded order are revoked."""
    game = create_product(shop)
    path = f"/v1/store/manage/products/{game['id']}/keys"
    shop.post(path, {"keys": ["a", "b"]})
    bought = buy(shop, game)
    assert pay(shop, bought)["status"] == "COMPLETED"
    assert move(shop, bought, "REFUNDED").status_code == 200
    (key,) = shop.get(f"{path}?status=REVOKED").json()["data"]["keys"]
    assert (key["keyValue"], key["orderId"]) == ("a", bought["order"]["id"])


def test_a_product_that_was_ordered_is_only_made_inactive(shop: Api) -> None:
    """It stays in the list, and cannot be ordered any more; a refund still finds its keys."""
    mug = create_product(shop)
    bought = buy(shop, mug)
    deleted = shop.http.delete(f"/v1/store/manage/products/{mug['id']}", headers=shop.key)
    assert deleted.json()["message"] == "Product deactivated: it has orders"
    (left,) = shop.get("/v1/store/manage/products").json()["data"]["products"]
    assert (left["id"], left["isActive"]) == (mug["id"], False)
    assert pay(shop, bought)["status"] == "PAID"


def test_figures(shop: Api) -> None:
    """Revenue counts what was paid and kept."""
    mug = create_product(shop, price=0.10)
    bought = [buy(shop, mug, 3) for _ in range(3)]
    pay(shop, bought[0])
    pay(shop, bought[1])
    move(shop, bought[1], "REFUNDED")
    assert shop.get("/v1/store/manage/analytics").json()["data"] == {
        "totalProducts": 1,
        "totalOrders": 3,
        "totalRevenue": "0.3",
        "ordersByStatus": {
            "PENDING": 1,
            "PAID": 1,
            "PROCESSING": 0,
            "SHIPPED": 0,
            "COMPLETED": 0,
            "CANCELLED": 0,
            "REFUNDED": 1,
        },
    }


def test_the_pages_of_the_store(shop: Api) -> None:
    """Where `url` and `productUrl` lead, a buyer finds what is for sale, and the command that buys it works."""
    shop.http.put("/v1/store/manage", json={"description": "Good things"}, headers=shop.key)
    mug = create_product(shop, stock=3, description="Holds tea")
    gone = create_product(shop, name="Gone")
    shop.http.put(f"/v1/store/manage/products/{gone['id']}", json={"isActive": False}, headers=shop.key)
    front = shop.http.get(shop.get("/v1/store/manage").json()["data"]["url"]).text
    for words in (
        "Shop\nGood things\n",
        "Mug: 10 USD, 3 left\nHolds tea\n",
        f"{shop.server.url}/v1/store/shop/checkout",
    ):
        assert words in front
    assert "Gone" not in front
    page = shop.http.get(mug["productUrl"]).text
    body = re.search(r"-d '([^']*)'", page)
    assert body is not None
    assert check_out(shop, **json.loads(body[1])).status_code == 200
    shop.http.put("/v1/store/manage", json={"isPublished": False}, headers=shop.key)
    for path in ("/store/shop", "/store/shop/product/mug"):
        assert shop.http.get(path).status_code == 404
    assert shop.http.get("/store/shop/product/unknown").status_code == 404
