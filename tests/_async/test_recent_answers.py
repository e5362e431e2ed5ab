# The source of tests/_sync/test_recent_answers.py; after a change run: python tools/generate_sync.py
"""Answers that are recent enough: when nothing is sent, and when it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventpay import InvalidArgumentError
from inventpay._transport.coalescing import REMEMBERED
from tests.support.api import ScriptedAPI
from tests.support.clients import scripted_async_client


async def test_a_recent_answer_will_do() -> None:
    """`max_age` accepts an answer of up to that age; without it every call is sent."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        first = await client.balances.get("USDT_BEP20", max_age=60)
        api.clock.advance(5)
        assert await client.balances.get("USDT_BEP20", max_age=timedelta(seconds=5)) == first
        assert len(api.requests) == 1
        await client.balances.get("USDT_BEP20", max_age=4.9)
        await client.balances.get("USDT_BEP20")
        assert len(api.requests) == 3


async def test_all_balances_may_be_recent_too() -> None:
    """Another question has an answer of its own."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        await client.balances.get("USDT_BEP20")
        await client.balances.all(max_age=60)
        await client.balances.all(max_age=60)
        await client.with_options(headers={"X-Tenant": "7"}).balances.all(max_age=60)
    assert len(api.requests) == 3


async def test_nothing_is_remembered_without_sharing() -> None:
    """With `coalesce=False` no answer is kept."""
    api = ScriptedAPI()
    async with scripted_async_client(api, coalesce=False) as client:
        await client.balances.get("USDT_BEP20", max_age=60)
        await client.balances.get("USDT_BEP20", max_age=60)
    assert len(api.requests) == 2


async def test_an_older_answer_never_replaces_a_newer_one() -> None:
    """Of two requests under way the one that was sent last is remembered, whichever is answered last."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        reads = client._transport._reads
        assert reads is not None
        older, newer = object(), object()
        reads.keep("name", 2.0, newer)  # type: ignore[arg-type]
        reads.keep("name", 1.0, older)  # type: ignore[arg-type]
        api.clock.now = 3.0
        assert reads.recall("name", 2.0) is newer
        assert reads.recall("name", 0.5) is None
        assert reads.recall("another", 2.0) is None


async def test_only_so_many_are_remembered() -> None:
    """The least recent answers are deleted first."""
    async with scripted_async_client(ScriptedAPI()) as client:
        reads = client._transport._reads
        assert reads is not None
        for number in range(REMEMBERED + 1):
            reads.keep(number, 1_000.0, object())  # type: ignore[arg-type]
        assert reads.recall(0, 60.0) is None
        assert reads.recall(1, 60.0) is not None


@pytest.mark.parametrize("age", [-1, float("nan"), True, "5"])
async def test_a_bad_age_is_refused(age: object) -> None:
    """A bad age is refused before anything is sent."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        with pytest.raises(InvalidArgumentError, match="max_age"):
            await client.balances.get("USDT_BEP20", max_age=age)  # type: ignore[arg-type]
    assert not api.requests
