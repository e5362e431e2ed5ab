"""Store answers under the caller's idempotency key, so that a repeated request has no second effect."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable

import attrs

from ..assumptions import IDEMPOTENCY_MISMATCH_ERROR, IDEMPOTENCY_RUNNING_ERROR
from ..errors import conflict
from .answers import Answer

# Documented: "stored 24 h" (page api-reference/introduction). In seconds.
LIFETIME = 24 * 60 * 60.0


@attrs.define
class _Record:
    digest: bytes
    begun_at: float
    answer: Answer | None = None


@attrs.frozen(kw_only=True)
class StoredAnswer:
    """An answer with its key, path and request, in the form in which it is saved."""

    path: str
    key: bytes
    digest: bytes
    begun_at: float
    answer: Answer


class IdempotencyStore:
    """The answers by key and path. Safe to use from any thread."""

    def __init__(self) -> None:
        self.honoured: bool = True
        """Whether keys are used. False simulates an API that ignores them: the same key then has a second effect."""
        self._records: dict[tuple[str, bytes], _Record] = {}
        self._lock = threading.Lock()

    def begin(self, path: str, key: bytes, body: bytes, now: float) -> Answer | None:
        """Return the stored answer, or None for a new request: then ``finish`` or ``abandon`` must follow.

        Raises 409 if the key was used with another body, or if its first request is still running.
        """
        digest = hashlib.sha256(body).digest()
        with self._lock:
            self._forget_old(now)
            record = self._records.get((path, key))
            if record is None:
                self._records[path, key] = _Record(digest, now)
                return None
            if record.digest != digest:
                raise conflict(IDEMPOTENCY_MISMATCH_ERROR)
            if record.answer is None:
                raise conflict(IDEMPOTENCY_RUNNING_ERROR)
            return record.answer

    def finish(self, path: str, key: bytes, answer: Answer) -> None:
        """Keep ``answer`` for the rest of the key's lifetime."""
        with self._lock:
            record = self._records.get((path, key))
            # `clear` may have been called between the request and its answer.
            if record is not None:
                record.answer = answer

    def abandon(self, path: str, key: bytes) -> None:
        """Free the key of a request that had no effect."""
        with self._lock:
            self._records.pop((path, key), None)

    def clear(self) -> None:
        """Forget every answer. Whether keys count stays as it is."""
        with self._lock:
            self._records.clear()

    def stored(self) -> list[StoredAnswer]:
        """Return all stored answers, oldest first."""
        with self._lock:
            return [
                StoredAnswer(path=path, key=key, digest=record.digest, begun_at=record.begun_at, answer=record.answer)
                for (path, key), record in self._records.items()
                if record.answer is not None
            ]

    def restore(self, answers: Iterable[StoredAnswer]) -> None:
        """Replace all stored answers."""
        with self._lock:
            self._records = {(one.path, one.key): _Record(one.digest, one.begun_at, one.answer) for one in answers}

    def __len__(self) -> int:
        return len(self._records)

    def _forget_old(self, now: float) -> None:
        # A dict keeps the order of insertion, so the oldest records come first.
        while self._records:
            oldest = next(iter(self._records))
            if self._records[oldest].begun_at > now - LIFETIME:
                return
            del self._records[oldest]
