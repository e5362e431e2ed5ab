# The source of inventpay/_sync/transport.py; after a change run: python tools/generate_sync.py
"""The one loop every call runs through: lease a token, send, let the policy judge, pause, again."""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from .._api.call import Call
from .._api.outcomes import Refusal, may_be_refusal
from .._concurrency.event_loops import least
from .._concurrency.forking import notice_fork
from .._core.random_share import random_share
from .._limits.backoff import CREDIBLE_WINDOWS
from .._limits.capabilities import capabilities_of
from .._limits.class_limiter import LATENESS, Lease
from .._limits.limiter import Limiter
from .._limits.shared_doubts import DoubtStep
from .._transport.call_log import CallRecord
from .._transport.http_errors import without_frames
from .._transport.progress import Progress
from .._transport.redaction import without_keys
from .._transport.retries import RetryBudget, decide
from .._transport.settings import TransportSettings
from .._transport.settling import Settling
from ..errors import (
    BODY_KEPT,
    AnswerMismatchError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    InvalidArgumentError,
    InventPayError,
    LimiterUnavailableError,
    Outcome,
    RateLimitedError,
    RateLimitTimeoutError,
)
from ..headers import Headers
from ..options import CallOptions, RateClass
from ..responses import APIResponse
from .connection import AsyncConnection
from .shared_reads import AsyncSharedReads

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend

T = TypeVar("T")

LONG_WAIT: Final = 5.0
"""Seconds of waiting for a token from which on the log has a warning when the wait begins."""


