"""The examples in docstrings say what happens."""

from __future__ import annotations

import doctest
import importlib

import pytest

OFFLINE = [
    "inventpay._api.arguments",
    "inventpay.models.checkout",
    "inventpay._api.endpoints",
    "inventpay._json.converter",
    "inventpay.errors",
    "inventpay._api.status_errors",
    "inventpay.headers",
    "inventpay.hooks",
    "inventpay._core.annotations",
    "inventpay._core.json_values",
    "inventpay.models",
    "inventpay.models.balances",
    "inventpay.models.enums",
    "inventpay.models.key_pools",
    "inventpay.models.orders",
    "inventpay.models.payments",
    "inventpay.models.products",
    "inventpay.models.stores",
    "inventpay.models.webhooks",
    "inventpay.models.withdrawals",
    "inventpay._api.amounts",
    "inventpay.options",
    "inventpay.responses",
    "inventpay._transport.settings",
    "inventpay.telemetry.calls",
    "inventpay.telemetry.deliveries",
    "inventpay.webhooks.keys",
    "inventpay.webhooks.parsing",
    "inventpay.webhooks.signature",
]
"""Modules whose examples need neither a client nor a server."""


@pytest.mark.parametrize("name", OFFLINE)
def test_examples_say_what_happens(name: str) -> None:
    """Every example of the module runs and prints what it shows."""
    module = importlib.import_module(name)
    examples = doctest.DocTestFinder(exclude_empty=True).find(module)
    for example in examples:
        report: list[str] = []
        result = doctest.DocTestRunner().run(example, out=report.append)
        assert result.failed == 0, "".join(report)


def test_there_are_examples() -> None:
    """The list above is worth running: most of what users call by hand has an example."""
    modules = [importlib.import_module(name) for name in OFFLINE]
    counted = sum(len(found.examples) for module in modules for found in doctest.DocTestFinder().find(module))
    assert counted >= 8
