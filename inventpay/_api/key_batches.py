"""Keys for a pool in batches that the API accepts, and what became of them. Nothing here is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

from ..errors import InventPayError, KeyUploadError
from ..models.key_pools import AddedKeys
from .arguments import refused, text, whole
from .bounds import KEY_BATCH, KEY_LENGTH

BATCH_BYTES: Final = 500_000
"""assumed: bytes of keys in one request, at most: half of what servers commonly accept, for JSON may double them."""


class KeyBatches:
    """Cuts any number of keys into batches of distinct ones, and counts.

    A list is checked as a whole before its first batch; what comes from elsewhere, batch by batch.
    """

    def __init__(self, keys: Iterable[str], batch_size: int) -> None:
        if isinstance(keys, (str, bytes)) or not isinstance(keys, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise refused("keys", f"must be a list of str or another iterable of them, not {type(keys).__name__}")
        self._size = whole(batch_size, "batch_size", 1, KEY_BATCH)
        if isinstance(keys, Sequence):
            for index, key in enumerate(cast("Sequence[object]", keys)):
                _check(key, index)
        self._keys: Iterator[str] = iter(keys)
        self._read = 0
        self._repeated = 0
        self.progress: AddedKeys = AddedKeys(added=0, duplicates=0)
        """The keys so far, by what became of them."""

    def next(self) -> list[str]:
        """Return the next batch; empty when there are no more keys."""
        batch: dict[str, None] = {}
        self._repeated = size = 0
        for key in self._keys:
            checked = _check(key, self._read)
            self._read += 1
            if checked in batch:
                self._repeated += 1
                continue
            batch[checked] = None
            size += len(checked.encode())
            if len(batch) == self._size or size >= BATCH_BYTES:
                break
        return list(batch)

    def stored(self, answer: AddedKeys) -> AddedKeys:
        """Add the API's answer to a batch, and return the result for all keys so far."""
        before = self.progress
        self.progress = AddedKeys(
            added=before.added + answer.added,
            duplicates=before.duplicates + answer.duplicates + self._repeated,
            raw=answer.raw,
        )
        return self.progress

    @property
    def summary(self) -> str:
        """The progress in words."""
        done = self.progress
        return (
            f"before that, {done.added} keys were added and {done.duplicates} were duplicates; "
            f"go on with the keys from number {done.taken + 1}, or add all of them once more"
        )

    def failed(self, error: InventPayError) -> InventPayError:
        """Return the error to raise when a batch fails: the batch's own where nothing came before it."""
        if not self.progress.taken:
            return error
        return KeyUploadError(
            f"{error.message}; {self.summary}",
            progress=self.progress,
            method=error.method,
            path=error.path,
            attempts=error.attempts,
            idempotency_key=error.idempotency_key,
            outcome=error.outcome,
        )


def _check(key: object, index: int) -> str:
    argument = f"keys[{index}]"
    checked = text(key, argument, at_most=KEY_LENGTH)
    if not checked.strip():
        raise refused(argument, "is empty; a buyer would get nothing")
    return checked
