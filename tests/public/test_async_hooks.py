"""Hooks are called, never awaited, in either client."""

from __future__ import annotations

import pytest

from inventpay import AsyncInventPay, ConfigurationError, Event, InventPay


async def hook(event: Event) -> None:
    """A hook that would do nothing but warn that it was never awaited."""
    raise AssertionError(event)


class Counter:
    """A hook that is an object."""

    async def __call__(self, event: Event) -> None:
        raise AssertionError(event)


@pytest.mark.parametrize("make", [AsyncInventPay, InventPay])
@pytest.mark.parametrize("hooks", [[hook], [print, Counter()], ["print"], print])
def test_hooks_that_cannot_be_called_are_refused(make: type, hooks: object) -> None:
    """Async functions, other values, and a single function are refused when the client is made, not at a payment."""
    with pytest.raises(ConfigurationError, match="hooks="):
        make("pk_live_1", hooks=hooks)
