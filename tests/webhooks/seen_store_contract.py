"""The contract of every ``SeenStore``. The tests of a store include it.

class TestMyStore(SeenStoreContract):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        clock = Clock()
        store = MyStore(clock=clock)
        yield World(store, another=lambda: MyStore(clock=clock), advance=clock.advance)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from attrs import evolve, frozen

from inventpay.webhooks.seen import Claim, ClaimStatus, DeadLetter, SeenStore

HANDLED, BUSY, STORED = ClaimStatus.HANDLED, ClaimStatus.BUSY, ClaimStatus.STORED


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1_704_110_400.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@frozen
class World:
    """A store, and the operations that a test may need."""

    store: SeenStore
    another: Callable[[], SeenStore]
    """Return a store on the same data, as another process would have."""
    advance: Callable[[float], object]
    """Let seconds pass for all stores."""


def claimed(outcome: Claim | ClaimStatus | None) -> Claim:
    """Return the claim, which must not be refused."""
    assert isinstance(outcome, Claim), outcome
    return outcome


class SeenStoreContract:
    """The tests. ``LEASE`` and ``RETENTION``, in seconds, may be shorter for stores with a clock of their own."""

    LEASE = 60.0
    RETENTION = 8 * 86_400.0

    @pytest.fixture
    def world(self) -> World:
        """The store under test; its retention is ``RETENTION``."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, world: World) -> SeenStore:
        """The store of `world`."""
        return world.store

    # One event

    def test_it_is_a_seen_store(self, store: SeenStore) -> None:
        """The store has all methods, and the properties `blocking` and `durable`."""
        assert isinstance(store, SeenStore)
        assert {store.blocking, store.durable} <= {True, False}

    def test_new_keys_can_be_claimed(self, store: SeenStore) -> None:
        """The claim names them, and is the first attempt without any stored body."""
        claim = claimed(store.claim(["a", "b"], self.LEASE))
        assert sorted(claim.keys) == ["a", "b"]
        assert claim.body is None
        assert claim.attempts == 0

    def test_what_is_claimed_is_busy(self, store: SeenStore) -> None:
        """Under each of its keys, alone or together with new ones; and nothing new is claimed then."""
        claimed(store.claim(["a", "b"], self.LEASE))
        assert store.claim(["a", "b"], self.LEASE) is BUSY
        assert store.claim(["b"], self.LEASE) is BUSY
        assert store.claim(["new", "a"], self.LEASE) is BUSY
        claimed(store.claim(["new"], self.LEASE))

    def test_what_is_finished_is_handled(self, store: SeenStore) -> None:
        """Under each of its keys, and for longer than any lease."""
        assert store.finish(claimed(store.claim(["a", "b"], self.LEASE)))
        for keys in (["a", "b"], ["a"], ["b"], ["new", "b"]):
            assert store.claim(keys, self.LEASE) is HANDLED
        claimed(store.claim(["new"], self.LEASE))

    def test_handled_counts_more_than_busy(self, store: SeenStore) -> None:
        """Of two keys one may be finished and the other in work: then nothing is left to do."""
        store.finish(claimed(store.claim(["a"], self.LEASE)))
        claimed(store.claim(["b"], self.LEASE))
        assert store.claim(["b", "a"], self.LEASE) is HANDLED

    def test_what_is_released_can_be_claimed_again(self, store: SeenStore) -> None:
        """A released event is completely free again."""
        assert store.release(claimed(store.claim(["a", "b"], self.LEASE)))
        claimed(store.claim(["b"], self.LEASE))
        claimed(store.claim(["a"], self.LEASE))

    def test_keys_differ_by_every_character(self, store: SeenStore) -> None:
        """Keys that differ in case, length or spaces are different keys."""
        for key in ("event:a", "event:A", "event:a ", "event:", "event:%", "event:_"):
            assert store.finish(claimed(store.claim([key], self.LEASE)))

    def test_a_key_said_twice_is_one_key(self, store: SeenStore) -> None:
        """A key that is given twice in one claim is claimed once."""
        assert claimed(store.claim(["a", "a"], self.LEASE)).keys == ("a",)

    # Leases

    def test_the_claim_of_a_dead_process_expires(self, world: World) -> None:
        """A claim is free only after its lease is over, and then for any process."""
        claimed(world.store.claim(["a", "b"], self.LEASE))
        world.advance(self.LEASE * 0.9)
        assert world.another().claim(["b"], self.LEASE) is BUSY
        world.advance(self.LEASE * 0.2)
        claim = claimed(world.another().claim(["b", "a"], self.LEASE))
        assert world.store.claim(["a"], self.LEASE) is BUSY
        assert world.another().finish(claim)
        assert world.store.claim(["a"], self.LEASE) is HANDLED

    def test_a_late_handler_can_still_finish(self, world: World) -> None:
        """A claim that no process took over may be finished after its lease."""
        claim = claimed(world.store.claim(["a"], self.LEASE))
        world.advance(self.LEASE * 2)
        assert world.store.finish(claim)
        assert world.store.claim(["a"], self.LEASE) is HANDLED

    def test_a_claim_that_was_taken_over_ends_nothing(self, world: World) -> None:
        """Neither finish nor release of the first touches the second's claim."""
        late = claimed(world.store.claim(["a"], self.LEASE))
        world.advance(self.LEASE * 1.1)
        claim = claimed(world.another().claim(["a"], self.LEASE))
        assert not world.store.finish(late)
        assert not world.store.release(late)
        assert world.store.claim(["a"], self.LEASE) is BUSY
        assert world.another().finish(claim)

    def test_an_ended_claim_ends_nothing_any_more(self, store: SeenStore) -> None:
        """Neither what is handled is released, nor what was released is finished."""
        claim = claimed(store.claim(["a"], self.LEASE))
        assert store.finish(claim)
        assert not store.release(claim)
        assert not store.finish(claim)
        assert store.claim(["a"], self.LEASE) is HANDLED
        claim = claimed(store.claim(["b"], self.LEASE))
        assert store.release(claim)
        assert not store.finish(claim)
        assert not store.release(claim)
        claimed(store.claim(["b"], self.LEASE))

    # Retention

    def test_what_is_handled_is_remembered_for_the_retention(self, world: World) -> None:
        """The retention starts at the finish; afterwards the event is forgotten."""
        world.store.finish(claimed(world.store.claim(["a", "b"], self.LEASE)))
        world.advance(self.RETENTION * 0.8)
        assert world.store.claim(["a"], self.LEASE) is HANDLED
        world.advance(self.RETENTION * 0.4)
        claimed(world.store.claim(["b"], self.LEASE))
        claimed(world.store.claim(["a"], self.LEASE))

    # Stored bodies

    def test_a_stored_body_is_due_at_once(self, world: World) -> None:
        """With a lease of 0, for any process, byte for byte, and under all of its keys."""
        body = bytes(range(256)) * 100
        claim = claimed(world.store.claim(["a", "b"], 0, body))
        assert claim.body == body
        due = claimed(world.another().due(self.LEASE))
        assert (due.body, sorted(due.keys), due.attempts) == (body, ["a", "b"], 1)
        assert world.store.claim(["b"], self.LEASE) is STORED
        assert world.store.due(self.LEASE) is None
        assert world.another().finish(due)
        assert world.store.claim(["a"], self.LEASE) is HANDLED
        world.advance(self.LEASE * 2)
        assert world.store.due(self.LEASE) is None

    def test_a_body_in_work_is_stored(self, store: SeenStore) -> None:
        """A repeated delivery of a stored body may be answered; one with a second key without a body may not."""
        claimed(store.claim(["a"], self.LEASE, b"body"))
        assert store.claim(["a", "new"], self.LEASE) is STORED
        assert store.claim(["a"], 0, b"body") is STORED
        claimed(store.claim(["b"], self.LEASE))
        assert store.claim(["a", "b"], 0, b"body") is BUSY

    def test_nothing_is_due_without_a_body(self, world: World) -> None:
        """Claims of dead processes wait for the next delivery."""
        assert world.store.due(self.LEASE) is None
        claimed(world.store.claim(["a"], self.LEASE))
        world.advance(self.LEASE * 2)
        assert world.store.due(self.LEASE) is None

    def test_a_body_is_due_again_when_its_process_died(self, world: World) -> None:
        """After the lease, with one more attempt; whether it was claimed with its body, or was due."""
        claimed(world.store.claim(["a"], self.LEASE, b"body"))
        assert world.another().due(self.LEASE) is None
        for attempt in (1, 2, 3):
            world.advance(self.LEASE * 1.1)
            due = claimed(world.another().due(self.LEASE))
            assert (due.body, due.attempts) == (b"body", attempt)

    def test_a_released_body_waits(self, world: World) -> None:
        """It is not due before its pause is over, and is never forgotten."""
        store = world.store
        claimed(store.claim(["a", "b"], 0, b"body"))
        assert store.release(claimed(store.due(self.LEASE)), self.LEASE / 2)
        assert store.due(self.LEASE) is None
        world.advance(self.LEASE * 0.6)
        assert claimed(store.due(self.LEASE)).attempts == 2

    def test_a_body_that_waits_for_longer_than_the_retention_is_kept(self, world: World) -> None:
        """A stored body was answered, so it will not be delivered again and must not be lost."""
        claimed(world.store.claim(["a"], 0, b"body"))
        world.advance(self.RETENTION * 1.1)
        world.store.release(claimed(world.store.claim(["other"], self.LEASE)))
        assert claimed(world.store.due(self.LEASE)).body == b"body"

    def test_a_new_delivery_may_take_what_waits(self, world: World) -> None:
        """Before its pause is over, with the stored body or a newer one; what is released waits again."""
        store = world.store
        claimed(store.claim(["a", "b"], 0, b"old"))
        assert store.release(claimed(store.due(self.LEASE)), self.LEASE)
        claim = claimed(store.claim(["b"], self.LEASE))
        assert (claim.body, sorted(claim.keys)) == (b"old", ["a", "b"])
        assert store.release(claim, self.LEASE)
        assert claimed(store.claim(["a"], 0, b"new")).body == b"new"
        assert claimed(store.due(self.LEASE)).body == b"new"

    def test_new_keys_join_what_waits(self, store: SeenStore) -> None:
        """A delivery that is repeated under another id is finished under both."""
        claimed(store.claim(["a"], 0, b"body"))
        claim = claimed(store.claim(["a", "second"], self.LEASE))
        assert store.finish(claim)
        assert store.claim(["second"], self.LEASE) is HANDLED

    def test_a_finished_body_cannot_come_back(self, store: SeenStore) -> None:
        """Storing it again is refused like any other delivery of it."""
        assert store.finish(claimed(store.claim(["a"], self.LEASE, b"body")))
        assert store.claim(["a"], 0, b"body") is HANDLED
        assert store.due(self.LEASE) is None

    def test_what_has_waited_longest_comes_first(self, world: World) -> None:
        """The longest waiting body is due first, so that none starves."""
        for key in ("a", "b", "c"):
            claimed(world.store.claim([key], 0, key.encode()))
            world.advance(self.LEASE / 10)
        assert world.store.release(claimed(world.store.due(self.LEASE)), 0.0)
        order = [claimed(world.store.due(self.LEASE)).body for _ in range(3)]
        assert order == [b"b", b"c", b"a"]

    # Notes

    def test_notes_prevent_no_claim(self, store: SeenStore) -> None:
        """Notes that are new become keys of the claim; those of another event stay with it."""
        assert store.finish(claimed(store.claim(["a"], self.LEASE, notes=["n"], aliases=["a"])))
        assert store.claim(["n"], self.LEASE) is HANDLED
        claim = claimed(store.claim(["b"], self.LEASE, notes=["n", "m"]))
        assert sorted(claim.keys) == ["b", "m"]
        assert store.claim(["m"], self.LEASE) is BUSY
        assert store.release(claim)
        claimed(store.claim(["m"], self.LEASE))
        assert store.claim(["n"], self.LEASE) is HANDLED

    def test_aliases_of_a_duplicate_join_what_was_handled(self, world: World) -> None:
        """Each is a key of it from then on, in every process."""
        assert world.store.finish(claimed(world.store.claim(["a"], self.LEASE)))
        assert world.another().claim(["a", "later"], self.LEASE, notes=["m"], aliases=["n", "a"]) is HANDLED
        assert world.store.claim(["n"], self.LEASE) is HANDLED
        claimed(world.store.claim(["later", "m"], self.LEASE))

    def test_a_busy_event_gets_no_notes(self, store: SeenStore) -> None:
        """A busy event is not claimed, and gets no notes."""
        claimed(store.claim(["a"], self.LEASE))
        assert store.claim(["a"], self.LEASE, notes=["n"]) is BUSY
        claimed(store.claim(["n"], self.LEASE))

    # Renewal, and longer retention

    def test_a_renewed_claim_lasts_longer(self, world: World) -> None:
        """Counted from the renewal; a claim that is over is not renewed."""
        claim = claimed(world.store.claim(["a", "b"], self.LEASE))
        world.advance(self.LEASE * 0.8)
        assert world.another().renew(claim, self.LEASE)
        world.advance(self.LEASE * 0.8)
        assert world.store.claim(["b"], self.LEASE) is BUSY
        assert world.store.finish(claim)
        assert not world.store.renew(claim, self.LEASE)
        assert world.store.claim(["a"], self.LEASE) is HANDLED

    def test_a_claim_that_was_taken_over_is_not_renewed(self, world: World) -> None:
        """The second owner's lease is its own."""
        late = claimed(world.store.claim(["a"], self.LEASE))
        world.advance(self.LEASE * 1.1)
        assert world.another().finish(claimed(world.another().claim(["a"], self.LEASE)))
        assert not world.store.renew(late, self.LEASE)

    def test_a_persistent_store_keeps_some_notes_longer(self, world: World) -> None:
        """``keep`` counts where it is longer than the retention, also for a later key; in memory it does not."""
        if not world.store.durable and not world.store.blocking:
            world.store.finish(claimed(world.store.claim(["a"], self.LEASE)), self.RETENTION * 3)
            world.advance(self.RETENTION * 1.1)
            claimed(world.store.claim(["a"], self.LEASE))
            return
        world.store.finish(claimed(world.store.claim(["a"], self.LEASE)), self.RETENTION * 3)
        world.store.finish(claimed(world.store.claim(["short"], self.LEASE)), self.RETENTION / 3)
        world.advance(self.RETENTION * 0.9)
        assert world.store.claim(["short"], self.LEASE) is HANDLED
        assert world.store.claim(["a"], self.LEASE, aliases=["n"]) is HANDLED
        world.advance(self.RETENTION * 2)
        assert world.another().claim(["n"], self.LEASE) is HANDLED
        claimed(world.store.claim(["short"], self.LEASE))
        world.advance(self.RETENTION * 0.2)
        claimed(world.another().claim(["a"], self.LEASE))

    def test_a_body_can_be_forgotten(self, store: SeenStore) -> None:
        """A released body with ``forget`` is not due, and its keys are free."""
        claimed(store.claim(["a"], 0, b"body"))
        assert store.release(claimed(store.due(self.LEASE)), forget=True)
        assert store.due(self.LEASE) is None
        assert claimed(store.claim(["a"], self.LEASE)).body is None

    # Dead letters

    def test_dead_letters_are_kept_until_they_are_dropped(self, world: World) -> None:
        """Byte for byte, oldest first, once each, for every process, and without an end."""
        letters = [
            DeadLetter(
                id=f"id{number}",
                body=bytes(range(256)),
                reason="its status is 'ÉXPIRED'",
                received_at=datetime.fromtimestamp(1_704_110_400.5 - number, UTC),
                delivery_id=None if number else "whd1",
            )
            for number in range(3)
        ]
        for letter in letters:
            world.store.add_dead_letter(letter)
            world.another().add_dead_letter(evolve(letter, reason="again"))
        world.advance(self.RETENTION * 3)
        claimed(world.store.claim(["a"], self.LEASE))
        assert sorted(world.another().dead_letters(), key=lambda one: one.id) == letters
        if world.store.blocking:
            assert [one.id for one in world.another().dead_letters()] == ["id2", "id1", "id0"]
        world.another().drop_dead_letter("id1")
        world.store.drop_dead_letter("id1")
        assert {one.id for one in world.store.dead_letters()} == {"id0", "id2"}

    # Crowds

    def test_only_one_of_a_crowd_gets_a_claim(self, world: World) -> None:
        """Threads that ask for overlapping keys at the same moment, through several stores on the same data."""
        stores = [world.another() for _ in range(4)]
        start = threading.Barrier(8)

        def compete(number: int) -> list[Claim | ClaimStatus]:
            start.wait()
            return [stores[number % 4].claim([f"event{turn}", f"id{turn}"], self.LEASE) for turn in range(10)]

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(compete, range(8)))
        for turn in zip(*outcomes, strict=True):
            assert sorted(str(type(each).__name__) for each in turn) == ["Claim"] + ["ClaimStatus"] * 7
            assert {each for each in turn if isinstance(each, ClaimStatus)} == {BUSY}

    def test_only_one_of_a_crowd_gets_what_is_due(self, world: World) -> None:
        """Each waiting body is handed out once."""
        stores = [world.another() for _ in range(4)]
        for number in range(12):
            claimed(world.store.claim([f"event{number}"], 0, b"%d" % number))
        start = threading.Barrier(8)

        def drain(number: int) -> list[bytes | None]:
            start.wait()
            found: list[bytes | None] = []
            while (due := stores[number % 4].due(self.LEASE)) is not None:
                found.append(due.body)
                assert stores[number % 4].finish(due)
            return found

        with ThreadPoolExecutor(8) as pool:
            bodies = [body for found in pool.map(drain, range(8)) for body in found]
        assert sorted(int(body or b"") for body in bodies) == list(range(12))
