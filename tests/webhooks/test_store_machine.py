"""Seen stores in memory, SQLite and Redis agree with each other, and keep the promises of the protocol."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore
from inventpay.webhooks.seen import RETENTION, Claim, ClaimStatus
from tests.redis.test_seen_store import StoreWithAClock
from tests.support.redis_servers import redis_server
from tests.webhooks.seen_store_contract import Clock

KEYS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True)
MORE_KEYS = st.lists(st.sampled_from("abcdef"), max_size=2, unique=True)
# No sum of pauses equals a lease: at that very moment either answer is right.
LEASES = st.sampled_from([10.0, 60.0])
PAUSES = st.sampled_from([4.7, 33.9, 71.3, 3601.1])
TICK = 0.013
HOURS = 2 * 3600.0


class Stores(RuleBasedStateMachine):
    """Every step goes to all stores. A claim is a tuple of each store's own."""

    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        redis = StoreWithAClock(self.redis_url, prefix=uuid.uuid4().hex)
        redis.clock = self.clock
        memory = MemorySeenStore(clock=self.clock)
        self.stores: list[Any] = [memory, SQLiteSeenStore(Path(self._folder.name) / "s", clock=self.clock), redis]
        self.claims: list[tuple[Claim, ...]] = []
        self.ended: set[int] = set()
        self.finished: set[str] = set()
        """Keys of claims that were finished."""
        self.accepted: list[list[str]] = []
        """Keys of bodies that were answered before they were handled."""
        self.forgotten: set[str] = set()

    def ask(self, method: str, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        """Call all stores at one moment."""
        self.clock.advance(TICK)
        return tuple(getattr(store, method)(*arguments, **options) for store in self.stores)

    def end(self, method: str, number: int, *arguments: Any, **options: Any) -> bool:
        """End a claim in all stores, which must agree."""
        self.clock.advance(TICK)
        pairs = zip(self.stores, self.claims[number], strict=True)
        found = {getattr(store, method)(claim, *arguments, **options) for store, claim in pairs}
        assert len(found) == 1, f"{method}: {found}"
        (is_done,) = found
        assert isinstance(is_done, bool)
        return is_done

    @rule(keys=KEYS, lease=LEASES, notes=MORE_KEYS, aliases=MORE_KEYS)
    def claim(self, keys: list[str], lease: float, notes: list[str], aliases: list[str]) -> None:
        """Claim an event for its handler."""
        self._claim(keys, lease, None, notes, aliases)

    @rule(keys=KEYS, body=st.binary(min_size=1, max_size=3))
    def store(self, keys: list[str], body: bytes) -> None:
        """Store a body that is handled after the answer."""
        outcome = self._claim(keys, 0.0, body, [], [])
        if outcome is ClaimStatus.STORED or not isinstance(outcome, ClaimStatus):
            self.accepted.append(keys)

    def _claim(self, keys: list[str], lease: float, body: bytes | None, notes: list[str], aliases: list[str]) -> Any:
        outcomes = self.ask("claim", keys, lease, body, notes=notes, aliases=aliases)
        shown = [
            (sorted(outcome.keys), outcome.body, outcome.attempts) if isinstance(outcome, Claim) else outcome
            for outcome in outcomes
        ]
        assert shown[0] == shown[1] == shown[2], shown
        if isinstance(outcomes[0], Claim):
            assert not self.finished & {*keys}, "an event was claimed again after it was handled"
            self.claims.append(outcomes)
        return outcomes[0]

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """End a claim as handled: once, and not after another one took over."""
        number = data.draw(st.integers(0, len(self.claims) - 1))
        is_done = self.end("finish", number)
        assert not (is_done and number in self.ended), "a claim was ended twice"
        if is_done:
            self.ended.add(number)
            self.finished.update(self.claims[number][0].keys)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), retry_in=st.sampled_from([0.0, 20.3]), forget=st.booleans())
    def release(self, data: st.DataObject, retry_in: float, *, forget: bool) -> None:
        """End a claim as failed, or given up."""
        number = data.draw(st.integers(0, len(self.claims) - 1))
        if self.end("release", number, retry_in, forget=forget) and forget:
            self.forgotten.update(self.claims[number][0].keys)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), lease=LEASES)
    def renew(self, data: st.DataObject, lease: float) -> None:
        """Extend a claim, unless it is over."""
        self.end("renew", data.draw(st.integers(0, len(self.claims) - 1)), lease)

    @rule(lease=LEASES)
    def take_all_that_is_due(self, lease: float) -> None:
        """Claim every body that is due. Their order is each store's own where a lease ran out."""
        found = [self._due(store, lease) for store in self.stores]
        self.clock.advance(TICK)
        assert found[0].keys() == found[1].keys() == found[2].keys(), found
        for keys in found[0]:
            claims = tuple(each[keys] for each in found)
            assert len({(claim.body, claim.attempts) for claim in claims}) == 1, claims
            assert not self.finished & {*keys}, "a body was due after it was handled"
            self.claims.append(claims)

    @staticmethod
    def _due(store: Any, lease: float) -> dict[tuple[str, ...], Claim]:
        found: dict[tuple[str, ...], Claim] = {}
        while (claim := store.due(lease)) is not None:
            found[tuple(sorted(claim.keys))] = claim
        return found

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def teardown(self) -> None:
        """No body that was answered is lost: in the end each is due, or was handled."""
        try:
            assert self.clock.now - Clock().now < RETENTION
            self.clock.advance(HOURS)
            for store in self.stores:
                for claim in self._due(store, 60.0).values():
                    assert store.finish(claim)
            for keys in self.accepted:
                if not self.forgotten & {*keys}:
                    outcomes = self.ask("claim", keys, 60.0)
                    assert set(outcomes) == {ClaimStatus.HANDLED}, f"the body of {keys} was lost"
        finally:
            for store in self.stores[1:]:
                store.close()
            self._folder.cleanup()


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis server."""
    with redis_server("redis-server") as server:
        yield server.url


def test_the_stores_agree_and_keep_their_promises(redis_url: str) -> None:
    """Any sequence of claims, ends, leases that run out and stored bodies."""
    machine = type("SeenStores", (Stores,), {"redis_url": redis_url})
    # A failing sequence is not shortened: each try takes three stores, one of them over a network.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    limits = settings(
        max_examples=12, stateful_step_count=30, phases=phases, suppress_health_check=list(HealthCheck), deadline=None
    )
    run_state_machine_as_test(machine, settings=limits)
