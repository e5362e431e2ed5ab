"""The memory of keys in doubt: what is open stays remembered, by every thread and in every forked child."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inventpay._limits.shared_doubts import DoubtReply
from inventpay._transport.doubts import LIFETIME, CallDoubt, DoubtMemory, KeyName
from tests.support.systems import needs_fork

NAME = KeyName("https://api.example", "account", "key-1")


class OneKey(RuleBasedStateMachine):
    """Many calls under one key, whose requests end in every order; compared with plain counting."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = DoubtMemory()
        self.calls: list[CallDoubt] = []
        self.under_way: list[CallDoubt] = []
        self.open = 0

    @rule()
    def send(self) -> None:
        """Another call sends a request; it shares the doubt that is there."""
        call = CallDoubt(NAME, b"same", self.memory)
        call.earlier(0.0)
        assert call.exists == (self.open > 0)
        assert call.sending(0.0) is None
        self.calls.append(call)
        self.under_way.append(call)
        self.open += 1

    @rule(which=st.integers(0, 50))
    def refuse(self, which: int) -> None:
        """One request is refused."""
        if self.under_way:
            call = self.under_way.pop(which % len(self.under_way))
            call.had_no_effect()
            call.had_no_effect()  # twice is once
            self.open -= 1
            assert call.exists == (self.open > 0)

    @rule(which=st.integers(0, 50))
    def lose(self, which: int) -> None:
        """The answer to one request is lost: it stays open for ever."""
        if self.under_way:
            call = self.under_way.pop(which % len(self.under_way))
            assert call.exists

    @rule(which=st.integers(0, 50))
    def succeed(self, which: int) -> None:
        """One request succeeds, which settles the key: calls that still run cannot claim that nothing happened."""
        if self.under_way:
            self.under_way.pop(which % len(self.under_way)).succeeded()
            self.open = 0
            assert all(call.exists for call in self.under_way)
            self.under_way.clear()

    @invariant()
    def remembers_what_is_open(self) -> None:
        """The key is remembered exactly while a request may have taken effect."""
        known = self.memory.find(NAME, 0.0)
        assert (known is not None) == (self.open > 0)
        if known is not None:
            assert known.open == self.open


test_one_key = OneKey.TestCase


def test_another_request_under_the_same_key_conflicts() -> None:
    """A key in doubt belongs to one request; once that is proven harmless, the key is free."""
    memory = DoubtMemory()
    first, second = CallDoubt(NAME, b"ten", memory), CallDoubt(NAME, b"eleven", memory)
    assert first.sending(0.0) is None
    earlier = second.earlier(1.0)
    assert earlier is not None
    assert second.conflicts(earlier)
    first.had_no_effect()
    assert CallDoubt(NAME, b"eleven", memory).earlier(1.0) is None


def test_a_call_that_was_overtaken_counts_nothing() -> None:
    """Two calls that both saw a free key: the second to send learns of the first, and may then decide."""
    memory = DoubtMemory()
    first, second = CallDoubt(NAME, b"same", memory), CallDoubt(NAME, b"same", memory)
    assert first.earlier(0.0) is second.earlier(0.0) is None
    assert first.sending(0.0) is None
    overtaken = second.sending(0.0)
    assert overtaken is not None
    assert overtaken.open == 1
    second.had_no_effect()
    assert overtaken.open == 1
    assert second.sending(0.0) is None
    assert overtaken.open == 2


def test_a_doubt_lasts_a_day() -> None:
    """After the lifetime of keys at the API the doubt is forgotten."""
    memory = DoubtMemory()
    CallDoubt(NAME, b"same", memory).sending(1000.0)
    assert memory.find(NAME, 1000.0 + LIFETIME - 1) is not None
    assert memory.find(NAME, 1000.0 + LIFETIME) is None
    assert len(memory) == 0


