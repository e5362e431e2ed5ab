"""The sandbox for users' tests: served once, like new for each test. The pytest plugin is made of this."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager

from .sandbox import Sandbox

_numbers = itertools.count(1)


@contextmanager
def running_sandbox(sandbox: Sandbox | None = None) -> Generator[Sandbox, None, None]:
    """A sandbox (a new one unless given), served on a free loopback port while the block runs.

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
    """Like new for the next test: nothing recorded, nothing planned, and keys nobody has used.

    Clients that share their rate limits by key, as they do by default, then do not wait for calls of other tests.
    """
    number = next(_numbers)
    sandbox.api_key = f"pk_test_sandbox_{number}"
    sandbox.withdrawal_key = f"wk_test_sandbox_{number}"
    sandbox.idempotency.honoured = True
    sandbox.reset()
