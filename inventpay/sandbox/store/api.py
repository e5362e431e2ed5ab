"""The endpoints under /v1/store: what each one does once its caller, limits and body are checked."""

from __future__ import annotations

from inventpay.sandbox import assumptions
from inventpay.sandbox.answers import Answer, success
from inventpay.sandbox.endpoint import Call
from inventpay.sandbox.paging import asked_page
from inventpay.sandbox.store import bodies, fields
from inventpay.sandbox.store.products import Product
from inventpay.sandbox.store.shop import Shop
from inventpay.sandbox.store.stores import Store

# Documented: default and highest `limit` of each list (official Python client, MCP server and skill).
PRODUCTS_PAGE = {"limit": 20, "most": 50}


class StoreApi:
    """Handlers over one shop. assumed: the messages."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def create(self, call: Call) -> Answer:
        return self._store(self._shop.create(fields.new_store(call.body)), call, "Store created successfully")

    def store(self, call: Call) -> Answer:
        return self._store(self._shop.store(), call, "Store retrieved successfully")

    def update(self, call: Call) -> Answer:
        return self._store(self._shop.update(fields.store_changes(call.body)), call, "Store updated successfully")

    def create_product(self, call: Call) -> Answer:
        product = self._shop.create_product(fields.new_product(call.body))
        return success(self._product(product, call), "Product created successfully")

    def products(self, call: Call) -> Answer:
        page = asked_page(call.query, **PRODUCTS_PAGE)
        search = call.query.get("search", "")[: assumptions.MAX_SEARCH_LENGTH]
        found, total = self._shop.products(page, search)
        listed = [self._product(product, call) for product in found]
        return success({"products": listed, "pagination": page.pagination(total)}, "Products retrieved successfully")

    def update_product(self, call: Call) -> Answer:
        product = self._shop.update_product(_product_id(call), fields.product_changes(call.body))
        return success(self._product(product, call), "Product updated successfully")

    def delete_product(self, call: Call) -> Answer:
        gone = self._shop.delete_product(_product_id(call))
        return success({}, "Product deleted successfully" if gone else "Product deactivated: it has orders")

    def _store(self, store: Store, call: Call, message: str) -> Answer:
        return success(bodies.store(store, self._shop.counts(), call.origin), message)

    def _product(self, product: Product, call: Call) -> bodies.Body:
        return bodies.product(product, self._shop.store(), call.origin)


def _product_id(call: Call) -> str:
    return call.path_params["productId"]
