"""Answers kept under the caller's idempotency key, so that a repeated request changes nothing a second time."""

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
    """An answer and what it belongs to, as it is saved."""

    path: str
    key: bytes
    digest: bytes
    begun_at: float
    answer: Answer


class IdempotencyStore:
    """What was answered under which key and path. May be used from any thread."""

    def __init__(self) -> None:
        self.honoured: bool = True
        """Whether keys count. False plays an API that ignores them: the same key then has a second effect."""
        self._records: dict[tuple[str, bytes], _Record] = {}
        self._lock = threading.Lock()

    def begin(self, path: str, key: bytes, body: bytes, now: float) -> Answer | None:
        """The stored answer to repeat, or None when the request is new: then `finish` or `abandon` must follow.

        Raises 409 when the key was used with another body, or when its first request is still running.
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
        """Keep `answer` for the rest of the key's lifetime."""
        with self._lock:
            record = self._records.get((path, key))
            # `clear` may have come between the request and its answer.
            if record is not None:
                record.answer = answer

    def abandon(self, path: str, key: bytes) -> None:
        """The request had no effect: its key is free again."""
        with self._lock:
            self._records.pop((path, key), None)

    def clear(self) -> None:
        """Forget every answer. Whether keys count stays as it is."""
        with self._lock:
            self._records.clear()

    def stored(self) -> list[StoredAnswer]:
        """Every answer that is kept, oldest first."""
        with self._lock:
            return [
                StoredAnswer(path=path, key=key, digest=record.digest, begun_at=record.begun_at, answer=record.answer)
                for (path, key), record in self._records.items()
                if record.answer is not None
            ]

    def restore(self, answers: Iterable[StoredAnswer]) -> None:
        """Keeps these answers, and no others."""
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
