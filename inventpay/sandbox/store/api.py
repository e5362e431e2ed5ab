"""The endpoints under /v1/store: the work of each after its caller, limits and body were checked."""

from __future__ import annotations

from ..._api import bounds
from ..http.answers import Answer, bare, success, text
from ..http.endpoint import Call
from ..http.paging import Page, asked_page
from ..shapes import variants
from ..shapes.bodies import invoice_created, payment_created
from ..shapes.variants import Variants
from . import alternative_bodies as other_bodies
from . import bodies, fields, pages
from .key_pools import KeyStatus
from .orders import Order, OrderStatus
from .products import Product
from .shop import Shop
from .stores import Store

# Documented: default and highest `limit` of each list (official Python client, MCP server and skill).
PRODUCTS_PAGE = {"limit": 20, "most": bounds.PRODUCTS_PAGE}
KEYS_PAGE = {"limit": 50, "most": bounds.KEYS_PAGE}
ORDERS_PAGE = {"limit": 20, "most": bounds.ORDERS_PAGE}

# Number of products on a store's page.
_SHOWN = 100


class StoreApi:
    """The handlers over one shop. assumed: the messages."""

    def __init__(self, shop: Shop, variants: Variants) -> None:
        self._shop = shop
        self._variants = variants

    def create(self, call: Call) -> Answer:
        """Create the store."""
        return self._store(self._shop.create(fields.new_store(call.body)), call, "Store created successfully")

    def store(self, call: Call) -> Answer:
        """Return the store."""
        return self._store(self._shop.store(), call, "Store retrieved successfully")

    def update(self, call: Call) -> Answer:
        """Change the store."""
        return self._store(self._shop.update(fields.store_changes(call.body)), call, "Store updated successfully")

    def create_product(self, call: Call) -> Answer:
        """Create a product."""
        product = self._shop.create_product(fields.new_product(call.body))
        return success(self._product(product, call), "Product created successfully")

    def products(self, call: Call) -> Answer:
        """Return one page of the products."""
        page = asked_page(call.query, **PRODUCTS_PAGE)
        search = call.query.get("search", "")[: bounds.SEARCH_LENGTH]
        found, total = self._shop.products(page, search)
        listed = [self._product(product, call) for product in found]
        return success({"products": listed, "pagination": page.pagination(total)}, "Products retrieved successfully")

    def update_product(self, call: Call) -> Answer:
        """Change a product."""
        product = self._shop.update_product(_product_id(call), fields.product_changes(call.body))
        return success(self._product(product, call), "Product updated successfully")

    def delete_product(self, call: Call) -> Answer:
        """Delete a product, or deactivate one that has orders."""
        gone = self._shop.delete_product(_product_id(call))
        return success({}, "Product deleted successfully" if gone else "Product deactivated: it has orders")

    def add_keys(self, call: Call) -> Answer:
        """Add keys to a product."""
        added, duplicates = self._shop.add_keys(_product_id(call), *fields.new_keys(call.body))
        counts = {"added": added, "duplicates": duplicates}
        if self._variants.pick(variants.ADD_KEYS) == "bare":
            return bare(counts)
        return success(counts, f"{added} keys added")

    def keys(self, call: Call) -> Answer:
        """Return one page of a product's keys."""
        page = asked_page(call.query, **KEYS_PAGE)
        status = fields.status_filter(call.query, tuple(KeyStatus))
        found, total = self._shop.keys(_product_id(call), page, status)
        listed = [bodies.key(key) for key in found]
        return success({"keys": listed, "pagination": page.pagination(total)}, "Keys retrieved successfully")

    def key_stats(self, call: Call) -> Answer:
        """Return the numbers of a product's keys by status."""
        counts = {status.lower(): count for status, count in self._shop.key_counts(_product_id(call)).items()}
        total = sum(counts.values())
        return success({**counts, "total": total, "useKeyPool": total > 0}, "Key statistics retrieved successfully")

    def remove_keys(self, call: Call) -> Answer:
        """Remove a product's available keys."""
        removed = self._shop.remove_available_keys(_product_id(call))
        return success({"removed": removed}, f"{removed} available keys removed")

    def check_out(self, call: Call) -> Answer:
        """Create an order and its payment."""
        order, payment = self._shop.check_out(call.path_params["slug"], fields.new_order(call.body))
        shape = invoice_created if payment.coin is None else payment_created
        data = {"order": self._order(order), "payment": shape(payment, call.origin)}
        return success(data, "Order created successfully")

    def orders(self, call: Call) -> Answer:
        """Return one page of the orders."""
        page = asked_page(call.query, **ORDERS_PAGE)
        found, total = self._shop.orders(page, fields.status_filter(call.query, tuple(OrderStatus)))
        listed = [self._order(order) for order in found]
        return success({"orders": listed, "pagination": page.pagination(total)}, "Orders retrieved successfully")

    def order(self, call: Call) -> Answer:
        """Return an order."""
        return success(self._order(self._shop.order(call.path_params["orderId"])), "Order retrieved successfully")

    def move_order(self, call: Call) -> Answer:
        """Set the status of an order."""
        order = self._shop.move_order(call.path_params["orderId"], *fields.order_step(call.body))
        return success(self._order(order), "Order status updated successfully")

    def analytics(self, call: Call) -> Answer:
        """Return figures over all orders."""
        return success(self._shop.analytics(), "Analytics retrieved successfully")

    def storefront(self, call: Call) -> Answer:
        """Return the page behind a store's ``url`` as text: the shop, and the command that buys."""
        store = self._shop.published(call.path_params["slug"])
        products, _ = self._shop.products(Page(1, _SHOWN), "")
        shown = [product for product in products if product.is_active]
        return text(pages.storefront(store, shown, call.origin))

    def product_page(self, call: Call) -> Answer:
        """Return the page behind a product's ``productUrl``."""
        store = self._shop.published(call.path_params["slug"])
        product = self._shop.product_at(call.path_params["productSlug"])
        return text(pages.storefront(store, [product], call.origin))

    def _order(self, order: Order) -> bodies.Body:
        shape = other_bodies.ORDER_SHAPES[self._variants.pick(variants.ORDER)]
        return shape(bodies.order(order, self._shop.store(), self._shop.payment_of(order)))

    def _store(self, store: Store, call: Call, message: str) -> Answer:
        shape = other_bodies.STORE_SHAPES[self._variants.pick(variants.STORE)]
        return success(shape(bodies.store(store, self._shop.counts(), call.origin)), message)

    def _product(self, product: Product, call: Call) -> bodies.Body:
        shape = other_bodies.PRODUCT_SHAPES[self._variants.pick(variants.PRODUCT)]
        return shape(bodies.product(product, self._shop.store(), call.origin))


def _product_id(call: Call) -> str:
    return call.path_params["productId"]