def test_the_memory_is_bounded() -> None:
    """The oldest keys are forgotten first, and a call whose key was forgotten ends all the same."""
    memory = DoubtMemory(capacity=10)
    calls = [CallDoubt(NAME._replace(idempotency_key=str(number)), b"x", memory) for number in range(25)]
    for call in calls:
        call.sending(0.0)
    assert len(memory) == 10
    for call in calls:
        assert call.exists
        call.had_no_effect()
        assert not call.exists
    assert len(memory) == 0


def test_a_withdrawal_outlasts_any_number_of_payments() -> None:
    """Payments that fail for hours do not push the key of a withdrawal in doubt out of the memory."""
    memory = DoubtMemory(capacity=10)
    names = [NAME._replace(idempotency_key=str(number)) for number in range(40)]
    for name in names[:2]:
        CallDoubt(name, b"withdrawal", memory, is_once=True).sending(0.0)
    for name in names[2:]:
        CallDoubt(name, b"payment", memory, is_once=False).sending(0.0)
    assert [name for name in names if memory.find(name, 1.0) is not None] == names[:2] + names[-8:]


def test_payments_of_other_processes_displace_no_withdrawal() -> None:
    """A key that the shared memory reports is forgotten like one of this process."""
    memory = DoubtMemory(capacity=3)
    reply = DoubtReply(others=1, digest=b"payment", age=0.0, is_counted=False)
    names = [NAME._replace(idempotency_key=str(number)) for number in range(9)]
    memory.learn(names[0], reply, 1, 0.0, is_once=True)
    for name in names[1:]:
        memory.learn(name, reply, 1, 0.0, is_once=False)
    assert [name for name in names if memory.find(name, 1.0) is not None] == [names[0], *names[-2:]]


def test_accounts_and_apis_are_kept_apart() -> None:
    """A key at another API, or of another account, is another key."""
    memory = DoubtMemory()
    CallDoubt(NAME, b"same", memory).sending(0.0)
    assert memory.find(NAME._replace(account="other"), 0.0) is None
    assert memory.find(NAME._replace(base_url="https://other.example"), 0.0) is None


def test_a_write_without_a_key_has_a_doubt_of_its_own() -> None:
    """It knows of its own attempts only, and nothing outlives the call."""
    memory = DoubtMemory()
    call = CallDoubt(None, b"same", memory)
    assert call.earlier(0.0) is None
    call.sending(0.0)
    call.sending(0.0)
    call.had_no_effect()
    assert call.exists
    call.sending(0.0)
    call.succeeded()
    assert not call.exists
    assert len(memory) == 0


def test_a_doubt_of_another_process_is_adopted_once() -> None:
    """An error that comes from elsewhere brings its doubt along, with the time of its first request."""
    memory = DoubtMemory()
    call = CallDoubt(NAME, b"same", memory)
    call.adopt(500.0, 600.0)
    call.adopt(550.0, 600.0)
    known = memory.find(NAME, 600.0)
    assert known is not None
    assert (known.first_sent_at, known.open) == (500.0, 1)


@pytest.mark.parametrize("ending", ["had_no_effect", "succeeded"])
def test_threads_lose_nothing(ending: str) -> None:
    """Threads that open and close at the same time leave exactly what is open."""
    memory = DoubtMemory()
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(300):
            call = CallDoubt(NAME._replace(idempotency_key=f"{number} {turn}"), b"x", memory)
            call.sending(0.0)
            if turn % 3:
                getattr(call, ending)()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory) == 4 * 100


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@needs_fork
def test_a_forked_child_inherits_the_doubts() -> None:
    """A child neither forgets what its parent sent nor waits for a lock that a thread of the parent held."""
    memory = DoubtMemory()
    CallDoubt(NAME, b"same", memory).sending(0.0)
    with memory._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if memory.find(NAME, 0.0) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 3 * LIFETIME)), max_size=30))
def test_times_in_any_order_break_nothing(events: list[tuple[int, float]]) -> None:
    """Clocks that jump neither raise nor leave more than is open."""
    memory = DoubtMemory(capacity=3)
    for number, now in events:
        call = CallDoubt(NAME._replace(idempotency_key=str(number)), b"x", memory)
        call.earlier(now)
        assert call.sending(now) is None
        assert len(memory) <= 3
