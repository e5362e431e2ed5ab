"""Read the store's request bodies. Bounds are those of the official MCP server and skill, unless assumed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

from ..._api import bounds
from ..._core.json_values import is_array, is_object
from .. import assumptions
from ..errors import invalid
from ..http import urls
from ..http.fields import Fields
from ..merchant.coins import COINS
from .orders import SETTABLE, BasketLine, NewOrder, OrderStatus
from .products import ContentType, NewProduct
from .stores import NewStore

Changes = dict[str, Any]
"""New values of a record's attributes."""

CONTENT_TEXTS = ("fileName", "licenseKey", "instructions", "textContent")


def name_pattern(shortest: int) -> str:
    """Return a pattern for names with at least ``shortest`` visible characters."""
    return r"[\s\S]*".join([r"[^\s\x00-\x1f\x7f-\x9f]"] * shortest)


def new_store(body: object) -> NewStore:
    """Return the request of POST /v1/store/manage. Raises 400 with all invalid members."""
    fields = StoreFields(body)
    new = NewStore(
        name=fields.required_name("name", *bounds.STORE_NAME),
        description=fields.text("description", bounds.STORE_DESCRIPTION),
        logo=fields.https_url("logo"),
        banner=fields.https_url("banner"),
        is_published=fields.visible(),
        settings=fields.settings() or {},
    )
    fields.check()
    return new


def store_changes(body: object) -> Changes:
    """Return the changes in a request of PUT /v1/store/manage; absent members do not change."""
    fields = StoreFields(body)
    changes: Changes = {}
    fields.change(changes, "name", lambda name: fields.required_name(name, *bounds.STORE_NAME))
    fields.change(changes, "description", lambda name: fields.text(name, bounds.STORE_DESCRIPTION))
    fields.change(changes, "logo", fields.https_url)
    fields.change(changes, "banner", fields.https_url)
    fields.change(changes, "settings", lambda name: fields.settings() or {})
    if fields.names("isPublished") or fields.names("isActive"):
        changes["is_published"] = fields.visible()
    fields.check()
    return changes


def new_product(body: object) -> NewProduct:
    """Return the request of POST /v1/store/manage/products. Raises 400 with all invalid members."""
    fields = StoreFields(body)
    content_type = fields.content_type("contentType") or ContentType.GENERAL
    skill_content = fields.text("skillContent", bounds.SKILL_CONTENT)
    if content_type is ContentType.SKILL and not skill_content:
        fields.refuse("skillContent", assumptions.SKILL_CONTENT_ERROR)
    new = NewProduct(
        name=fields.required_name("name", *bounds.PRODUCT_NAME),
        price=fields.required_price("price"),
        currency=fields.choice("currency", assumptions.PRICE_CURRENCIES) or assumptions.DEFAULT_PRICE_CURRENCY,
        description=fields.text("description", bounds.PRODUCT_DESCRIPTION),
        images=fields.images("images"),
        stock=fields.stock("stock"),
        digital_content=fields.digital_content("digitalContent"),
        content_type=content_type,
        skill_content=skill_content if content_type is ContentType.SKILL else None,
        variants=fields.array("variants"),
        metadata=fields.members("metadata"),
    )
    fields.check()
    return new


def product_changes(body: object) -> Changes:
    """Return the changes in a request of PUT /v1/store/manage/products/{id}; absent members do not change."""
    fields = StoreFields(body)
    changes: Changes = {}
    fields.change(changes, "name", lambda name: fields.required_name(name, *bounds.PRODUCT_NAME))
    fields.change(changes, "price", fields.required_price)
    fields.change(changes, "currency", lambda name: fields.required_choice(name, assumptions.PRICE_CURRENCIES))
    fields.change(changes, "description", lambda name: fields.text(name, bounds.PRODUCT_DESCRIPTION))
    fields.change(changes, "images", fields.images)
    fields.change(changes, "stock", fields.stock)
    fields.change(changes, "digitalContent", fields.digital_content, "digital_content")
    fields.change(changes, "contentType", fields.required_content_type, "content_type")
    fields.change(changes, "skillContent", lambda name: fields.text(name, bounds.SKILL_CONTENT), "skill_content")
    fields.change(changes, "variants", fields.array)
    fields.change(changes, "metadata", fields.members)
    fields.change(changes, "sortOrder", lambda name: fields.required_whole(name, *bounds.SORT_ORDER), "sort_order")
    fields.change(changes, "isActive", fields.required_flag, "is_active")
    fields.check()
    return changes


