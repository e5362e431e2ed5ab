"""Products of the sandbox's store: created, listed, changed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Api

STORE = "/v1/store/manage"
PRODUCTS = f"{STORE}/products"
SKILL = "---\nname: code-review\ndescription: 'Reviews code'\n---\n# Code review\n"


def create(api: Api, **members: object) -> dict[str, Any]:
    answer = api.post(PRODUCTS, {"name": "Premium Template Pack", "price": 29.99, **members})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def change(api: Api, product: dict[str, Any], **members: object) -> Any:
    return api.http.put(f"{PRODUCTS}/{product['id']}", json=members, headers=api.key)


def names(api: Api, query: str = "") -> list[str]:
    return [product["name"] for product in api.get(PRODUCTS + query).json()["data"]["products"]]


def test_a_product_with_everything(shop: Api) -> None:
    """Every member comes back as it was given, the price as text."""
    content = {
        "fileUrl": "https://yourstorage.com/templates.zip",
        "fileName": "templates.zip",
        "fileSize": 1024,
        "licenseKey": "L-1",
        "instructions": "Download link valid for 24 hours",
        "textContent": "Thank you",
    }
    product = create(
        shop,
        currency="USD",
        description="50+ professional templates",
        images=["https://cdn.example/1.png"],
        stock=100,
        digitalContent=content,
        variants=[{"name": "size", "price": 1.50}],
        metadata={"sku": "T-1", "weight": 0.10},
    )
    assert product == {
        "id": product["id"],
        "storeId": shop.get(STORE).json()["data"]["id"],
        "name": "Premium Template Pack",
        "slug": "premium-template-pack",
        "description": "50+ professional templates",
        "price": "29.99",
        "currency": "USD",
        "images": ["https://cdn.example/1.png"],
        "stock": 100,
        "isActive": True,
        "digitalContent": content,
        "productUrl": f"{shop.server.url}/store/shop/product/premium-template-pack",
        "contentType": "GENERAL",
        "skillMeta": None,
        "variants": [{"name": "size", "price": 1.50}],
        "metadata": {"sku": "T-1", "weight": 0.10},
        "sortOrder": 0,
        "createdAt": "2024-01-01T12:00:00.000Z",
        "updatedAt": "2024-01-01T12:00:00.000Z",
    }
    assert shop.get(PRODUCTS).json()["data"]["products"] == [product]


def test_a_product_with_the_least(shop: Api) -> None:
    """No stock is stock without limit; the currency is USDT."""
    product = create(shop)
    assert (product["stock"], product["currency"], product["images"]) == (None, "USDT", [])
    assert (product["description"], product["digitalContent"], product["metadata"]) == (None, None, None)


def test_lists_have_pages(shop: Api) -> None:
    """Newest first, 20 on a page where nothing is said, at most 50; past the end there is nothing."""
    for number in range(45):
        create(shop, name=f"Product {number}")
    assert names(shop) == [f"Product {number}" for number in range(44, 24, -1)]
    assert names(shop, "?page=3&limit=20") == [f"Product {number}" for number in range(4, -1, -1)]
    answer = shop.get(f"{PRODUCTS}?page=9&limit=50").json()["data"]
    assert answer == {"products": [], "pagination": {"page": 9, "limit": 50, "total": 45, "pages": 1}}


def test_searching(shop: Api) -> None:
    """In names and descriptions, in any case; totals are those of what was found."""
    create(shop, name="Red MUG")
    create(shop, name="Plate", description="goes with the mug")
    create(shop, name="Fork")
    data = shop.get(f"{PRODUCTS}?search=mug&limit=1").json()["data"]
    assert [product["name"] for product in data["products"]] == ["Plate"]
    assert data["pagination"] == {"page": 1, "limit": 1, "total": 2, "pages": 2}
    assert names(shop, "?search=") == ["Fork", "Plate", "Red MUG"]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("?page=0", {"page": "Must be a whole number from 1 to 1000000000"}),
        ("?page=x&limit=51", {
            "page": "Must be a whole number from 1 to 1000000000",
            "limit": "Must be a whole number from 1 to 50",
        }),
        ("?limit=-1", {"limit": "Must be a whole number from 1 to 50"}),
    ],
)  # fmt: skip
def test_pages_out_of_bounds_are_refused(shop: Api, query: str, details: dict[str, str]) -> None:
    """Rather than cut to the bound without a word."""
    answer = shop.get(PRODUCTS + query)
    assert (answer.status_code, answer.json()["details"]) == (400, details)


def test_addresses_are_unique(shop: Api) -> None:
    """A taken name gets a number; renaming changes the address, and frees the old one."""
    first, second, third = create(shop), create(shop), create(shop, name="!!!")
    assert [product["slug"] for product in (first, second, third)] == [
        "premium-template-pack",
        "premium-template-pack-2",
        "product",
    ]
    assert change(shop, first, name="Other").json()["data"]["slug"] == "other"
    assert change(shop, second, name="Premium Template Pack").json()["data"]["slug"] == "premium-template-pack"


def test_only_what_is_named_changes(shop: Api) -> None:
    """A change of nothing changes nothing; null clears what may be empty, stock among it."""
    product = create(shop, description="d", stock=3, images=["https://a.example/1"], metadata={"a": 1})
    assert change(shop, product).json()["data"] == product
    changed = change(shop, product, price=5, stock=0, isActive=False, sortOrder=7, currency="USD").json()["data"]
    assert changed == {**product, "price": "5", "stock": 0, "isActive": False, "sortOrder": 7, "currency": "USD"}
    cleared = change(shop, product, stock=None, description=None, images=None, metadata=None).json()["data"]
    assert cleared == {**changed, "stock": None, "description": None, "images": [], "metadata": None}


def test_a_skill(shop: Api) -> None:
    """Its head is read, its text never given back; turned into a general product it loses both."""
    product = create(shop, contentType="SKILL", skillContent=SKILL)
    assert product["skillMeta"] == {"name": "code-review", "description": "Reviews code"}
    assert "skillContent" not in product
    assert change(shop, product, contentType="GENERAL").json()["data"]["skillMeta"] is None
    again = change(shop, product, contentType="SKILL")
    assert (again.status_code, again.json()["details"]) == (400, {"skillContent": "Is required for a SKILL product"})


@pytest.mark.parametrize("text", ["no head", "---\nname: x", "", "---\n: x\n---"])
def test_a_skill_without_a_head(shop: Api, text: str) -> None:
    """Text without a valid front matter has none."""
    answer = shop.post(PRODUCTS, {"name": "S", "price": 1, "contentType": "SKILL", "skillContent": text or " "})
    assert answer.json()["data"]["skillMeta"] == {}


def test_a_product_is_deleted(shop: Api) -> None:
    """A deleted product is unknown."""
    product = create(shop)
    path = f"{PRODUCTS}/{product['id']}"
    deleted = shop.http.delete(path, headers=shop.key)
    assert (deleted.status_code, deleted.json()["message"]) == (200, "Product deleted successfully")
    assert names(shop) == []
    for answer in (shop.http.delete(path, headers=shop.key), change(shop, product, price=1)):
        assert (answer.status_code, answer.json()["error"]) == (404, "Product not found")


@pytest.mark.parametrize(
    ("members", "details"),
    [
        ({"name": ""}, {"name": "Must be a string of 1 to 200 characters"}),
        ({"name": "x" * 201}, {"name": "Must be a string of 1 to 200 characters"}),
        ({"price": None}, {"price": "Is required"}),
        ({"price": "5"}, {"price": "Must be a number"}),
        ({"price": 0.009}, {"price": "Must be from 0.01 to 1000000"}),
        ({"price": 1_000_001}, {"price": "Must be from 0.01 to 1000000"}),
        ({"currency": "EUR"}, {"currency": "Must be one of: USD, USDT"}),
        ({"description": "x" * 5001}, {"description": "Must be a string of at most 5000 characters"}),
        ({"images": ["https://a.example"] * 11}, {"images": "Must be a list of at most 10 https URLs"}),
        ({"images": ["http://a.example"]}, {"images": "Must be a list of at most 10 https URLs"}),
        ({"images": "https://a.example"}, {"images": "Must be a list"}),
        ({"stock": -1}, {"stock": "Must be a whole number from 0 to 999999"}),
        ({"stock": 1_000_000}, {"stock": "Must be a whole number from 0 to 999999"}),
        ({"contentType": "BOOK"}, {"contentType": "Must be one of: GENERAL, SKILL"}),
        ({"skillContent": "x" * 100_001}, {"skillContent": "Must be a string of at most 100000 characters"}),
        ({"digitalContent": {"fileUrl": "ftp://x", "fileSize": 1.5}}, {
            "digitalContent.fileUrl": "Must be an https URL",
            "digitalContent.fileSize": "Must be a whole number from 0 to 9007199254740991",
        }),
        ({"metadata": []}, {"metadata": "Must be an object"}),
        ({"variants": {}}, {"variants": "Must be a list"}),
    ],
)  # fmt: skip
def test_bad_members_are_refused(shop: Api, members: dict[str, object], details: dict[str, str]) -> None:
    """Each with the bound it breaks, in a creation and in a change."""
    text = "Invalid currency" if "currency" in members else "Validation failed"
    refused = shop.post(PRODUCTS, {"name": "A product", "price": 1, **members})
    assert (refused.status_code, refused.json()["error"], refused.json()["details"]) == (400, text, details)
    refused = change(shop, create(shop), **members)
    assert (refused.status_code, refused.json()["error"], refused.json()["details"]) == (400, text, details)


@pytest.mark.parametrize(
    ("members", "details"),
    [
        ({"sortOrder": 10_000}, {"sortOrder": "Must be a whole number from 0 to 9999"}),
        ({"sortOrder": None}, {"sortOrder": "Is required"}),
        ({"isActive": None}, {"isActive": "Must be true or false"}),
        ({"contentType": None}, {"contentType": "Is required"}),
    ],
)
def test_bad_changes_are_refused(shop: Api, members: dict[str, object], details: dict[str, str]) -> None:
    """Members that only a change can have, and members that cannot be cleared, are checked."""
    refused = change(shop, create(shop), **members)
    assert (refused.status_code, refused.json()["details"]) == (400, details)
