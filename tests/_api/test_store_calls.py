"""Calls of the store: what is sent, and what is refused before anything is."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from inventpay import UNSET, DigitalContent, StoreSettings
from inventpay._api import key_pools, orders, products, stores
from inventpay._api.call import Call
from inventpay._json.converter import read_json
from inventpay.errors import InvalidArgumentError
from inventpay.models import ContentType, OrderState
from inventpay.models.checkout import CheckoutItem


def body(call: Call[Any]) -> Any:
    assert call.body is not None
    return read_json(call.body)


def create_store(**values: Any) -> Call[Any]:
    return stores.create(**{"name": "A shop", "idempotency_key": "key-1", **values})


def create_product(**values: Any) -> Call[Any]:
    return products.create(**{"name": "Mug", "price": "9.50", "idempotency_key": "key-1", **values})


def update_product(**values: Any) -> Call[Any]:
    return products.update("prod1", **values)


def add_keys(product_id: str = "prod1", **values: Any) -> Call[Any]:
    call = key_pools.add_next(product_id, key_pools.batches(["a"], 10), **{"label": None, **values})
    assert call is not None
    return call


def list_keys(**values: Any) -> Call[Any]:
    return key_pools.page(1, **{"product_id": "prod1", "status": None, "limit": None, **values})


def list_orders(**values: Any) -> Call[Any]:
    return orders.page(1, **{"status": None, "limit": None, **values})


def update_status(status: Any = "SHIPPED", **values: Any) -> Call[Any]:
    return orders.update_status("order1", status, **{"notes": None, **values})


def check_out(**values: Any) -> Call[Any]:
    facts: dict[str, Any] = {
        "items": [CheckoutItem("prod1")],
        "customer_email": None,
        "customer_name": None,
        "currency": None,
        "idempotency_key": "key-1",
    }
    return orders.checkout("my-shop", **{**facts, **values})


# Bodies that are sent


def test_a_creation_names_what_was_given() -> None:
    """``None`` leaves a member out; money goes out exactly."""
    assert create_store().body == b'{"name":"A shop"}'
    settings = StoreSettings(accepted_currencies=("BTC",), min_order_amount=Decimal("0.50"))
    call = create_store(description="d", logo="https://a.example/l.png", banner=None, settings=settings)
    assert call.body == (
        b'{"name":"A shop","description":"d","logo":"https://a.example/l.png",'
        b'"settings":{"acceptedCurrencies":["BTC"],"minOrderAmount":0.5}}'
    )
    assert call.idempotency_key == "key-1"


def test_a_product_with_everything() -> None:
    """Every member any official client sends."""
    content = DigitalContent(
        file_url="https://a.example/f.zip",
        file_name="f.zip",
        file_size=12,
        license_key="L-1",
        instructions="Unpack",
        text_content="Thank you",
    )
    call = create_product(
        price=29.99,
        currency="USD",
        description="",
        images=("https://a.example/1.png",),
        stock=0,
        digital_content=content,
        content_type=ContentType.SKILL,
        skill_content="---\n---",
        variants=[{"size": "L", "price": Decimal("0.10")}],
        metadata={"sku": 1},
    )
    assert call.body == (
        b'{"name":"Mug","price":29.99,"currency":"USD","description":"","images":["https://a.example/1.png"],"stock":0,'
        b'"digitalContent":{"fileUrl":"https://a.example/f.zip","fileName":"f.zip","fileSize":12,"licenseKey":"L-1",'
        b'"instructions":"Unpack","textContent":"Thank you"},"contentType":"SKILL","skillContent":"---\\n---",'
        b'"variants":[{"size":"L","price":0.10}],"metadata":{"sku":1}}'
    )


def test_a_change_distinguishes_leaving_from_clearing() -> None:
    """UNSET is left out, ``None`` goes as null, or as an empty list where the member is one."""
    assert body(update_product(name=UNSET, price=5, stock=UNSET)) == {"price": 5}
    assert body(update_product(stock=None, description=None, images=None, variants=None, metadata=None)) == {
        "stock": None,
        "description": None,
        "images": [],
        "variants": [],
        "metadata": None,
    }
    assert body(update_product(digital_content=None, skill_content=None, is_active=False, sort_order=0)) == {
        "digitalContent": None,
        "skillContent": None,
        "isActive": False,
        "sortOrder": 0,
    }
    cleared = stores.update(name=UNSET, description=None, logo=None, banner=None, settings=None, is_published=False)
    assert body(cleared) == {
        "description": None,
        "logo": None,
        "banner": None,
        "settings": None,
        "isPublished": False,
    }


def test_empty_settings_and_content_are_sent_as_they_are() -> None:
    """A caller that means nothing by them says so."""
    assert body(create_store(settings=StoreSettings())) == {"name": "A shop", "settings": {}}
    assert body(create_product(digital_content=DigitalContent()))["digitalContent"] == {}


SETTINGS = {
    "acceptedCurrencies": ["BTC", "NEWCOIN"],
    "minOrderAmount": "5.00",
    "maxOrderAmount": 100,
    "taxRate": Decimal("0.190"),
    "checkout": {"askForPhone": None},
}


def test_settings_that_are_written_back_lose_nothing() -> None:
    """A member that this version does not model goes back as it came, and so does what was not changed."""
    settings = StoreSettings.from_json(json.dumps(SETTINGS, default=float).replace("0.19", "0.190"))
    assert settings.unread == ()

    def sent(changed: StoreSettings) -> Any:
        return body(stores.update(settings=changed))["settings"]

    assert sent(settings) == SETTINGS
    assert str(sent(settings)["taxRate"]) == "0.190"
    assert sent(evolve(settings, min_order_amount=Decimal(7))) == {**SETTINGS, "minOrderAmount": 7}
    assert sent(evolve(settings, max_order_amount=None)) == {**SETTINGS, "maxOrderAmount": None}
    assert sent(evolve(settings, accepted_currencies=("ETH",))) == {**SETTINGS, "acceptedCurrencies": ["ETH"]}
    assert sent(StoreSettings(min_order_amount=Decimal(7))) == {"minOrderAmount": 7}


def test_settings_may_be_a_mapping() -> None:
    """With the API's own names, sent as it is."""
    assert body(stores.update(settings=SETTINGS))["settings"] == SETTINGS
    assert body(create_store(settings={"taxRate": 1}))["settings"] == {"taxRate": 1}


