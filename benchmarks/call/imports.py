"""The cost of importing: processor time of the import statement in a fresh interpreter.

Of this package it is the import that programs write: both clients, errors to catch, options, and models to annotate
with. Bytecode is compiled beforehand, as pip does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, run_alone

WRITTEN = (
    "from inventpay import AsyncInventPay, InventPay, InventPayError, APIStatusError, RateLimitedError, "
    "RateLimits, RetryPolicy, Payment, PaymentStatus, Balance"
)
STATEMENTS = {
    OURS: WRITTEN,
    f"{OURS} bare": "import inventpay",
    f"{OURS} whole": "from inventpay import *",
    VENDOR: "import inventpay",
    **{name: f"import {name}" for name in ("httpx", "httpx2", "requests", "aiohttp", "stripe", "openai", "anthropic")},
}


CODE = """
import time
begun = time.process_time()
{statement}
print('{{"milliseconds": %f}}' % ((time.process_time() - begun) * 1000))
"""


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    codes = {contender: CODE.format(statement=statement) for contender, statement in STATEMENTS.items()}
    seen = bench.code_turns(codes, bench.rounds(11, 3))
    costs = {contender: figures["milliseconds"] for contender, figures in seen.items()}
    others = {name: cost for name, cost in costs.items() if not name.startswith(OURS)}

    def row(what: str, contender: str, **more: Any) -> Row:
        beside = others if contender == OURS else {"httpx": others["httpx"]}
        return Row(what, "ms of CPU", costs[contender], "httpx", beside, shown="{:.1f}", **more)

    return [
        row("importing the clients, errors, options and core models", OURS, target=1.0, picture=True),
        row("every public name (`from inventpay import *`)", f"{OURS} whole"),
        row("nothing yet (`import inventpay`: names are loaded when they are used)", f"{OURS} bare"),
    ]


if __name__ == "__main__":
    run_alone(__doc__, measure)
