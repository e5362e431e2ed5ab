"""All that the sandbox's store knows: its products, their keys and its orders, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import islice
from typing import Any

import attrs

from inventpay.sandbox import assumptions
from inventpay.sandbox.clock import Clock
from inventpay.sandbox.errors import conflict, invalid, not_found
from inventpay.sandbox.ids import new_id
from inventpay.sandbox.paging import Page
from inventpay.sandbox.store import products, stores
from inventpay.sandbox.store.products import ContentType, NewProduct, Product
from inventpay.sandbox.store.stores import NewStore, Store


class Shop:
    """The merchant's store. Every method is one atomic step and may be called from any thread.

    Raises `SandboxError`: 404 before there is a store and for an unknown id, 409 for a second store.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._store: Store | None = None
            self._products: dict[str, Product] = {}
            self._slugs: dict[str, str] = {}

    # The store

    def create(self, new: NewStore) -> Store:
        with self._lock:
            if self._store is not None:
                raise conflict(assumptions.STORE_EXISTS_ERROR)
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
        with self._lock:
            if self._store is None:
                raise not_found("Store")
            return self._store

    def update(self, changes: Mapping[str, Any]) -> Store:
        with self._lock:
            store = attrs.evolve(self.store(), updated_at=self._clock(), **changes)
            if "name" in changes:
                store = attrs.evolve(store, slug=stores.slug(store.name, assumptions.STORE_SLUG))
            self._store = store
            return store

    def counts(self) -> dict[str, int]:
        with self._lock:
            return {"products": len(self._products)}

    # Products

    def create_product(self, new: NewProduct) -> Product:
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
        with self._lock:
            self.store()
            product = self._products.get(product_id)
            if product is None:
                raise not_found("Product")
            return product

    def products(self, page: Page, search: str) -> tuple[list[Product], int]:
        """One page of the products that match, newest first, and how many match."""
        with self._lock:
            self.store()
            if not search:
                listed = islice(reversed(self._products.values()), page.start, page.start + page.limit)
                return list(listed), len(self._products)
            found = [product for product in reversed(self._products.values()) if product.matches(search)]
            return page.of(found), len(found)

    def update_product(self, product_id: str, changes: Mapping[str, Any]) -> Product:
        with self._lock:
            product = attrs.evolve(self.product(product_id), updated_at=self._clock(), **changes)
            if "name" in changes:
                product = attrs.evolve(product, slug=self._free_slug(product.name, product_id))
            if product.content_type is ContentType.SKILL and not product.skill_content:
                raise invalid({"skillContent": assumptions.SKILL_CONTENT_ERROR})
            del self._slugs[self._products[product_id].slug]
            return self._keep(products.without_skill(product))

    def delete_product(self, product_id: str) -> bool:
        """Whether the product is gone for good."""
        with self._lock:
            product = self.product(product_id)
            del self._products[product_id], self._slugs[product.slug]
            return True

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
