"""Handlers that run long keep their lease, and those that hang exhaust nothing but their own threads."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import anyio.to_thread
import pytest

from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore, WebhookReceiver
from inventpay.webhooks import leases as leases_module
from tests.support.deliveries import SECRET, flat, signed
from tests.webhooks.seen_store_contract import Clock, claimed


@pytest.mark.real_time
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_lease_of_a_running_handler_is_renewed(store: str, tmp_path: Any) -> None:
    """A repeat during the handler is busy, however short the lease; afterwards it is a duplicate."""
    seen = MemorySeenStore() if store == "memory" else SQLiteSeenStore(tmp_path / "seen")
    receiver = WebhookReceiver(SECRET, seen=seen, lease=0.6)
    outcomes: list[str] = []
    calls: list[Any] = []

    @receiver.on_paid
    def slow(event: Any) -> None:
        calls.append(event)
        for _ in range(10):
            time.sleep(0.15)
            outcomes.append(receiver.handle(flat(), signed(flat())).outcome)

    assert receiver.handle(flat(), signed(flat())).outcome == "handled"
    assert outcomes == ["busy"] * 10
    assert receiver.handle(flat(), signed(flat())).outcome == "duplicate"
    assert len(calls) == 1


@pytest.mark.real_time
def test_a_handler_that_hangs_is_not_renewed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease of a hanging handler is not renewed after the longest time; then another delivery may try."""
    monkeypatch.setattr(leases_module, "LONGEST_HANDLER", 0.3)
    receiver = WebhookReceiver(SECRET, lease=0.3)
    go_on, calls = threading.Event(), list[Any]()

    @receiver.on_paid
    def hangs(event: Any) -> None:
        calls.append(event)
        if len(calls) == 1:
            go_on.wait(10)

    thread = threading.Thread(target=lambda: receiver.handle(flat(), signed(flat())))
    thread.start()
    deadline = time.monotonic() + 10
    while not calls or receiver.handle(flat(), signed(flat())).outcome == "busy":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    go_on.set()
    thread.join()
    assert len(calls) == 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_hanging_handlers_leave_the_threads_of_the_application_alone(backend: str, tmp_path: Any) -> None:
    """Sixty of them hang: other work of the application runs, and the store is still asked."""
    receiver = WebhookReceiver(SECRET, seen=SQLiteSeenStore(tmp_path / "seen"))
    go_on = threading.Event()
    receiver.on("payment.completed")(lambda event: go_on.wait(30) and None)

    @receiver.on("payment.failed")
    async def quick(event: Any) -> None:
        pass

    async def story() -> None:
        async with anyio.create_task_group() as group:
            for number in range(60):
                body = flat(payment_id=f"cmh{number}")
                group.start_soon(receiver.handle_async, body, signed(body))
            try:
                with anyio.fail_after(10):
                    await anyio.sleep(0.3)
                    assert await anyio.to_thread.run_sync(lambda: 5) == 5
                    body = flat("payment.failed")
                    assert (await receiver.handle_async(body, signed(body))).outcome == "handled"
            finally:
                go_on.set()

    anyio.run(story, backend=backend)


def test_a_store_in_memory_forgets_claims_that_are_over() -> None:
    """Of tasks that were dropped: the bound on keys holds for them too, and running ones are kept."""
    clock = Clock()
    store = MemorySeenStore(most_keys=10, clock=clock)
    for number in range(50):
        claimed(store.claim([f"dropped{number}"], 60))
        clock.advance(10)
    running = claimed(store.claim(["running"], 60))
    for number in range(20):
        store.release(claimed(store.claim([f"other{number}"], 60)))
    assert len(store) <= 12
    assert store.finish(running)
