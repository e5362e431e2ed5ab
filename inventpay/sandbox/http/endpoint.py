"""One endpoint: it checks the key, the rate limit and the body, and answers every outcome in JSON."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import Enum, auto
from urllib.parse import parse_qsl

import attrs
from starlette.types import Receive, Scope, Send

from ...options import RateClass
from .. import assumptions
from ..clock import Clock
from ..errors import SandboxError, invalid
from ..limits.rate_limit_headers import limit_headers
from ..limits.rate_limiting import RateLimiting
from . import body
from .access import Access, Keys
from .answers import Answer, refusal
from .faults import Faults, deliver
from .idempotency import IdempotencyStore
from .origin_check import origin
from .request_log import RequestLog

logger: logging.Logger = logging.getLogger("inventpay.sandbox")

_REPLAYED = (assumptions.IDEMPOTENT_REPLAYED_HEADER, b"true")


class Reads(Enum):
    """The body that an endpoint expects. Control calls need no content type, so that a bare ``curl -X POST`` works."""

    NOTHING = auto()
    JSON = auto()
    LONG_JSON = auto()
    OPTIONAL_JSON = auto()


@attrs.frozen
class Call:
    """The parts of a request that a handler gets."""

    path_params: Mapping[str, str]
    query: Mapping[str, str]
    body: object
    origin: str


Handler = Callable[[Call], Answer | Awaitable[Answer]]


@attrs.frozen(kw_only=True)
class Pipeline:
    """The parts that every request passes on its way to a handler and back."""

    keys: Keys
    clock: Clock
    limits: RateLimiting
    idempotency: IdempotencyStore
    faults: Faults
    log: RequestLog
    public_url: str | None
    """The base URL of links in answers, or None to use that of the request."""
    reshape: Callable[[str, Answer], Answer]
    """Return the answer of an endpoint in the chosen variant of its envelope."""


class Endpoint:
    """An ASGI application for one method and path."""

    def __init__(
        self,
        pipeline: Pipeline,
        label: str,
        handler: Handler,
        *,
        access: Access = Access.PUBLIC,
        reads: Reads = Reads.NOTHING,
        rate_class: RateClass | None = None,
    ) -> None:
        """Create an endpoint whose answers are counted under ``label`` (method and path pattern)."""
        self._pipeline = pipeline
        self.label = label
        self._handler = handler
        self.access = access
        self.reads = reads
        self.rate_class = rate_class
        # The sandbox's own routes have no rate limits and no faults, and are not logged.
        self.is_api: bool = label.partition(" ")[2].startswith("/v1/")

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether a request may carry an idempotency key."""
        return self.reads in (Reads.JSON, Reads.LONG_JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.is_api:
            await self._serve_api(scope, receive, send)
            return
        answer = await self._outcome(scope, receive)
        if answer is not None:
            self._pipeline.log.count(self.label, answer.status)
            await answer.send(send)

    async def _serve_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, at = time.perf_counter(), time.time()

        def log(status: int, note: str | None = None) -> None:
            self._pipeline.log.count(self.label, status)
            seconds = time.perf_counter() - began
            self._pipeline.log.add(at, scope["method"], scope["path"], self.label, status, seconds, note)

        fault = self._pipeline.faults.draw(self.label)
        if fault is None or fault.after_effect:
            answer = await self._outcome(scope, receive)
        else:
            answer = None
            # A fault happens after the client has sent its whole request.
            with suppress(body.ClientGone, SandboxError):
                await body.read(receive)
        if answer is not None:
            answer = self._pipeline.reshape(self.label, answer)
        if fault is not None:
            log(await deliver(fault, answer, scope, send), f"fault: {fault.kind}")
        elif answer is not None:
            # Log first: a client that has the answer must find it in the log.
            log(answer.status, "replayed" if _REPLAYED in answer.headers else answer.reason)
            await answer.send(send)

    async def _outcome(self, scope: Scope, receive: Receive) -> Answer | None:
        """Return the answer to the request; None if the client disconnected."""
        try:
            return await self._answer(scope, receive)
        except body.ClientGone:
            return None
        except SandboxError as error:
            return refusal(error)
        except Exception:
            logger.exception("%s failed inside the sandbox", self.label)
            return refusal(SandboxError(500, assumptions.INTERNAL_ERROR))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        caller = self._pipeline.keys.caller(headers, self.access, scope.get("client"))
        if self.rate_class is None:
            return await self._perform(scope, receive, headers)
        now = self._pipeline.clock()
        verdict = self._pipeline.limits.policy.take(caller, self.rate_class, now)
        if verdict is None:
            return await self._perform(scope, receive, headers)
        limits = limit_headers(self._pipeline.limits.headers, self.rate_class, verdict, now)
        if not verdict.allowed:
            return refusal(SandboxError(429, assumptions.RATE_LIMITED_ERROR)).with_headers(*limits)
        try:
            answer = await self._perform(scope, receive, headers)
        except SandboxError as error:
            answer = refusal(error)
        return answer.with_headers(*limits)

    async def _perform(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]) -> Answer:
        path_params: dict[str, str] = scope["path_params"]
        query = _query(scope)
        base = self._pipeline.public_url or origin(scope)
        if self.reads is Reads.NOTHING:
            return await self._handled(Call(path_params, query, None, base))
        is_long = self.reads is Reads.LONG_JSON
        raw = await body.read(receive, assumptions.MAX_KEYS_BODY_BYTES if is_long else assumptions.MAX_BODY_BYTES)
        if self.reads is Reads.OPTIONAL_JSON:
            return await self._handled(Call(path_params, query, body.decode(raw or b"{}"), base))
        body.require_json(headers)
        call = Call(path_params, query, body.decode(raw), base)
        key = headers.get(assumptions.IDEMPOTENCY_KEY_HEADER)
        if key is not None and not 1 <= len(key) <= assumptions.MAX_IDEMPOTENCY_KEY_LENGTH:
            # Where keys have no effect too: the same code must be right on both.
            length = f"Must have 1 to {assumptions.MAX_IDEMPOTENCY_KEY_LENGTH} characters"
            raise invalid({"Idempotency-Key": length})
        if key is None or not self._pipeline.idempotency.honoured:
            return await self._handled(call)
        return await self._once(key, scope["path"], raw, call)

    async def _handled(self, call: Call) -> Answer:
        answer = self._handler(call)
        return answer if isinstance(answer, Answer) else await answer

    async def _once(self, key: bytes, path: str, raw: bytes, call: Call) -> Answer:
        """Return the answer to the first request with this key."""
        store = self._pipeline.idempotency
        stored = store.begin(path, key, raw, self._pipeline.clock())
        if stored is not None:
            return stored.with_headers(_REPLAYED)
        try:
            answer = await self._handled(call)
        except BaseException:
            store.abandon(path, key)
            raise
        store.finish(path, key, answer)
        return answer


def _query(scope: Scope) -> dict[str, str]:
    """Return the members of the query; a repeated one is joined by commas, so that it is no valid number."""
    raw: bytes = scope["query_string"]
    members: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        members[name] = f"{members[name]},{value}" if name in members else value
    return members
