"""The examples in the docstrings of both clients run as they stand, against a server with the documented answers."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import inventpay
from inventpay.sandbox import Sandbox, Unlimited
from tests.support.api import NOT_DOCUMENTED, documented
from tests.support.raw_server import Exchange, RawServer, answers_as_documented

PAID = Path(__file__).parents[1] / "examples" / "payment_status.completed.json"
SANDBOX = Sandbox(rate_limits=Unlimited())
WITHDRAWN = PAID.with_name("withdrawal.docs-pending.json")

MODULES = [
    f"inventpay.{world}.{name}"
    for world in ("_async", "_sync")
    for name in (
        "client",
        "payments",
        "invoices",
        "balances",
        "withdrawals",
        "store",
        "products",
        "key_pools",
        "orders",
        "webhooks",
    )
]

PAGES = ["inventpay._async.paging", "inventpay._sync.paging", "inventpay._api.listing"]
"""The results of calls for a list; parts of it are private."""


def _documented() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder()
    for name in (*MODULES, *PAGES, "inventpay"):
        module = importlib.import_module(name)
        yield from (found for found in finder.find(module, name) if found.examples)


EXAMPLES = {found.name: found for found in _documented()}


def _run(source: str, names: dict[str, object]) -> str:
    """Return what the example prints. An `await` at its top level is run to its end, as in a notebook."""
    code = compile(source, "<example>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        outcome = eval(code, names)
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)
    return printed.getvalue()


def _answers(exchange: Exchange) -> None:
    """The documented answers, or the sandbox's where no page shows one.

    Payments are paid and withdrawals are complete, so that waiting for one ends.
    """
    if exchange.line.startswith("GET /v1/invoice/"):
        exchange.say(200, PAID.read_bytes())
    elif exchange.line.startswith("GET /v1/withdrawal/"):
        exchange.say(200, WITHDRAWN.read_bytes().replace(b'"PENDING"', b'"COMPLETED"'))
    elif exchange.line.startswith("GET") and documented(*_asked(exchange)) == NOT_DOCUMENTED:
        with httpx.Client(transport=SANDBOX.transport(), base_url="http://sandbox") as http:
            answer = http.request(*_asked(exchange), headers={"X-API-Key": SANDBOX.api_key}, content=exchange.body)
        exchange.say(answer.status_code, answer.content)
    else:
        answers_as_documented(exchange)


def _asked(exchange: Exchange) -> tuple[str, str]:
    method, target, _ = exchange.line.split(" ")
    return method, target.partition("?")[0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_runs_and_prints_what_it_promises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keys in the environment each example runs; where it shows a result, that is the result."""
    monkeypatch.setenv("INVENTPAY_API_KEY", "pk_live_of_the_examples")
    monkeypatch.setenv("INVENTPAY_WITHDRAWAL_KEY", "wk_live_of_the_examples")
    # Names are imported when they are first asked for.
    names: dict[str, object] = {name: getattr(inventpay, name) for name in inventpay.__all__}
    names |= {"asyncio": asyncio, "time": time}
    with RawServer(_answers) as server:
        for example in EXAMPLES[name].examples:
            # An example that sends nothing shows the defaults, the address among them.
            sends = "with " in example.source
            with monkeypatch.context() as patch:
                if sends:
                    patch.setenv("INVENTPAY_BASE_URL", server.url)
                printed = _run(example.source, names)
            if example.want:
                assert doctest.OutputChecker().check_output(example.want, printed, 0), printed
            assert bool(server.lines) == sends


def test_every_call_has_an_example() -> None:
    """Each public method of a client's resources shows how it is called."""
    for client in (inventpay.AsyncInventPay, inventpay.InventPay):
        module = client.__module__.rpartition(".")[0]
        for found in MODULES:
            if not found.startswith(module) or found.endswith(".client"):
                continue
            for kind in vars(importlib.import_module(found)).values():
                if inspect.isclass(kind) and kind.__module__ == found:
                    for method in vars(kind).values():
                        if inspect.isfunction(method) and not method.__name__.startswith("_"):
                            assert f"{found}.{kind.__name__}.{method.__name__}" in EXAMPLES