class AsyncTransport:
    """Sends calls. Siblings made by ``with_options`` share one."""

    def __init__(
        self,
        settings: TransportSettings,
        connection: AsyncConnection,
        limiter: Limiter,
        backend: AsyncBackend,
        *,
        coalesce: bool = True,
        is_mocked: Callable[[], bool] | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        # A compressed answer may be as large as its bound in a thousandth of the bytes.
        self._plain_headers = (
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", settings.user_agent),
        )
        self._connection = connection
        self._limiter = limiter
        self._backend = backend
        self._jitter = jitter or random_share
        self._is_mocked = is_mocked
        capabilities = capabilities_of(limiter)
        self._queueing = capabilities.queue
        self._estimate = capabilities.estimate
        self._warned: dict[RateClass, float] = {}
        self._budget = RetryBudget(settings.policy)
        self.settling: Settling = Settling(settings, capabilities.shared_doubts)
        self.key_as_description: bool = settings.policy.key_as_description
        self.testnet_addresses: bool = settings.testnet_addresses
        self._reads = AsyncSharedReads(backend) if coalesce else None

    async def send(
        self, call: Call[T], options: CallOptions, *, max_age: float | None = None, background: bool = False
    ) -> T:
        """Run one call to its end. Every error has the call, its attempts and its outcome.

        A read may be shared with other callers, and be answered by one whose request was sent at most ``max_age``
        seconds ago. In the background it stands back behind all direct calls.
        """
        notice_fork()
        record = CallRecord(call, self._settings, self.settling, self._backend.now, self._backend.wall)
        try:
            self._connection.check_open()
            self._check_keys(call)
            record.check_key()
            response = await self._answer(call, options, record, max_age, background)
            if not 200 <= response.status < 300:
                refusal = _refusal(response)
                longer = (1.0 + LATENESS) * (refusal.retry_after or 0.0)
                if isinstance(refusal, RateLimitedError) and (record.refused_wait or 0.0) > longer:
                    # The queue needs longer than the pause that the API asked for.
                    refusal.retry_after = record.refused_wait
                raise refusal
            result = self._read(call, response)
            record.read(result, response)
            if record.attempts:
                # An answer to another caller's request is counted there.
                self._budget.succeed()
            record.succeeded(response.status)
            return result
        except InventPayError as error:
            await self._fail(record, error)
            if isinstance(error, AnswerMismatchError):
                await self._connection.discard_connections()
            raise
        except BaseException as interrupt:
            record.interrupted(interrupt)
            raise

    def building(self, idempotency_key: str | None) -> _Building:
        """Build a write inside of this: an argument that is refused under a key in doubt claims no ``"not_sent"``."""
        return _Building(self, idempotency_key)

    async def refuse_argument(self, error: InvalidArgumentError, idempotency_key: str | None) -> None:
        """Correct the claim of an argument that was refused under a key in doubt."""
        notice_fork()
        step = self.settling.look(idempotency_key, self._backend.wall().timestamp())
        if step is not None:
            await self._ask(step)
        self.settling.complete_refused_argument(error, idempotency_key, self._backend.wall().timestamp())

    async def repeat(self, call: Call[T], error: InventPayError, options: CallOptions) -> T:
        """Send the call of an error again.

        Raises as :meth:`Settling.prepare_repeat` does, and the errors of every call.
        """
        notice_fork()
        try:
            self.settling.prepare_repeat(call, error, self._backend.wall().timestamp())
        except InventPayError as refusal:
            record = CallRecord(call, self._settings, self.settling, self._backend.now, self._backend.wall)
            record.failed(refusal)
            refusal.request = error.request
            raise
        return await self.send(call, options)

    async def probe(self, call: Call[T], options: CallOptions) -> tuple[APIResponse, float]:
        """Make one attempt that is never shared, and return its answer, whatever it says, and the seconds it took."""
        notice_fork()
        record = CallRecord(call, self._settings, self.settling, self._backend.now, self._backend.wall)
        try:
            self._connection.check_open()
            lease = await self._lease(record, options.max_wait, False)
            began = self._backend.now()
            deadline = None if options.timeout is None else began + options.timeout
            response = await self._attempt(call, options, lease, deadline, record)
            seconds = self._backend.now() - began
            if 200 <= response.status < 300:
                record.succeeded(response.status)
            else:
                await self._fail(record, _refusal(response))
            return response, seconds
        except InventPayError as error:
            await self._fail(record, error)
            raise
        except BaseException as interrupt:
            record.interrupted(interrupt)
            raise

    async def _fail(self, record: CallRecord, error: InventPayError) -> None:
        """Complete the error that ends a call; what it may claim can depend on other processes."""
        if self.settling.shared is not None and (step := record.ended(error)) is not None:
            try:
                await self._ask(step)
            except BaseException as interrupt:
                record.interrupted(interrupt)
                raise
        record.failed(error)

    async def _ask(self, step: DoubtStep, *, until: float | None = None) -> None:
        """Wait until the shared memory of doubts replied; without a reply, that of this process counts."""
        shared = self.settling.shared
        assert shared is not None, "a limiter without shared doubts takes no step"
        waiter = step.waiter = self._backend.waiter()
        deadline = self._backend.now() + shared.patience
        if until is not None:
            deadline = min(deadline, until)
        try:
            shared.submit(step, may_block=self._backend.may_block)
            while not step.is_over and (left := deadline - self._backend.now()) > 0:
                await waiter.wait(left)
        finally:
            shared.leave(step)

    async def _answer(
        self, call: Call[T], options: CallOptions, record: CallRecord, max_age: float | None, background: bool
    ) -> APIResponse:
        """Return the answer to a call: a recent one, one that others asked for too, or its own."""
        reads = self._reads
        if reads is None or call.endpoint.safety != "read":
            return await self._run(call, options, record, background)
        resource = (call.endpoint.method, call.path, options.headers)
        recent = None if max_age is None else reads.recall(resource, max_age)
        if recent is not None:
            return recent

        # Callers that would wait differently do not wait for each other.
        return await reads.read(
            (resource, options, background),
            functools.partial(self._run, call, options, record, background),
            keep_as=resource if call.endpoint.kept else None,
        )

    async def _run(
        self,
        call: Call[T],
        options: CallOptions,
        record: CallRecord,
        background: bool,
        on_sent: Callable[[], None] | None = None,
        began: float | None = None,
    ) -> APIResponse:
        """Attempt the call until it has a 2xx or an answer that a retry cannot change, or until retries end."""
        lease = await self._lease(record, options.max_wait, background)
        if on_sent is not None:
            on_sent()
        began = self._backend.now() if began is None else began
        deadline = None if options.timeout is None else began + options.timeout
        while True:
            response: APIResponse | None = None
            failure: InventPayError
            try:
                response = await self._attempt(call, options, lease, deadline, record)
            except APIConnectionError as error:
                failure = error
            else:
                if _refused(response) is None:
                    return response
                failure = _refusal(response)
            again = await self._lease_again(call, options, record, failure, deadline, background)
            if again is None:
                if response is not None:
                    return response
                raise failure
            lease = again

    async def _lease_again(
        self,
        call: Call[T],
        options: CallOptions,
        record: CallRecord,
        failure: InventPayError,
        deadline: float | None,
        background: bool,
    ) -> Lease | None:
        """Pause after a failed attempt and lease a token for the next one; ``None`` where there is none."""
        # After a 429 the limiter keeps the pause: it waits for the server's moment, at the place of the arrival.
        is_refused = isinstance(failure, RateLimitedError)
        is_queued = is_refused and self._queueing is not None
        in_queue = self._time_in_queue(deadline, options, record, is_refused)
        if not is_queued and in_queue is not None and self._next_token(record, background) >= in_queue:
            in_queue = 0.0  # a pause would be slept for nothing
        delay = decide(
            call.endpoint.safety,
            failure,
            attempt=record.attempts,
            max_retries=options.max_retries,
            remaining=in_queue,
            policy=self._settings.policy,
            budget=self._budget,
            jitter=self._jitter(),
            longest=CREDIBLE_WINDOWS * self._settings.rate_limits.window,
            is_queued=is_queued,
        )
        if delay is None:
            return None
        if not is_queued:
            record.retry_planned(delay, failure)
            await self._backend.sleep(delay)
            if is_refused:
                record.waited += delay
        in_queue = self._time_in_queue(deadline, options, record, is_refused)
        max_wait = None if in_queue is None else max(0.0, in_queue)
        try:
            return await self._lease(record, max_wait, background, failure if is_queued else None)
        except (RateLimitTimeoutError, LimiterUnavailableError) as late:
            # The failure is more telling than the lack of time for another attempt.
            record.refused_wait = late.wait if isinstance(late, RateLimitTimeoutError) else None
            return None

    def _next_token(self, record: CallRecord, background: bool) -> float:
        """Return the least seconds until there is a token, as far as that is known without asking elsewhere."""
        return self._estimate(record.rate_class, self._backend.now(), background=background)

    def _time_in_queue(
        self, deadline: float | None, options: CallOptions, record: CallRecord, is_refused: bool
    ) -> float | None:
        """Return the seconds that are left for the next wait: ``max_wait`` bounds the waits after 429s, too."""
        remaining = None if deadline is None else deadline - self._backend.now()
        if not is_refused or options.max_wait is None:
            return remaining
        return least(remaining, options.max_wait - record.waited)

    async def _lease(
        self, record: CallRecord, max_wait: float | None, background: bool, after: InventPayError | None = None
    ) -> Lease:
        """Lease a token; ``after`` is the 429 for which the call asks again."""
        started = self._backend.now()
        planned = after is None
        if self._queueing is not None:

            def on_wait(expected: float) -> None:
                nonlocal planned
                if not planned and after is not None:
                    planned = True
                    record.retry_planned(expected, after)
                record.wait_begins(expected, is_warning=self._is_worth_a_warning(record, expected, background))

            lease = await self._queueing.acquire_async(
                record.rate_class,
                self._backend,
                max_wait=max_wait,
                background=background,
                arrived=None if after is None else record.arrived,
                on_wait=on_wait,
            )
        else:
            lease = await self._limiter.acquire_async(
                record.rate_class, self._backend, max_wait=max_wait, background=background
            )
        try:
            if not planned and after is not None:
                record.retry_planned(self._backend.now() - started, after)
            seconds = self._backend.now() - started
            record.waited += seconds
            record.token_leased(seconds)
        except BaseException:
            # Ctrl-C in a hook: a lease that is never ended would be a token lost for good.
            lease.refund(self._backend.now())
            raise
        return lease

    def _is_worth_a_warning(self, record: CallRecord, expected: float, background: bool) -> bool:
        """Return whether a wait is long, of a direct call, and the first of its class in a window."""
        if background or expected < LONG_WAIT:
            return False
        now, window = self._backend.now(), self._settings.rate_limits.window
        warned = self._warned.get(record.rate_class, -math.inf)
        if warned <= now < warned + window:
            return False
        self._warned[record.rate_class] = now
        return True

    async def _attempt(
        self, call: Call[T], options: CallOptions, lease: Lease, deadline: float | None, record: CallRecord
    ) -> APIResponse:
        """Send one request and return its answer; its lease ends with the headers, or with the outcome."""
        if self.settling.shared is not None and (step := record.begin()) is not None:
            try:
                await self._ask(step, until=deadline)
                record.begun()
            except BaseException:
                lease.refund(self._backend.now())
                raise
        started = self._backend.now()
        until = None if options.attempt_timeout is None else started + options.attempt_timeout
        if deadline is not None and (until is None or deadline < until):
            until = deadline

        def on_headers(status: int, headers: Headers) -> None:
            lease.answered(self._backend.now(), status, headers)

        progress = Progress(on_headers)
        # Until the connection knows better, nothing has left.
        progress.watched = True
        response: APIResponse | None = None
        try:
            record.attempt_sent()
            with self._backend.limit(None if until is None else until - started):
                response = await self._connection.exchange(
                    call.endpoint.method,
                    call.path,
                    lambda: self._headers(call, options),
                    call.body,
                    fresh=call.endpoint.safety == "once",
                    until=until,
                    progress=progress,
                )
            if response is None:
                outcome: Outcome = "unknown" if progress.maybe_written else "not_sent"
                raise APITimeoutError(f"no answer within {self._backend.now() - started:.2f} s", outcome=outcome)
        except BaseException as error:
            # A lease that ended with the answer's headers stays as it is.
            if progress.maybe_written:
                lease.abandoned(self._backend.now())
            else:
                lease.refund(self._backend.now())
                record.had_no_effect()
            # A response hook of a lent client raised after an answer.
            refusal = None if progress.answer is None else _refused(progress.answer)
            if refusal is not None and refusal.outcome == "refused":
                record.had_no_effect()
            record.attempt_answered(None, started, error)
            if isinstance(error, Exception) and not isinstance(error, InventPayError):
                raise  # a mock's complaint, or a bug: its frames are wanted
            # The frames below hold what had come of the answer, and with it what it may have echoed.
            raise error.with_traceback(None)  # noqa: B904 - it is the same exception
        refusal = _refused(response)
        if refusal is not None and refusal.outcome == "refused":
            record.had_no_effect()
        record.attempt_answered(response.status, started, None)
        return self._without_keys(response)

    def _check_keys(self, call: Call[T]) -> None:
        if call.endpoint.withdrawal_key and self._settings.withdrawal_key is None:
            raise ConfigurationError(
                "withdrawals need the withdrawal key: pass withdrawal_key=, or set INVENTPAY_WITHDRAWAL_KEY "
                "(Dashboard, Settings, Withdrawal API Key)"
            )

    def _headers(self, call: Call[T], options: CallOptions) -> list[tuple[str, str]]:
        headers = list(self._plain_headers)
        if options.headers:
            chosen = {name.lower() for name, _ in options.headers}
            own = self._settings.policy.idempotency_header.lower()
            headers = [
                *((name, text) for name, text in headers if name.lower() not in chosen),
                # A second idempotency key would leave open which one counts.
                *((name, text) for name, text in options.headers if name.lower() != own or not call.idempotency_key),
            ]
        if not call.endpoint.public:
            headers.append(("X-API-Key", self._settings.api_key.reveal()))
        if call.endpoint.withdrawal_key and self._settings.withdrawal_key is not None:
            headers.append(("X-Withdrawal-Key", self._settings.withdrawal_key.reveal()))
        if call.body is not None:
            headers.append(("Content-Type", "application/json"))
        if call.idempotency_key is not None:
            headers.append((self._settings.policy.idempotency_header, call.idempotency_key))
        return headers

    def _read(self, call: Call[T], response: APIResponse) -> T:
        handled = sys.exception()
        verify, judge_unreadable = _judges()
        # A mock gives every creation the same id.
        is_mocked = self._is_mocked is not None and self._is_mocked()
        account = None if is_mocked else (self._settings.base_url, self.settling.account)
        try:
            try:
                result = call.read(response)
                verify(call, response, result, account, self._settings.answer_checks)
                return result
            except DecodeError as error:
                if not isinstance(error, AnswerMismatchError):
                    judge_unreadable(call, response, error, account)
                raise
        except InventPayError as error:
            if isinstance(error, DecodeError):
                error.status, error.headers, error.body = response.status, response.headers, response.body[:BODY_KEPT]
            # The frames that read the answer hold all of it, and with it what it may have echoed.
            raise without_frames(error, handled) from None

    def _without_keys(self, response: APIResponse) -> APIResponse:
        """Return the answer without the keys in it. The body of a success is not changed."""
        keys = self._settings.keys
        headers = without_keys(response.headers, keys)
        body = response.body if 200 <= response.status < 300 else without_keys(response.body, keys)
        if headers is response.headers and body is response.body:
            return response
        return APIResponse(response.status, headers, body)


class _Building:
    """The building of one write."""

    __slots__ = ("_idempotency_key", "_transport")

    def __init__(self, transport: AsyncTransport, idempotency_key: str | None) -> None:
        self._transport = transport
        self._idempotency_key = idempotency_key

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, InvalidArgumentError):
            await self._transport.refuse_argument(error, self._idempotency_key)


@functools.cache
def _judges() -> tuple[Callable[..., None], Callable[..., None]]:
    """Return what compares an answer with its call; looked up once, since it is imported late."""
    from .._transport.verification import judge_unreadable, verify

    return verify, judge_unreadable


def _refused(response: APIResponse) -> Refusal | None:
    if not may_be_refusal(response.status, response.body):
        return None
    # Imported for the first answer that is no success: it loads what reads JSON.
    from .._api.status_errors import refusal_in

    return refusal_in(response)


def _refusal(response: APIResponse) -> APIStatusError:
    from .._api.status_errors import from_response
    from .._core.rate_limit_headers import parse_retry_after

    asked = response.headers.get("retry-after")
    if asked is None:
        return from_response(response, retry_after=None)
    pause = parse_retry_after(asked, wall_now=time.time(), headers=response.headers)
    return from_response(response, retry_after=pause)
