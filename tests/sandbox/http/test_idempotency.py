"""Answers are stored under idempotency keys, for 24 hours."""

from __future__ import annotations

import pytest

from inventpay.sandbox import SandboxError
from inventpay.sandbox.http.answers import Answer
from inventpay.sandbox.http.idempotency import LIFETIME, IdempotencyStore

ANSWER = Answer(200, b"{}")


def test_an_answer_is_kept_for_24_hours() -> None:
    """A repeated request gets the stored answer until its key is 24 hours old; then it is a new request."""
    store = IdempotencyStore()
    assert store.begin("/a", b"k", b"{}", 0.0) is None
    store.finish("/a", b"k", ANSWER)
    assert store.begin("/a", b"k", b"{}", LIFETIME - 0.1) == ANSWER
    assert store.begin("/a", b"k", b"{}", LIFETIME) is None


def test_keys_belong_to_a_path() -> None:
    """A key on another path is another key."""
    store = IdempotencyStore()
    store.begin("/a", b"k", b"{}", 0.0)
    assert store.begin("/b", b"k", b"{}", 0.0) is None


def test_another_body_and_a_running_request_are_conflicts() -> None:
    """A key in use is a 409 for a different body, and for the same body until its answer is there."""
    store = IdempotencyStore()
    store.begin("/a", b"k", b"1", 0.0)
    for body, text in ((b"1", "still being processed"), (b"2", "different request")):
        with pytest.raises(SandboxError, match=text) as caught:
            store.begin("/a", b"k", body, 0.0)
        assert caught.value.status == 409


def test_an_abandoned_key_is_free_again() -> None:
    """After a request that had no effect its key may be used for anything."""
    store = IdempotencyStore()
    store.begin("/a", b"k", b"1", 0.0)
    store.abandon("/a", b"k")
    assert store.begin("/a", b"k", b"2", 0.0) is None


def test_an_answer_that_comes_after_clearing_is_dropped() -> None:
    """A reset in the middle of a request leaves nothing of it behind."""
    store = IdempotencyStore()
    store.begin("/a", b"k", b"1", 0.0)
    store.clear()
    store.finish("/a", b"k", ANSWER)
    assert len(store) == 0


def test_old_keys_do_not_pile_up() -> None:
    """Only the keys of the last 24 hours are held."""
    store = IdempotencyStore()
    for number in range(5_000):
        store.begin("/a", b"%d" % number, b"", number * 60.0)
    assert len(store) == LIFETIME / 60