def new_keys(body: object) -> tuple[list[str], str | None]:
    """Return the keys and their label in a request of POST .../keys."""
    fields = StoreFields(body)
    keys = fields.array("keys")
    texts = [key for key in keys if isinstance(key, str) and 1 <= len(key) <= bounds.KEY_LENGTH]
    if not 1 <= len(keys) <= bounds.KEY_BATCH or len(texts) < len(keys):
        fields.refuse(
            "keys", f"Must be a list of 1 to {bounds.KEY_BATCH} strings of 1 to {bounds.KEY_LENGTH} characters"
        )
    label = fields.text("label", bounds.KEY_LABEL)
    fields.check()
    return texts, label


def new_order(body: object) -> NewOrder:
    """Return the request of POST /v1/store/{slug}/checkout."""
    fields = StoreFields(body)
    lines: list[BasketLine] = []
    listed = fields.array("items")
    if not 1 <= len(listed) <= assumptions.MAX_CHECKOUT_ITEMS:
        fields.refuse("items", f"Must be a list of 1 to {assumptions.MAX_CHECKOUT_ITEMS} items")
    for index, line in enumerate(listed):
        if not is_object(line):
            fields.refuse(f"items[{index}]", "Must be an object")
            continue
        item = StoreFields(line)
        lines.append(
            BasketLine(
                product_id=item.required_name("productId", 1, bounds.ID_LENGTH),
                quantity=item.whole("quantity", *bounds.QUANTITY, 1),
                variant=item.members("variant"),
            )
        )
        fields.adopt(f"items[{index}]", item)
    new = NewOrder(
        lines=lines,
        customer_email=fields.text("customerEmail", bounds.CUSTOMER_LENGTH),
        customer_name=fields.text("customerName", bounds.CUSTOMER_LENGTH),
        currency=fields.choice("currency", COINS),
    )
    fields.check()
    return new


def order_step(body: object) -> tuple[OrderStatus, str | None]:
    """Return the request of PUT .../orders/{id}/status."""
    fields = StoreFields(body)
    status = fields.required_choice("status", SETTABLE)
    notes = fields.text("notes", bounds.ORDER_NOTES)
    fields.check()
    return OrderStatus(status), notes


def status_filter(query: Mapping[str, str], allowed: Collection[str]) -> str:
    """Return ``?status=``, or empty text. Raises 400 for an unknown status."""
    status = query.get("status", "")
    if status and status not in allowed:
        raise invalid({"status": f"Must be one of: {', '.join(allowed)}"})
    return status


