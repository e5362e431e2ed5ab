"""Handled webhook events in Redis or Valkey: shared by all hosts that receive them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from .._concurrency.forking import Lock, notice_fork, register_fork_handler
from .._core.unpicklable import Unpicklable
from ..webhooks.seen import RETENTION, Claim, ClaimStatus, DeadLetter, new_token
from .address import Address, read_address
from .errors import hint
from .limiter import TIMEOUT, RedisLimiter
from .options import above_zero, checked_prefix

if TYPE_CHECKING:
    import redis

SCRIPT: Final = files("inventpay.redis").joinpath("seen.lua").read_text(encoding="utf-8")
_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

_STATUSES: Final = {status.value: status for status in ClaimStatus}


class RedisSeenStore(Unpicklable):
    """A store of handled webhook events in Redis or Valkey, so that each is handled once across all hosts.

    >>> from inventpay.redis import RedisSeenStore
    >>> from inventpay.webhooks import WebhookReceiver
    >>> receiver = WebhookReceiver("whsec_1", seen=RedisSeenStore("redis://localhost:6379"))

    - ``address``: as for :class:`RedisLimiter`, or a ``RedisLimiter``, whose connections are used then.
    - ``persistent``: whether this server writes everything to disk before it answers (``appendonly yes`` and
      ``appendfsync always``). It is required for answering deliveries before they are handled (``respond="first"``):
      such an event is only in the store, and would be lost with it.
    - ``retention``: seconds for which a handled event is kept, a day longer than deliveries are repeated. A fulfilled
      payment is kept for 400 days, so the server needs ``maxmemory-policy noeviction``: after an eviction, a repeated
      event would fulfil its payment a second time.
    - ``timeout``: seconds for one request to the server. ``prefix``: first part of the names of keys.

    Every step is one atomic script on the server's clock. Raises ConfigurationError for an invalid address; the methods
    raise ``redis.RedisError`` if the server is unreachable, and the delivery must then be repeated.
    """

    def __init__(
        self,
        address: str | redis.Redis | redis.RedisCluster | RedisLimiter,
        *,
        persistent: bool = False,
        retention: float | timedelta = RETENTION,
        timeout: float | timedelta = TIMEOUT,
        prefix: str = "inventpay",
    ) -> None:
        self._limiter = address if isinstance(address, RedisLimiter) else None
        self._address: Address = address.address if isinstance(address, RedisLimiter) else read_address(address)
        self._persistent = persistent
        self._retention = above_zero(retention, "retention")
        self._timeout = above_zero(timeout, "timeout")
        # One hash tag for all keys: a step uses several, and in a cluster they must be on one node.
        tag = f"{checked_prefix(prefix)}:seen:{{events}}"
        self._names = [f"{tag}:{part}" for part in ("entries", "ids", "due", "forget", "letters")]
        self._client: Any = None
        self._lock = threading.Lock()
        register_fork_handler(self)

    def __repr__(self) -> str:
        return f"<RedisSeenStore {self._address.label}>"

    @property
    def blocking(self) -> bool:
        """Always true: every method waits for the server."""
        return True

    @property
    def durable(self) -> bool:
        """Whether the option ``persistent`` is set."""
        return self._persistent

    def claim(
        self,
        keys: Sequence[str],
        lease: float,
        body: bytes | None = None,
        *,
        notes: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> Claim | ClaimStatus:
        """See :class:`inventpay.webhooks.SeenStore`."""
        token = new_token()
        found = self._claimed(
            token,
            body,
            step="claim",
            keys=list(dict.fromkeys(keys)),
            lease=lease,
            notes=[*notes, *aliases],
            aliases=list(aliases),
        )
        assert found is not None, "a claim that fails has a reason"
        return found

    def due(self, lease: float) -> Claim | None:
        """See :class:`inventpay.webhooks.SeenStore`."""
        found = self._claimed(new_token(), None, step="due", lease=lease)
        return found if isinstance(found, Claim) else None

    def renew(self, claim: Claim, lease: float) -> bool:
        """See :class:`inventpay.webhooks.SeenStore`."""
        return self._ask(None, step="renew", token=claim.token, keys=claim.keys, lease=lease)[0] == b"done"

    def finish(self, claim: Claim, keep: float | None = None) -> bool:
        """See :class:`inventpay.webhooks.SeenStore`."""
        keep = max(self._retention, keep or 0.0)
        return self._ask(None, step="finish", token=claim.token, keys=claim.keys, keep=keep)[0] == b"done"

    def release(self, claim: Claim, retry_in: float = 0.0, *, forget: bool = False) -> bool:
        """See :class:`inventpay.webhooks.SeenStore`."""
        reply = self._ask(None, step="release", token=claim.token, keys=claim.keys, retry_in=retry_in, forget=forget)
        return reply[0] == b"done"

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """See :class:`inventpay.webhooks.SeenStore`."""
        head = {
            "id": letter.id,
            "reason": letter.reason,
            "received_at": letter.received_at.isoformat(),
            "delivery_id": letter.delivery_id,
        }
        self._ask(json.dumps(head).encode() + b"\n" + letter.body, step="letter", id=letter.id)

    def dead_letters(self) -> list[DeadLetter]:
        """See :class:`inventpay.webhooks.SeenStore`."""
        letters: list[DeadLetter] = []
        for stored in _command(self._connected(), "HVALS", self._names[-1]):
            head, _, body = stored.partition(b"\n")
            facts: dict[str, Any] = json.loads(head)
            facts["received_at"] = datetime.fromisoformat(facts["received_at"])
            letters.append(DeadLetter(body=body, **facts))
        return sorted(letters, key=lambda letter: (letter.received_at, letter.id))

    def drop_dead_letter(self, letter_id: str) -> None:
        """See :class:`inventpay.webhooks.SeenStore`."""
        _command(self._connected(), "HDEL", self._names[-1], letter_id)

    def close(self) -> None:
        """Close the connections; a later call opens new ones. Those of a limiter or a client stay open."""
        notice_fork()
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._address.is_ours:
            client.close()

    def _claimed(self, token: str, body: bytes | None, **ask: Any) -> Claim | ClaimStatus | None:
        reply = self._ask(body, token=token, **ask)
        if len(reply) == 1:
            return _STATUSES.get(reply[0].decode())
        facts: dict[str, Any] = json.loads(reply[0])
        return Claim(
            keys=tuple(facts["keys"]),
            token=token,
            body=reply[1] if facts["has_body"] else None,
            attempts=facts["attempts"],
        )

    def _ask(self, body: bytes | None, **ask: Any) -> list[bytes]:
        from redis.exceptions import ConnectionError as RedisConnectionError
        from redis.exceptions import RedisError

        message = {"retention": self._retention, "has_body": body is not None, **ask}
        try:
            try:
                return self._evaluate(message, body or b"")
            except RedisConnectionError:
                # Only an old connection may have failed. The script recognizes a request that is sent a second time.
                return self._evaluate({**message, "again": True}, body or b"")
        except RedisError as error:
            meaning = hint(error)
            if meaning is not None:
                error.add_note(f"{self._address.label}: {meaning}")
            raise

    def _evaluate(self, message: dict[str, Any], body: bytes) -> list[bytes]:
        # Not escaped: text that is not valid UTF-8 raises an error here, before anything was claimed.
        return self._run(self._connected(), json.dumps(message, ensure_ascii=False).encode(), body)

    def _run(self, client: Any, message: bytes, body: bytes) -> list[bytes]:
        from redis.exceptions import NoScriptError

        arguments = (len(self._names), *self._names, message, body)
        reply: list[bytes]
        try:
            reply = _command(client, "EVALSHA", _SHA, *arguments)
        except NoScriptError:
            reply = _command(client, "EVAL", SCRIPT, *arguments)
        return reply

    def _connected(self) -> Any:
        notice_fork()
        if self._limiter is not None:
            return self._limiter.worker.client()
        with self._lock:
            if self._client is None:
                self._client = self._address.connect(self._timeout)
            return self._client

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the client in a forked child: its connections belong to the parent."""
        self._lock = threading.Lock()
        _inherited.append(self._client)
        self._client = None


def _command(client: Any, *parts: object) -> Any:
    # Without its ``decode_responses``: bodies are stored as the bytes that were signed.
    return client.execute_command(*parts, NEVER_DECODE=True)


_inherited: Final[list[object]] = []
"""Clients of a parent process: closing them here would end its connections."""
