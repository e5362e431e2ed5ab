"""The bounds of arguments, once for the client, the sandbox and the OpenAPI description.

Lengths are characters. The store's bounds are those of the vendor's MCP server and skill document, unless assumed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

# Payments, invoices, withdrawals

ORDER_ID_LENGTH: Final = 100
DESCRIPTION_LENGTH: Final = 500
"""Vendor's skill document, create_payment."""

EXPIRATION_MINUTES: Final = (5, 1440)
"""Docs: create-payment, create-invoice."""

# Any call

ID_LENGTH: Final = 255
"""assumed: ids are cuid-like, about 25 characters; no source states a bound, and one must keep URLs sane."""

URL_LENGTH: Final = 2048
"""assumed: what browsers and proxies accept; no source states a bound."""

IDEMPOTENCY_KEY_LENGTH: Final = 255
"""assumed: Stripe's bound; no source states one."""

# Stores and products

STORE_NAME: Final = (2, 100)
STORE_DESCRIPTION: Final = 1_000
PRODUCT_NAME: Final = (1, 200)
PRODUCT_DESCRIPTION: Final = 5_000

PRICE: Final = (Decimal("0.01"), Decimal(1_000_000))
"""A product's price, in its currency."""

IMAGES: Final = 10
"""Images of one product, at most."""

STOCK: Final = (0, 999_999)
SORT_ORDER: Final = (0, 9_999)
SKILL_CONTENT: Final = 100_000

CONTENT_LENGTH: Final = 100_000
"""assumed: each text in digital content; no source states a bound but for skills."""

FILE_SIZE: Final = 2**53 - 1
"""assumed: bytes; the largest whole number that every JSON reader keeps exact."""

SEARCH_LENGTH: Final = 200
"""assumed: no source states a bound."""

# Key pools and orders

KEY_BATCH: Final = 10_000
"""Keys in one request, at most (vendor's Python SDK, MCP server and skill document)."""

KEY_LENGTH: Final = 1_000
"""assumed: one key; no source states a bound."""

KEY_LABEL: Final = 200
ORDER_NOTES: Final = 500

QUANTITY: Final = (1, 999_999)
"""assumed: pieces of one product in an order; the highest stock."""

CUSTOMER_LENGTH: Final = 320
"""assumed: an e-mail address may have as many (RFC 3696, erratum 1690); no source states a bound."""

# Lists: the highest ``limit`` of a page

PRODUCTS_PAGE: Final = 50
KEYS_PAGE: Final = 100
ORDERS_PAGE: Final = 50

DELIVERIES_PAGE: Final = 100
"""assumed: no source states a bound."""

STATISTICS_DAYS: Final = 90
"""Days that webhook statistics cover, at most (vendor's JavaScript SDK, older documents)."""
