"""The store in memory keeps the contract, within its bound."""

from __future__ import annotations

from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay.webhooks.memory_store import MemorySeenStore
from inventpay.webhooks.seen import ClaimStatus

from .seen_store_contract import Clock, SeenStoreContract, World, claimed


class TestMemorySeenStore(SeenStoreContract):
    """The contract, on one shared store."""

    @pytest.fixture
    def world(self) -> World:
        """Another process would not see this memory, so others are the same store."""
        clock = Clock()
        store = MemorySeenStore(retention=self.RETENTION, clock=clock)
        return World(store, another=lambda: store, advance=clock.advance)


def test_it_runs_on_the_event_loop_and_ends_with_the_process() -> None:
    """No method waits, and nothing survives."""
    store = MemorySeenStore()
    assert not store.blocking
    assert not store.durable


def test_the_oldest_handled_keys_go_when_there_are_too_many() -> None:
    """The bound holds, and what is in work or waits is never dropped."""
    store = MemorySeenStore(most_keys=10)
    working = claimed(store.claim(["working"], 60))
    claimed(store.claim(["waiting"], 0, b"body"))
    for number in range(30):
        store.finish(claimed(store.claim([f"event{number}", f"id{number}"], 60)))
        assert len(store) <= 12
    assert store.claim(["event29"], 60) is ClaimStatus.HANDLED
    assert store.claim(["id26"], 60) is ClaimStatus.HANDLED
    claimed(store.claim(["event0"], 60))
    assert store.finish(working)
    assert claimed(store.due(60)).body == b"body"


def test_forgotten_keys_leave_nothing_behind() -> None:
    """After the retention the store is as large as what it remembers."""
    clock = Clock()
    store = MemorySeenStore(retention=100, clock=clock)
    for number in range(50):
        store.finish(claimed(store.claim([f"event{number}"], 60)))
        clock.advance(10)
    assert len(store) == 10
    assert repr(store) == "<MemorySeenStore with 10 keys>"


@pytest.mark.parametrize("bounds", [{"most_keys": 0}, {"retention": -1}, {"retention": float("nan")}])
def test_a_bound_must_be_above_zero(bounds: dict[str, Any]) -> None:
    """A bound must be above zero."""
    with pytest.raises(ConfigurationError, match="must be above 0"):
        MemorySeenStore(**bounds)


def test_a_forked_child_has_a_lock_of_its_own() -> None:
    """The parent's may be held by a thread that does not exist there."""
    store = MemorySeenStore()
    claimed(store.claim(["a"], 60))
    lock = store.fork_lock()
    lock.acquire()
    store.after_fork_in_child()
    assert store.claim(["a"], 60) is ClaimStatus.BUSY
