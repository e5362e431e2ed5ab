"""The records of the sandbox's store: its products, their keys and its orders, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import attrs

from .. import assumptions
from ..clock import Clock
from ..errors import SandboxError, invalid, not_found
from ..http.paging import Page
from ..merchant.coins import COINS
from ..merchant.ids import new_id
from ..merchant.money import plain, total
from ..merchant.payments import NewPayment, Payment
from ..merchant.state import State
from . import orders, products, stores
from .key_pools import Key, KeyPool, KeyStatus
from .orders import BasketLine, NewOrder, Order, OrderStatus
from .products import ContentType, NewProduct, Product
from .stores import NewStore, Store


@attrs.frozen(kw_only=True)
class ShopRecords:
    """The records of a shop in the form in which they are saved; keys by their product."""

    store: Store | None
    products: list[Product]
    keys: dict[str, list[Key]]
    orders: list[Order]


class Shop:
    """The merchant's store. Every method is one atomic step and may be called from any thread.

    Raises ``SandboxError``: 404 if there is no store and for an unknown id, 400 if a record's state forbids the step.
    """

    def __init__(self, clock: Clock, payments: State) -> None:
        self._clock = clock
        self._payments = payments
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Delete all records."""
        with self._lock:
            self._store: Store | None = None
            self._products: dict[str, Product] = {}
            self._slugs: dict[str, str] = {}
            self._pools: dict[str, KeyPool] = {}
            self._orders: dict[str, Order] = {}
            self._unpaid: set[str] = set()

    def records(self) -> ShopRecords:
        """Return all records, oldest first."""
        with self._lock:
            return ShopRecords(
                store=self._store,
                products=list(self._products.values()),
                keys={product_id: list(pool) for product_id, pool in self._pools.items()},
                orders=list(self._orders.values()),
            )

    def restore(self, records: ShopRecords) -> None:
        """Replace all records."""
        with self._lock:
            self.reset()
            self._store = records.store
            self._products = {product.product_id: product for product in records.products}
            self._slugs = {product.slug: product.product_id for product in records.products}
            self._pools = {product_id: KeyPool(keys) for product_id, keys in records.keys.items()}
            self._orders = {order.order_id: order for order in records.orders}
            self._unpaid = {order.order_id for order in records.orders if order.status is OrderStatus.PENDING}

    # The store

    def create(self, new: NewStore) -> Store:
        """Create the store."""
        with self._lock:
            if self._store is not None:
                raise SandboxError(400, assumptions.STORE_EXISTS_ERROR)
            now = self._clock()
            self._store = Store(
                store_id=new_id(),
                slug=stores.slug(new.name, assumptions.STORE_SLUG),
                created_at=now,
                updated_at=now,
                **attrs.asdict(new, recurse=False),
            )
            return self._store

    def store(self) -> Store:
        """Return the store; raise 404 if there is none."""
        with self._lock:
            if self._store is None:
                raise not_found("Store")
            return self._store

    def published(self, slug: str) -> Store:
        """Return the store for buyers; raise 404 if it is not published."""
        with self._lock:
            store = self._store
            if store is None or store.slug != slug or not store.is_published:
                raise not_found("Store")
            return store

    def update(self, changes: Mapping[str, Any]) -> Store:
        """Change the store."""
        with self._lock:
            store = attrs.evolve(self.store(), updated_at=self._clock(), **changes)
            if "name" in changes:
                store = attrs.evolve(store, slug=stores.slug(store.name, assumptions.STORE_SLUG))
            self._store = store
            return store

    def counts(self) -> dict[str, int]:
        """Return the numbers of products and orders."""
        with self._lock:
            return {"products": len(self._products), "orders": len(self._orders)}

    def analytics(self) -> dict[str, object]:
        """Return figures over all orders."""
        with self._lock:
            self.store()
            self._settle()
            by_status = dict.fromkeys(OrderStatus, 0)
            for order in self._orders.values():
                by_status[order.status] += 1
            lost = (OrderStatus.PENDING, OrderStatus.CANCELLED, OrderStatus.REFUNDED)
            revenue = total(order.amount for order in self._orders.values() if order.status not in lost)
            return {
                "totalProducts": len(self._products),
                "totalOrders": len(self._orders),
                "totalRevenue": plain(revenue),
                "ordersByStatus": by_status,
            }

    # Products

    def create_product(self, new: NewProduct) -> Product:
        """Create a product."""
        with self._lock:
            self.store()
            now = self._clock()
            product_id = new_id()
            product = Product(
                product_id=product_id,
                slug=self._free_slug(new.name, product_id),
                created_at=now,
                updated_at=now,
                **attrs.asdict(new, recurse=False),
            )
            return self._keep(product)

    def product(self, product_id: str) -> Product:
        """Return a product; raise 404 for an unknown id."""
        with self._lock:
            self.store()
            self._settle()
            product = self._products.get(product_id)
            if product is None:
                raise not_found("Product")
            return product

    def product_at(self, slug: str) -> Product:
        """Return the product with that slug."""
        with self._lock:
            return self.product(self._slugs.get(slug, ""))

    def products(self, page: Page, search: str) -> tuple[list[Product], int]:
        """Return one page of the matching products, newest first, and the number of matches."""
        with self._lock:
            self.store()
            self._settle()
            if not search:
                listed = islice(reversed(self._products.values()), page.start, page.start + page.limit)
                return list(listed), len(self._products)
            found = [product for product in reversed(self._products.values()) if product.matches(search)]
            return page.of(found), len(found)

    def update_product(self, product_id: str, changes: Mapping[str, Any]) -> Product:
        """Change a product."""
        with self._lock:
            product = attrs.evolve(self.product(product_id), updated_at=self._clock(), **changes)
            if "name" in changes:
                product = attrs.evolve(product, slug=self._free_slug(product.name, product_id))
            if product.content_type is ContentType.SKILL and not product.skill_content:
                raise invalid({"skillContent": assumptions.SKILL_CONTENT_ERROR})
            del self._slugs[self._products[product_id].slug]
            return self._keep(products.without_skill(product))

    def delete_product(self, product_id: str) -> bool:
        """Delete a product and return True; deactivate one with orders and return False (official skill)."""
        with self._lock:
            product = self.product(product_id)
            ordered = any(item.product_id == product_id for order in self._orders.values() for item in order.items)
            if ordered:
                self._keep(attrs.evolve(product, is_active=False, updated_at=self._clock()))
            else:
                del self._products[product_id], self._slugs[product.slug]
                self._pools.pop(product_id, None)
            return not ordered

    def _keep(self, product: Product) -> Product:
        self._products[product.product_id] = product
        self._slugs[product.slug] = product.product_id
        return product

    def _free_slug(self, name: str, product_id: str) -> str:
        wanted = slug = stores.slug(name, assumptions.PRODUCT_SLUG)
        number = 2
        while self._slugs.get(slug, product_id) != product_id:
            slug = f"{wanted}-{number}"
            number += 1
        return slug

    # Key pools

    def add_keys(self, product_id: str, values: Iterable[str], label: str | None) -> tuple[int, int]:
        """Add keys; return the number of added ones, and that of duplicates."""
        with self._lock:
            self.product(product_id)
            return self._pools.setdefault(product_id, KeyPool()).add(values, label, self._clock())

    def keys(self, product_id: str, page: Page, status: str) -> tuple[list[Key], int]:
        """Return one page of the keys with a status, newest first, and their number."""
        with self._lock:
            self._settle()
            found = self._pool(product_id).listed(status)
            return page.of(found), len(found)

    def key_counts(self, product_id: str) -> dict[KeyStatus, int]:
        """Return the number of keys by status."""
        with self._lock:
            self._settle()
            pool = self._pool(product_id)
            return {status: pool.count(status) for status in KeyStatus}

    def remove_available_keys(self, product_id: str) -> int:
        """Remove the available keys; return their number."""
        with self._lock:
            self._settle()
            return self._pool(product_id).remove_available()

    def _pool(self, product_id: str) -> KeyPool:
        self.product(product_id)
        return self._pools.get(product_id, KeyPool())

    # Orders

    def check_out(self, slug: str, new: NewOrder) -> tuple[Order, Payment]:
        """Create an order; return it with its payment."""
        with self._lock:
            self._settle()
            store = self.published(slug)
            wanted = [self._for_sale(line) for line in new.lines]
            lines = orders.items(new.lines, wanted)
            amount, now = orders.amount(lines), self._clock()
            stores.check_order(store, amount, new.currency)
            # Prices in USD and USDT count the same.
            currency = wanted[0].currency
            number = f"ORD-{len(self._orders) + 1:06d}"
            payment = self._payments.create_payment(
                NewPayment(
                    amount=amount,
                    amount_currency=currency,
                    coin=None if new.currency is None else COINS[new.currency],
                    lifetime=assumptions.CHECKOUT_LIFETIME,
                    order_id=number,
                    description=f"Order {number} at {store.name}",
                )
            )
            order = Order(
                order_id=new_id(),
                number=number,
                items=lines,
                amount=amount,
                currency=currency,
                is_digital=all(product.is_digital or self._has_keys(product) for product in wanted),
                payment_id=payment.payment_id,
                customer_email=new.customer_email,
                customer_name=new.customer_name,
                created_at=now,
                updated_at=now,
            )
            self._orders[order.order_id] = order
            self._unpaid.add(order.order_id)
            return order, payment

    def order(self, order_id: str) -> Order:
        """Return an order; raise 404 for an unknown id."""
        with self._lock:
            self.store()
            self._settle()
            order = self._orders.get(order_id)
            if order is None:
                raise not_found("Order")
            return order

    def orders(self, page: Page, status: str) -> tuple[list[Order], int]:
        """Return one page of the orders with a status, newest first, and their number."""
        with self._lock:
            self.store()
            self._settle()
            found = [order for order in reversed(self._orders.values()) if not status or order.status == status]
            return page.of(found), len(found)

    def latest_orders(self, count: int) -> list[Order]:
        """Return the newest ``count`` orders, newest first; none if there is no store."""
        with self._lock:
            self._settle()
            return list(islice(reversed(self._orders.values()), count))

    def move_order(self, order_id: str, status: OrderStatus, notes: str | None) -> Order:
        """Move an order to a status chosen by the merchant."""
        with self._lock:
            order = orders.move(self.order(order_id), status, notes, self._clock())
            self._orders[order_id] = order
            if status is OrderStatus.REFUNDED:
                for item in order.items:
                    self._pool(item.product_id).revoke(order_id)
            return order

    def payment_of(self, order: Order) -> Payment:
        """Return the payment of an order."""
        return self._payments.payment(order.payment_id)

    def _for_sale(self, line: BasketLine) -> Product:
        product = self.product(line.product_id)
        if not product.is_active:
            raise SandboxError(400, f"{product.name} is not for sale")
        if product.stock is not None and product.stock < line.quantity:
            raise SandboxError(400, f"Only {product.stock} of {product.name} are left")
        if self._has_keys(product) and not self._pools[product.product_id].count(KeyStatus.AVAILABLE):
            raise SandboxError(400, f"{product.name} is sold out")
        return product

    def _has_keys(self, product: Product) -> bool:
        return product.product_id in self._pools

    def _settle(self) -> None:
        """Update the orders after their payments, in the order in which these were paid."""
        paid: list[tuple[float, Order]] = []
        for order_id in list(self._unpaid):
            order = self._orders[order_id]
            payment = self.payment_of(order)
            if payment.is_open:
                continue
            self._unpaid.discard(order_id)
            if payment.completed_at is None:
                self._orders[order_id] = orders.cancel(order, payment.expires_at)
            else:
                paid.append((payment.completed_at, order))
        for at, order in sorted(paid, key=lambda entry: (entry[0], entry[1].number)):
            self._deliver(orders.pay(order, at), at)

    def _deliver(self, order: Order, now: float) -> None:
        self._orders[order.order_id] = order
        for item in order.items:
            product = self._products.get(item.product_id)
            if product is not None and product.stock is not None:
                self._keep(attrs.evolve(product, stock=max(0, product.stock - item.quantity)))
            if item.product_id in self._pools:
                self._pools[item.product_id].assign(order.order_id, now)
