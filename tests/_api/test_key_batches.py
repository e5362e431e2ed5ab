"""Keys for a pool: any number, in batches of distinct ones, counted to the last."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api.key_batches import BATCH_BYTES, KeyBatches
from inventpay.errors import APITimeoutError, InvalidArgumentError, InventPayError, KeyUploadError
from inventpay.models import AddedKeys


class Pool:
    """Takes keys as the API does."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}

    def add(self, batch: list[str]) -> AddedKeys:
        added = len(set(batch) - set(self.keys))
        self.keys.update(dict.fromkeys(batch))
        return AddedKeys(added=added, duplicates=len(batch) - added)


def drain(batches: KeyBatches, pool: Pool) -> list[int]:
    """Adds all batches and returns their sizes."""
    sizes = []
    while batch := batches.next():
        assert len(set(batch)) == len(batch)
        sizes.append(len(batch))
        batches.stored(pool.add(batch))
    return sizes


@given(st.lists(st.integers(0, 30).map(str)), st.integers(1, 7), st.booleans())
def test_every_key_is_counted_once(keys: list[str], size: int, lazily: bool) -> None:
    """Added or a duplicate, in whatever batches they go, from a list or from a generator."""
    pool = Pool()
    batches = KeyBatches((key for key in keys) if lazily else keys, size)
    assert all(count <= size for count in drain(batches, pool))
    assert list(pool.keys) == list(dict.fromkeys(keys))
    assert batches.progress.added == len(set(keys))
    assert batches.progress.taken == len(keys)


def test_batches_are_as_large_as_the_api_takes() -> None:
    """10,000 distinct keys each; what is given twice does not count for the size."""
    keys = [str(number) for number in range(25_000)]
    assert drain(KeyBatches([*keys, *keys[:5]], 10_000), Pool()) == [10_000, 10_000, 5_005]
    assert drain(KeyBatches(["a"] * 30_000, 10_000), Pool()) == [1]


def test_long_keys_make_smaller_batches() -> None:
    """No batch is much larger than half a megabyte, however long its keys are, and no key is left out."""
    batches = KeyBatches((f"{number:05}".ljust(1000, "é") for number in range(2_000)), 10_000)
    sizes = []
    while batch := batches.next():
        assert sum(len(key.encode()) for key in batch) < BATCH_BYTES + 2_000
        sizes.append(len(batch))
    assert (sum(sizes), len(sizes)) == (2_000, 8)


def test_nothing_is_nothing() -> None:
    """No keys are no batch, and no error: going on after the last key is possible."""
    batches = KeyBatches([], 10)
    assert batches.next() == []
    assert batches.progress == AddedKeys(added=0, duplicates=0)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("abc", "keys must be a list of str or another iterable of them, not str"),
        (b"abc", "keys must be a list of str or another iterable of them, not bytes"),
        (7, "keys must be a list of str or another iterable of them, not int"),
        (["a", 7], "keys[1] must be a str, not int"),
        (["a", "b", " "], "keys[2] is empty; a buyer would get nothing"),
        (["x" * 1_001], "keys[0] has 1001 characters; at most 1000 are allowed"),
    ],
)
def test_a_list_is_checked_as_a_whole(keys: Any, problem: str) -> None:
    """Before its first batch, so that nothing is sent."""
    with pytest.raises(InvalidArgumentError) as caught:
        KeyBatches(keys, 1)
    assert caught.value.message == problem


@pytest.mark.parametrize("size", [0, 10_001, True, 5.0])
def test_the_size_of_batches_has_bounds(size: Any) -> None:
    """A batch has 1 to 10,000 keys."""
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        KeyBatches(["a"], size)


def test_a_generator_is_checked_batch_by_batch() -> None:
    """It can be read only once; its bad key is named by its place among all."""

    def read() -> Iterator[Any]:
        yield from ("a", "b", "a", None)

    batches = KeyBatches(read(), 2)
    batches.stored(Pool().add(batches.next()))
    with pytest.raises(InvalidArgumentError) as caught:
        batches.next()
    assert caught.value.message == "keys[3] must be a str, not NoneType"
    failure = batches.failed(caught.value)
    assert isinstance(failure, KeyUploadError)
    assert failure.progress == AddedKeys(added=2, duplicates=0)


def test_the_error_of_the_first_batch_stays_what_it_is() -> None:
    """Nothing was added, so there is nothing to say about it."""
    error = APITimeoutError("no answer", outcome="unknown")
    assert KeyBatches(["a"], 1).failed(error) is error


def test_a_later_error_says_how_far_it_came() -> None:
    """The error has the number of added keys and where to go on; it survives a pickle."""
    batches = KeyBatches(["a", "b", "b", "c"], 2)
    batches.stored(Pool().add(batches.next()))
    batches.next()
    error = APITimeoutError(
        "no answer", method="POST", path="/v1/x", attempts=3, idempotency_key="key-1", outcome="unknown"
    )
    failure = batches.failed(error)
    assert str(failure) == (
        "POST /v1/x: no answer; before that, 2 keys were added and 0 were duplicates; go on with the keys from number "
        "3, or add all of them once more (outcome: unknown, attempts: 3, idempotency key: key-1)"
    )
    copied: InventPayError = pickle.loads(pickle.dumps(failure))
    assert isinstance(copied, KeyUploadError)
    assert copied.progress == AddedKeys(added=2, duplicates=0)
    assert str(copied) == str(failure)
