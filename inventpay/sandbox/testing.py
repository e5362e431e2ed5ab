"""The sandbox for users' tests: served once, reset for each test. The pytest plugin uses it."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager

from .sandbox import Sandbox

_numbers = itertools.count(1)


@contextmanager
def running_sandbox(sandbox: Sandbox | None = None) -> Generator[Sandbox, None, None]:
    """Serve a sandbox (by default a new one) on a free loopback port while the block runs.

    Example:
        class ShopTest(unittest.TestCase):
            def setUp(self):
                self.sandbox = self.enterContext(running_sandbox())
                self.client = self.enterContext(self.sandbox.client())
    """
    sandbox = Sandbox() if sandbox is None else sandbox
    with sandbox.run():
        yield sandbox


def renew(sandbox: Sandbox) -> None:
    """Reset the sandbox for the next test: no records, no planned faults, and new keys.

    Clients that share their rate limits by key, as they do by default, then do not wait for calls of other tests.
    """
    number = next(_numbers)
    sandbox.api_key = f"pk_test_sandbox_{number}"
    sandbox.withdrawal_key = f"wk_test_sandbox_{number}"
    sandbox.idempotency.honoured = True
    sandbox.reset()
