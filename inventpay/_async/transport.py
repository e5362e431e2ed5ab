# The source of inventpay/_sync/transport.py; after a change run: python tools/generate_sync.py
"""The one loop every call runs through: lease a token, send, let the policy judge, pause, again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .._waiting import AsyncWaiting
from ..call_record import CallRecord
from ..calls import Call
from ..errors import (
    BODY_KEPT,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    InventPayError,
    Outcome,
    RateLimitTimeoutError,
)
from ..failures import from_response
from ..gate import Lease
from ..headers import Headers
from ..limiter import Limiter
from ..options import CallOptions
from ..rate_limit_headers import parse_retry_after
from ..responses import APIResponse
from ..retries import RetryBudget, decide
from ..settings import TransportSettings
from .connection import AsyncConnection, Progress

T = TypeVar("T")


class AsyncTransport:
    """Sends calls. Siblings made by ``with_options`` share one."""

    def __init__(
        self,
        settings: TransportSettings,
        connection: AsyncConnection,
        limiter: Limiter,
        waiting: AsyncWaiting,
        *,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._limiter = limiter
        self._waiting = waiting
        self._luck = luck
        self._budget = RetryBudget(settings.policy)

    async def send(self, call: Call[T], options: CallOptions) -> T:
        """Runs one call to its end. Every error says which call it was, its attempts and its outcome."""
        record = CallRecord(call, self._settings, self._waiting.now)
        try:
            self._check_keys(call)
            return await self._run(call, options, record)
        except InventPayError as error:
            record.failed(error)
            raise
        except BaseException as interrupt:
            record.interrupted(interrupt)
            raise

    async def _run(self, call: Call[T], options: CallOptions, record: CallRecord) -> T:
        lease = await self._lease(record, options.max_wait)
        deadline = None if options.timeout is None else self._waiting.now() + options.timeout
        while True:
            failure: InventPayError
            try:
                response = await self._attempt(call, options, lease, deadline, record)
            except APIConnectionError as error:
                failure = error
            else:
                if 200 <= response.status < 300:
                    result = _read(call, response)
                    self._budget.succeed()
                    record.succeeded(response.status)
                    return result
                failure = _refusal(response)
            delay = decide(
                call.endpoint.safety,
                failure,
                attempt=record.attempts,
                max_retries=options.max_retries,
                remaining=None if deadline is None else deadline - self._waiting.now(),
                policy=self._settings.policy,
                budget=self._budget,
                luck=self._luck(),
            )
            if delay is None:
                raise failure
            record.retry_planned(delay, failure)
            await self._waiting.sleep(delay)
            try:
                lease = await self._lease(record, None if deadline is None else deadline - self._waiting.now())
            except RateLimitTimeoutError:
                # What went wrong is more telling than that there is no time left to try again.
                raise failure from None

    async def _lease(self, record: CallRecord, max_wait: float | None) -> Lease:
        started = self._waiting.now()
        lease = await self._limiter.acquire_async(record.rate_class, self._waiting, max_wait=max_wait)
        record.token_leased(self._waiting.now() - started)
        return lease

    async def _attempt(
        self, call: Call[T], options: CallOptions, lease: Lease, deadline: float | None, record: CallRecord
    ) -> APIResponse:
        """One request and its answer; its lease ends with the answer's headers, or with what is known of its fate."""
        started = self._waiting.now()
        until = None if options.attempt_timeout is None else started + options.attempt_timeout
        if deadline is not None and (until is None or deadline < until):
            until = deadline

        def on_headers(status: int, headers: Headers) -> None:
            lease.answered(self._waiting.now(), status, headers)

        progress = Progress(on_headers)
        record.attempt_sent()
        try:
            with self._waiting.limit(None if until is None else until - started):
                response = await self._connection.exchange(
                    call.endpoint.method,
                    call.path,
                    lambda: self._headers(call, options),
                    call.body,
                    fresh=call.endpoint.safety == "once",
                    until=until,
                    progress=progress,
                )
                record.attempt_answered(response.status, started, None)
                return response
            outcome: Outcome = "unknown" if progress.maybe_written else "not_sent"
            raise APITimeoutError(f"no answer within {self._waiting.now() - started:.2f} s", outcome=outcome)
        except BaseException as error:
            # A lease that ended with the answer's headers stays as it is.
            if progress.maybe_written:
                lease.lost(self._waiting.now())
                record.may_have_had_effect()
            else:
                lease.refund(self._waiting.now())
            record.attempt_answered(None, started, error)
            raise

    def _check_keys(self, call: Call[T]) -> None:
        if call.endpoint.withdrawal_key and self._settings.withdrawal_key is None:
            raise ConfigurationError(
                "withdrawals need the withdrawal key: pass withdrawal_key=, or set INVENTPAY_WITHDRAWAL_KEY "
                "(Dashboard, Settings, Withdrawal API Key)"
            )

    def _headers(self, call: Call[T], options: CallOptions) -> list[tuple[str, str]]:
        headers = [("Accept", "application/json"), ("User-Agent", self._settings.user_agent), *options.headers]
        if not call.endpoint.public:
            headers.append(("X-API-Key", self._settings.api_key.reveal()))
        if call.endpoint.withdrawal_key and self._settings.withdrawal_key is not None:
            headers.append(("X-Withdrawal-Key", self._settings.withdrawal_key.reveal()))
        if call.body is not None:
            headers.append(("Content-Type", "application/json"))
        if call.idempotency_key is not None:
            headers.append((self._settings.policy.idempotency_header, call.idempotency_key))
        return headers


def _read(call: Call[T], response: APIResponse) -> T:
    try:
        return call.read(response)
    except DecodeError as error:
        error.status, error.headers, error.body = response.status, response.headers, response.body[:BODY_KEPT]
        raise


def _refusal(response: APIResponse) -> APIStatusError:
    asked = response.headers.get("retry-after")
    return from_response(
        response, retry_after=None if asked is None else parse_retry_after(asked, wall_now=time.time())
    )