def test_digital_content_that_is_written_back_loses_nothing() -> None:
    """A member that could not be read is one that goes back as it came."""
    held = {"fileUrl": "https://shop.example/a", "fileSize": "12 MB", "licenseKey": "L-1", "region": "EU"}
    content = DigitalContent.from_json(json.dumps(held))
    assert content.unread == ("$.fileSize",)
    changed = evolve(content, license_key=None, text_content="Thank you")
    assert body(update_product(digital_content=content))["digitalContent"] == held
    assert body(update_product(digital_content=changed))["digitalContent"] == {
        **held,
        "licenseKey": None,
        "textContent": "Thank you",
    }
    assert body(update_product(digital_content=evolve(content, file_size=12)))["digitalContent"]["fileSize"] == 12


def test_the_rest_of_the_calls() -> None:
    """The paths, queries and bodies of the other calls are as documented."""
    assert (add_keys(label="January").path, body(add_keys(label="January"))) == (
        "/v1/store/manage/products/prod1/keys",
        {"keys": ["a"], "label": "January"},
    )
    assert list_keys(status="AVAILABLE").path == ("/v1/store/manage/products/prod1/keys?page=1&status=AVAILABLE")
    assert list_orders(status=OrderState.PAID).path == "/v1/store/manage/orders?page=1&status=PAID"
    assert body(update_status(OrderState.SHIPPED, notes="")) == {"status": "SHIPPED", "notes": ""}
    assert check_out(currency="BTC").path == "/v1/store/my-shop/checkout"
    assert body(check_out(items=iter([CheckoutItem("p", 2, {"size": "L"})]), customer_email="a@b.example")) == {
        "items": [{"productId": "p", "quantity": 2, "variant": {"size": "L"}}],
        "customerEmail": "a@b.example",
    }
    assert check_out().endpoint.public


def test_every_creation_has_a_key_of_its_own() -> None:
    """One for each call, and for each batch of keys."""
    keys = {add_keys().idempotency_key for _ in range(3)} | {create_store(idempotency_key=None).idempotency_key}
    assert len(keys) == 4
    assert None not in keys


# Refused arguments

LONG = "x" * 5_001


