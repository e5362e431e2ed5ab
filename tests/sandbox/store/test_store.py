"""The store's own endpoints: one store, its address, and what changes when a member is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Api

STORE = "/v1/store/manage"


def create(api: Api, **members: object) -> dict[str, Any]:
    answer = api.post(STORE, {"name": "My Digital Shop", **members})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def put(api: Api, path: str, body: object) -> Any:
    return api.http.put(path, json=body, headers=api.key)


def test_a_store_is_created_once(api: Api) -> None:
    """One store for each merchant, at an address made of its name; a second one is refused."""
    store = create(api, description="Premium digital products", logo="https://cdn.example/logo.png")
    assert store == {
        "id": store["id"],
        "merchantId": "cmf123abc456def",
        "name": "My Digital Shop",
        "slug": "my-digital-shop",
        "url": f"{api.server.url}/store/my-digital-shop",
        "description": "Premium digital products",
        "logo": "https://cdn.example/logo.png",
        "banner": None,
        "isPublished": True,
        "settings": {},
        "productCount": 0,
        "orderCount": 0,
        "createdAt": "2024-01-01T12:00:00.000Z",
        "updatedAt": "2024-01-01T12:00:00.000Z",
    }
    assert api.get(STORE).json()["data"] == store
    second = api.post(STORE, {"name": "Another"})
    assert (second.status_code, second.json()["error"]) == (400, "Store already exists")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", STORE), ("PUT", STORE), ("GET", f"{STORE}/products"), ("POST", f"{STORE}/products")],
)
def test_without_a_store_there_is_nothing(api: Api, method: str, path: str) -> None:
    """All paths of the store are 404 before it is created."""
    answer = api.http.request(method, path, json={"name": "A name", "price": 1}, headers=api.key)
    assert (answer.status_code, answer.json()["error"]) == (404, "Store not found")


def test_a_store_needs_the_key(api: Api) -> None:
    """All calls of the store require the API key."""
    assert api.http.get(STORE).status_code == 401


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Crème Brûlée!", "creme-brulee"), ("  A -- B  ", "a-b"), ("店铺", "store"), ("No. 1", "no-1")],
)
def test_addresses_are_made_of_letters_digits_and_hyphens(api: Api, name: str, slug: str) -> None:
    """Any name gives an address of letters, digits and hyphens; renaming changes it."""
    assert create(api, name=name)["slug"] == slug
    assert put(api, STORE, {"name": "New Name"}).json()["data"]["slug"] == "new-name"


def test_only_what_is_named_changes(api: Api) -> None:
    """An empty change changes nothing but the time of the update; null clears what may be empty."""
    before = create(api, description="d", banner="https://cdn.example/b.png", settings={"minOrderAmount": 5.50})
    api.clock.advance(60)
    after = put(api, STORE, {}).json()["data"]
    assert after == {**before, "updatedAt": "2024-01-01T12:01:00.000Z"}
    cleared = put(api, STORE, {"description": None, "banner": None, "settings": None}).json()["data"]
    assert cleared == {**after, "description": None, "banner": None, "settings": {}}


@pytest.mark.parametrize("flag", ["isPublished", "isActive"])
def test_the_flag_has_two_names(api: Api, flag: str) -> None:
    """The sources send it under either; it is answered as ``isPublished``."""
    create(api)
    assert put(api, STORE, {flag: False}).json()["data"]["isPublished"] is False
    assert put(api, STORE, {flag: True}).json()["data"]["isPublished"] is True


def test_settings_are_kept(api: Api) -> None:
    """Coins and exact amounts of the settings are kept."""
    settings = {"acceptedCurrencies": ["BTC", "USDT_BEP20"], "minOrderAmount": 0.50, "maxOrderAmount": 1000}
    assert create(api, settings=settings)["settings"] == settings


@pytest.mark.parametrize(
    ("members", "details"),
    [
        ({"name": "x"}, {"name": "Must be a string of 2 to 100 characters"}),
        ({"name": "x \x1f"}, {"name": "Must be a string of 2 to 100 characters"}),
        ({"isPublished": True, "isActive": 1}, {"isActive": "Must be true or false"}),
        ({"name": None}, {"name": "Must be a string of 2 to 100 characters"}),
        ({"name": "x" * 101}, {"name": "Must be a string of 2 to 100 characters"}),
        ({"description": "x" * 1001}, {"description": "Must be a string of at most 1000 characters"}),
        ({"logo": "http://cdn.example/a.png"}, {"logo": "Must be an https URL"}),
        ({"banner": "https://"}, {"banner": "Must be an https URL"}),
        ({"banner": "https://[x"}, {"banner": "Must be an https URL"}),
        ({"banner": "https://a b"}, {"banner": "Must be an https URL"}),
        ({"isPublished": "yes"}, {"isPublished": "Must be true or false"}),
        ({"settings": []}, {"settings": "Must be an object"}),
        (
            {"settings": {"acceptedCurrencies": ["DOGE"], "minOrderAmount": -1}},
            {
                "settings.acceptedCurrencies": "Must hold only: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20, SOL, USDC_SOL, "
                "USDC_BEP20",
                "settings.minOrderAmount": "Must be greater than 0",
            },
        ),
        ({"settings": {"acceptedCurrencies": "BTC"}}, {"settings.acceptedCurrencies": "Must be a list"}),
    ],
)
def test_bad_members_are_refused(api: Api, members: dict[str, object], details: dict[str, str]) -> None:
    """Each with the bound it breaks, in a creation and in a change."""
    refused = api.post(STORE, {"name": "A store", **members})
    assert (refused.status_code, refused.json()["details"]) == (400, details)
    create(api)
    refused = put(api, STORE, members)
    assert (refused.status_code, refused.json()["details"]) == (400, details)