class StoreFields(Fields):
    """The kinds of members that only the store's bodies have."""

    def names(self, name: str) -> bool:
        """Return whether the body has the member, even as null."""
        return name in self._members

    def refuse(self, name: str, problem: str) -> None:
        """Record a problem with a member."""
        self._problems[name] = problem

    def adopt(self, name: str, inner: StoreFields) -> None:
        """Add the problems inside a member."""
        self._problems |= {f"{name}.{member}": problem for member, problem in inner._problems.items()}

    def change(self, changes: Changes, name: str, read: Callable[[str], object], attribute: str | None = None) -> None:
        """Add the new value of a member to ``changes`` if the body has it."""
        if self.names(name):
            changes[attribute or name] = read(name)

    def required_name(self, name: str, shortest: int, longest: int) -> str:
        """Return a name, which must not be absent."""
        value = self._members.get(name)
        if isinstance(value, str) and len(value) <= longest and re.search(name_pattern(shortest), value):
            return value
        self._problems[name] = f"Must be a string of {shortest} to {longest} characters"
        return ""

    def required_price(self, name: str) -> Decimal:
        """Return a price, which must not be absent."""
        value = self.required_amount(name)
        lowest, highest = bounds.PRICE
        if name not in self._problems and not lowest <= value <= highest:
            self._problems[name] = f"Must be from {lowest} to {highest}"
        return value

    def required_flag(self, name: str) -> bool:
        """Return true or false, which must not be absent."""
        value = self._members.get(name)
        if isinstance(value, bool):
            return value
        self._problems[name] = "Must be true or false"
        return False

    def required_whole(self, name: str, lowest: int, highest: int) -> int:
        """Return a whole number between the bounds, which must not be absent."""
        self._require(name)
        return self.whole(name, lowest, highest, lowest)

    def visible(self) -> bool:
        """``isPublished`` (official clients and skill), or ``isActive`` (official MCP server)."""
        flags = [self.required_flag(name) for name in ("isPublished", "isActive") if self.names(name)]
        return flags[0] if flags else True

    def stock(self, name: str) -> int | None:
        """Return a stock, or None for unlimited stock."""
        return None if self._members.get(name) is None else self.whole(name, *bounds.STOCK, 0)

    def content_type(self, name: str) -> ContentType | None:
        """Return a type of content, or None if it is absent."""
        value = self.choice(name, tuple(ContentType))
        return None if value is None else ContentType(value)

    def required_content_type(self, name: str) -> ContentType:
        """Return a type of content, which must not be absent."""
        self._require(name)
        return self.content_type(name) or ContentType.GENERAL

    def https_url(self, name: str) -> str | None:
        """Return an https URL, or None if it is absent."""
        value = self.text(name, bounds.URL_LENGTH)
        if value is not None and not _is_https(value):
            self._problems[name] = "Must be an https URL"
        return value

    def images(self, name: str) -> list[str]:
        """Return a list of https URLs, empty if it is absent."""
        values = self.array(name)
        urls = [value for value in values if isinstance(value, str) and _is_https(value)]
        if len(values) > bounds.IMAGES or len(urls) < len(values):
            self._problems[name] = f"Must be a list of at most {bounds.IMAGES} https URLs"
        return urls

    def array(self, name: str) -> list[Any]:
        """Return a list, empty if it is absent."""
        value = self._members.get(name)
        if value is None:
            return []
        if is_array(value):
            return value
        self._problems[name] = "Must be a list"
        return []

    def members(self, name: str) -> dict[str, Any] | None:
        """Return an object, or None if it is absent."""
        value = self._members.get(name)
        if value is None or is_object(value):
            return value
        self._problems[name] = "Must be an object"
        return None

    def digital_content(self, name: str) -> Mapping[str, object] | None:
        """Return the digital content of a product, or None if it is absent."""
        given = self.members(name)
        if given is None:
            return None
        inner = StoreFields(given)
        content: dict[str, object] = {"fileUrl": inner.https_url("fileUrl")}
        content |= {member: inner.text(member, bounds.CONTENT_LENGTH) for member in CONTENT_TEXTS}
        if given.get("fileSize") is not None:
            content["fileSize"] = inner.whole("fileSize", 0, bounds.FILE_SIZE, 0)
        self.adopt(name, inner)
        return {member: value for member, value in content.items() if value is not None}

    def settings(self) -> Mapping[str, object] | None:
        """{acceptedCurrencies, minOrderAmount, maxOrderAmount} (official JS client)."""
        given = self.members("settings")
        if given is None:
            return None
        inner = StoreFields(given)
        content: dict[str, object] = {}
        coins = inner.array("acceptedCurrencies")
        if inner.names("acceptedCurrencies"):
            content["acceptedCurrencies"] = coins
        if any(not isinstance(coin, str) or coin not in COINS for coin in coins):
            inner.refuse("acceptedCurrencies", f"Must hold only: {', '.join(COINS)}")
        content |= {member: inner.amount(member) for member in ("minOrderAmount", "maxOrderAmount")}
        self.adopt("settings", inner)
        return {member: value for member, value in content.items() if value is not None}


def _is_https(value: str) -> bool:
    return len(value) <= bounds.URL_LENGTH and urls.matches(urls.HTTPS, value)