@pytest.mark.parametrize(
    ("build", "values", "problem"),
    [
        (create_store, {"name": "x"}, "name='x' must have 2 to 100 characters"),
        (create_store, {"name": " x "}, "name=' x ' must have 2 to 100 characters"),
        (create_store, {"name": "x" * 101}, "name has 101 characters; at most 100 are allowed"),
        (create_store, {"name": 5}, "name must be a str, not int"),
        (create_store, {"description": "x" * 1_001}, "description has 1001 characters; at most 1000 are allowed"),
        (
            create_store,
            {"logo": "http://a.example"},
            "logo='http://a.example' must start with \"https://\" and name a host",
        ),
        (
            create_store,
            {"banner": "https://a b"},
            "banner must be printable ASCII without spaces; percent-encode everything else",
        ),
        (create_store, {"logo": "https://me@a.example"}, "logo must not hold a user name or password"),
        (create_store, {"settings": []}, "settings must be a StoreSettings or a dict, not list"),
        (
            create_store,
            {"settings": {"a": {1}}},
            "settings cannot be written: set has no place in JSON; use dict, list, str, Decimal, int, bool or None",
        ),
        (
            create_store,
            {"settings": StoreSettings(accepted_currencies="BTC")},  # type: ignore[arg-type]
            "settings.accepted_currencies must be a list of currency codes, not str",
        ),
        (
            create_store,
            {"settings": StoreSettings(accepted_currencies=("btc",))},
            "settings.accepted_currencies[0]='btc' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?",
        ),
        (
            create_store,
            {"settings": StoreSettings(min_order_amount=Decimal(-1))},
            "settings.min_order_amount=Decimal('-1') must be greater than 0",
        ),
        (
            create_store,
            {"settings": StoreSettings(min_order_amount=Decimal(2), max_order_amount=Decimal(1))},
            "settings.min_order_amount is 2, more than max_order_amount, 1",
        ),
        (
            create_store,
            {"idempotency_key": ""},
            "idempotency_key must be non-empty printable ASCII that neither starts nor ends with a space",
        ),
        (
            stores.update,
            {"name": None, "settings": UNSET},
            "name cannot be cleared, so it must not be None; leave it out to keep it",
        ),
        (
            stores.update,
            {"is_published": None, "name": UNSET},
            "is_published cannot be cleared, so it must not be None; leave it out to keep it",
        ),
        (stores.update, {"is_published": 1, "name": UNSET}, "is_published must be True or False, not int"),
        (
            stores.update,
            {"name": UNSET, "settings": UNSET},
            "update() needs something to change: name=, settings=, or what is between them",
        ),
        (create_product, {"name": ""}, "name='' must have 1 to 200 characters"),
        (create_product, {"name": "x" * 201}, "name has 201 characters; at most 200 are allowed"),
        (create_product, {"price": "0.009"}, "price='0.009' must be between 0.01 and 1000000"),
        (create_product, {"price": 1_000_000.01}, "price=1000000.01 must be between 0.01 and 1000000"),
        (
            create_product,
            {"price": 0.1 + 0.2},
            'price=0.30000000000000004 is a float with a residue of binary arithmetic; use Decimal("0.3") or a str',
        ),
        (create_product, {"price": "free"}, "price='free' must be a plain number such as \"29.99\""),
        (
            create_product,
            {"currency": "usd"},
            "currency='usd' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'USD'?",
        ),
        (create_product, {"description": LONG}, "description has 5001 characters; at most 5000 are allowed"),
        (create_product, {"images": ["https://a.example"] * 11}, "images holds 11 URLs; at most 10 are allowed"),
        (
            create_product,
            {"images": ["https://a.example", "ftp://a"]},
            "images[1]='ftp://a' must start with \"https://\" and name a host",
        ),
        (create_product, {"images": "https://a.example"}, "images must be a list of https URLs, not str"),
        (create_product, {"stock": -1}, "stock=-1 must be between 0 and 999999"),
        (create_product, {"stock": 1_000_000}, "stock=1000000 must be between 0 and 999999"),
        (create_product, {"stock": 1.0}, "stock must be a whole number, not float"),
        (create_product, {"digital_content": {}}, "digital_content must be a DigitalContent, not dict"),
        (
            create_product,
            {"digital_content": DigitalContent(file_url="x")},
            "digital_content.file_url='x' must start with \"https://\" and name a host",
        ),
        (
            create_product,
            {"digital_content": DigitalContent(file_size=-1)},
            "digital_content.file_size=-1 must be between 0 and 9007199254740991",
        ),
        (
            create_product,
            {"digital_content": DigitalContent(license_key="x" * 100_001)},
            "digital_content.license_key has 100001 characters; at most 100000 are allowed",
        ),
        (
            create_product,
            {"content_type": "skill"},
            "content_type='skill' must be a word such as \"SKILL\"; did you mean 'SKILL'?",
        ),
        (
            create_product,
            {"skill_content": "x" * 100_001},
            "skill_content has 100001 characters; at most 100000 are allowed",
        ),
        (create_product, {"variants": {"size": "L"}}, "variants must be a list of dicts, not dict"),
        (create_product, {"variants": ["L"]}, "variants[0] must be a dict, not str"),
        (
            create_product,
            {"metadata": {"at": object()}},
            "metadata cannot be written: object has no place in JSON; use dict, list, str, Decimal, int, bool or None",
        ),
        (update_product, {"sort_order": 10_000, "name": UNSET}, "sort_order=10000 must be between 0 and 9999"),
        (
            update_product,
            {"price": None, "name": UNSET},
            "price cannot be cleared, so it must not be None; leave it out to keep it",
        ),
        (add_keys, {"label": "x" * 201}, "label has 201 characters; at most 200 are allowed"),
        (list_keys, {"limit": 101}, "limit=101 must be between 1 and 100"),
        (
            list_keys,
            {"status": "available"},
            "status='available' must be a word such as \"AVAILABLE\"; did you mean 'AVAILABLE'?",
        ),
        (list_orders, {"limit": 51}, "limit=51 must be between 1 and 50"),
        (list_orders, {"status": "a b"}, "status='a b' must be a word such as \"PAID\""),
        (update_status, {"status": None}, "status must be a str, not NoneType"),
        (update_status, {"notes": "x" * 501}, "notes has 501 characters; at most 500 are allowed"),
        (check_out, {"items": []}, "items is empty; a checkout needs at least 1 item"),
        (check_out, {"items": None}, "items must be a list of CheckoutItem, not NoneType"),
        (check_out, {"items": ["prod1"]}, "items[0] must be a CheckoutItem, not str"),
        (
            check_out,
            {"items": [CheckoutItem("p"), CheckoutItem("p", 0)]},
            "items[1].quantity=0 must be between 1 and 999999",
        ),
        (
            check_out,
            {"items": [CheckoutItem("a/b")]},
            'items[0].product_id=\'a/b\' is no id: those have letters, digits, "-", "_", "." and "~"',
        ),
        (
            check_out,
            {"items": [CheckoutItem("p", 1, ["L"])]},  # type: ignore[arg-type]
            "items[0].variant must be a dict, not list",
        ),
        (check_out, {"customer_email": " "}, "customer_email=' ' must have 1 to 320 characters"),
        (
            check_out,
            {"currency": "btc"},
            "currency='btc' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?",
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_the_bound(
    build: Callable[..., object], values: dict[str, Any], problem: str
) -> None:
    """Each message names the argument, its bound and, where there is one, what was meant; and the call it was for."""
    with pytest.raises(InvalidArgumentError) as caught:
        build(**values)
    assert caught.value.message == problem
    assert caught.value.outcome == "not_sent"
    assert caught.value.path is not None


ODD = ["", ".", "..", "x/keys", "x%2Fkeys", "x\\keys", "a b", "a?b", "a#b", "x;y", "..%2f", "ü", "x" * 256, "\0"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "build",
    [
        lambda odd: products.delete(odd),
        lambda odd: products.update(odd, name="Mug", price=UNSET),
        lambda odd: add_keys(odd),
        lambda odd: list_keys(product_id=odd),
        lambda odd: key_pools.stats(odd),
        lambda odd: key_pools.remove_available(odd),
        lambda odd: orders.get(odd),
        lambda odd: orders.update_status(odd, "SHIPPED", notes=None),
        lambda odd: orders.checkout(
            odd, items=[CheckoutItem("p")], customer_email=None, customer_name=None, currency=None, idempotency_key=None
        ),
    ],
)
def test_an_unusual_id_is_no_other_path(build: Callable[[str], object], odd: str) -> None:
    """Deleting a product can never wipe a key pool: neither here, nor on a server that decodes slashes early."""
    with pytest.raises(InvalidArgumentError):
        build(odd)
