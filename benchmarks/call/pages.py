"""Reading a page of a thousand products: from the bytes to typed, frozen models with exact money.

Beside it ``json.loads`` of the same bytes, which makes dicts and floats.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, Row, answer, contender_of, microseconds, run_alone

ITEMS = 1_000


def measure(bench: Bench) -> Sequence[Row]:
    """The row."""
    seen = bench.turns(__file__, [OURS], bench.rounds(5, 2), bench.rounds(20, 8))[OURS]
    what, loads = f"a page of {ITEMS:,} products, from bytes to models", "json.loads"
    return [
        Row(what, "ms of CPU", seen["models"] / 1000, loads, {loads: seen["dicts"] / 1000}, target=4.0, shown="{:.1f}")
    ]


def contend(size: int) -> None:
    """Both, in turn."""
    from inventpay import APIResponse, Headers
    from inventpay._api import products

    call = products.page(1, search=None, limit=50)
    body = json.dumps(
        {
            "success": True,
            "data": {
                "products": [product(number) for number in range(ITEMS)],
                "pagination": {"page": 1, "limit": ITEMS, "total": ITEMS, "pages": 1},
            },
        }
    ).encode()
    answered = APIResponse(200, Headers(), body)
    assert len(call.read(answered).items) == ITEMS
    models = microseconds(lambda: call.read(answered), size, 3)
    dicts = microseconds(lambda: json.loads(body), size, 3)
    answer({"models": models, "dicts": dicts})


def product(number: int) -> dict[str, object]:
    """A product as the vendor's SDK shows it."""
    return {
        "id": f"prod{number}",
        "storeId": "store1",
        "name": f"Premium Template Pack {number}",
        "slug": f"premium-template-pack-{number}",
        "description": None,
        "price": "29.99",
        "currency": "USD",
        "images": [],
        "stock": 100,
        "isActive": True,
        "digitalContent": None,
        "createdAt": "2024-01-01T12:00:00.000Z",
        "updatedAt": "2024-01-01T12:00:00.000Z",
    }


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(int(said[1]))
    else:
        run_alone(__doc__, measure)
