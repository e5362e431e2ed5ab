# Generated from inventpay/_async/client.py by tools/generate_sync.py. Do not edit.
"""The client: what users construct, and what everything hangs on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, overload

from .._core.names_advice import NamesAdvice
from .._core.unpicklable import Unpicklable
from .._limits.capabilities import bound
from .._limits.class_limiter import ClassSnapshot
from .._limits.limiter import PLUGIN, Limiter, shared_limiter
from .._transport.settings import check_lease_timeout, read_connection_settings, read_transport_settings
from ..errors import InventPayError
from ..options import (
    ATTEMPT_TIMEOUT,
    BASE_URL,
    INVOICE_URL,
    MAX_CONNECTIONS,
    MAX_RETRIES,
    TIMEOUT,
    UNSET,
    CallOptions,
    RateClass,
    RateLimits,
    RetryPolicy,
    Unset,
    WatchSettings,
    read_call_options,
)
from ..responses import APIResponse
from .connection import Connection
from .polling import Polling
from .transport import Transport

if TYPE_CHECKING:
    import ssl

    import httpx

    from .._api.amounts import Amount
    from .._api.echoes import AnswerChecks
    from .._api.health_check import CheckResult
    from ..hooks import Hook
    from ..webhooks.events import WebhookEvent
    from .balances import BalanceCalls
    from .invoices import InvoiceCalls
    from .payments import PaymentCalls
    from .store import StoreCalls
    from .webhooks import WebhookCalls
    from .withdrawals import WithdrawalCalls

T = TypeVar("T")


class InventPay(NamesAdvice, Unpicklable):
    """A client of the InventPay API.

    >>> with InventPay() as client:  # keys from INVENTPAY_API_KEY and INVENTPAY_WITHDRAWAL_KEY
    ...     payment = client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20")
    ...     print(payment.invoice_url)

    Make one and share it; close it with ``with`` or ``close()``. Durations are seconds, or a ``timedelta``.

    - ``api_key``, ``withdrawal_key``, ``base_url``: from ``INVENTPAY_API_KEY``, ``INVENTPAY_WITHDRAWAL_KEY`` and
      ``INVENTPAY_BASE_URL`` when not given; the keys also from the files that ``INVENTPAY_API_KEY_FILE`` and
      ``INVENTPAY_WITHDRAWAL_KEY_FILE`` name.
    - ``timeout``: bounds one call from its first token on: every attempt, every pause, every further token.
    - ``attempt_timeout``: bounds one attempt.
    - ``max_wait``: bounds the wait for the first token of the rate limit; ``None`` is as long as it takes. A wait that
      would be longer fails at once.
    - ``max_retries``, ``retry``: how often, and how, a call is repeated when that is safe.
    - ``rate_limits``: what the API allows; ``limiter``: who shares it. By default all clients of one process with the
      same key, URL and limits do; with a :class:`inventpay.redis.RedisLimiter` those of many processes and hosts.
    - ``watch_settings``: what is assumed of payers, which decides which watched payments are polled most often.
    - ``coalesce``: whether identical reads of concurrent callers are sent once; no answer is older than its question.
    - ``max_connections``: open at once. ``transport``: ``"aiohttp"`` (extra ``aiohttp``) or an httpx transport;
      ``http_client``: a client of httpx or httpx2 that stays yours to close. ``proxy``, ``verify``: as in httpx.
    - ``allow_insecure``: accept a ``base_url`` of plain ``http://`` beyond this machine, such as that of a sandbox in
      another container; possible with the keys of a sandbox only.
    - ``headers``: sent with every call. ``hooks``: callables that get every event of :mod:`inventpay.hooks`.
    - ``answer_checks``: an answer that contradicts the request is an AnswerMismatchError; with ``"warn"`` one that
      contradicts only its amount, currency or order id is a warning.

    Raises ConfigurationError for a missing key, an unsafe URL, or options that contradict each other.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        withdrawal_key: str | None = None,
        base_url: str | None = None,
        timeout: float | timedelta | None = TIMEOUT,
        attempt_timeout: float | timedelta | None = ATTEMPT_TIMEOUT,
        max_wait: float | timedelta | None = None,
        max_retries: int = MAX_RETRIES,
        retry: RetryPolicy | None = None,
        rate_limits: RateLimits | None = None,
        limiter: Limiter | None = None,
        watch_settings: WatchSettings | None = None,
        coalesce: bool = True,
        max_connections: int = MAX_CONNECTIONS,
        transport: Literal["aiohttp"] | httpx.BaseTransport | None = None,
        http_client: Any = None,
        proxy: str | httpx.Proxy | None = None,
        verify: bool | str | ssl.SSLContext = True,
        headers: Mapping[str, str] | None = None,
        hooks: Sequence[Hook] = (),
        allow_insecure: bool = False,
        answer_checks: AnswerChecks = "raise",
    ) -> None:
        from .._concurrency.threads import Backend

        connection_settings = read_connection_settings(
            base_url=base_url,
            max_connections=max_connections,
            transport=transport,
            http_client=http_client,
            proxy=proxy,
            verify=verify,
            allow_insecure=allow_insecure,
        )
        settings = read_transport_settings(
            api_key=api_key,
            withdrawal_key=withdrawal_key,
            retry=retry,
            rate_limits=rate_limits,
            hooks=hooks,
            base_url=connection_settings.base_url,
            connects=connection_settings.transport in (None, "aiohttp") and http_client is None,
            answer_checks=answer_checks,
            watch=watch_settings,
        )
        options = read_call_options(
            CallOptions(),
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            max_wait=max_wait,
            max_retries=max_retries,
            headers=headers,
        )
        is_mocked: Callable[[], bool] | None = None
        if transport is not None or http_client is not None or PLUGIN in sys.modules:
            from .._limits.unlimited import mock_check

            is_mocked = mock_check(base_url=connection_settings.base_url, transport=transport, http_client=http_client)
        whose = (settings.api_key.reveal(), connection_settings.base_url, settings.rate_limits)
        if limiter is not None:
            limiter = bound(limiter, *whose)
            check_lease_timeout(limiter, options.attempt_timeout)
        else:
            limiter = shared_limiter(*whose)
            if rate_limits is None and is_mocked is not None:
                from .._limits.unlimited import for_tests

                limiter = for_tests(limiter, is_mocked)
        backend = Backend()
        self._base_url = connection_settings.base_url
        self._hooks = settings.hooks
        self._limiter = limiter
        self._backend = backend
        self._connection = Connection(connection_settings, backend)
        self._transport = Transport(
            settings, self._connection, limiter, backend, coalesce=coalesce, is_mocked=is_mocked
        )
        self._polling = Polling(settings, self._transport, limiter, backend, share=coalesce)
        self._options = options

    # The groups of calls are made when they are first used, each with the models of its answers.

    @cached_property
    def payments(self) -> PaymentCalls:
        """Payments in one coin, and the status of payments and invoices."""
        from .payments import PaymentCalls

        return PaymentCalls(self._transport, self._polling, self._options, self._invoice_page)

    @cached_property
    def invoices(self) -> InvoiceCalls:
        """Payments whose coin the payer picks."""
        from .invoices import InvoiceCalls

        return InvoiceCalls(self._transport, self._options, self._invoice_page)

    @cached_property
    def balances(self) -> BalanceCalls:
        """Balances and withdrawal limits."""
        from .balances import BalanceCalls

        return BalanceCalls(self._transport, self._polling, self._options)

    @cached_property
    def withdrawals(self) -> WithdrawalCalls:
        """Paying out."""
        from .withdrawals import WithdrawalCalls

        return WithdrawalCalls(self._transport, self._polling, self._options)

    @cached_property
    def store(self) -> StoreCalls:
        """The store, its products, their key pools, and orders."""
        from .store import StoreCalls

        return StoreCalls(self._transport, self._options)

    @cached_property
    def webhooks(self) -> WebhookCalls:
        """Webhook configuration and delivery history."""
        from .webhooks import WebhookCalls

        return WebhookCalls(self._transport, self._options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}>"

    def __copy__(self) -> Self:
        # It shares connections and limits, as a copy of the attributes would.
        return self.with_options()

    def with_options(
        self,
        *,
        timeout: float | timedelta | Unset | None = UNSET,
        attempt_timeout: float | timedelta | Unset | None = UNSET,
        max_wait: float | timedelta | Unset | None = UNSET,
        max_retries: int | Unset = UNSET,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a client with other settings that shares connections, rate limits and the retry budget.

        ``None`` switches a bound off; ``headers`` are added. Closing one closes all.

        >>> with_patience = InventPay("pk_live_1").with_options(timeout=120.0, max_wait=None)

        Raises ConfigurationError for values out of bounds.
        """
        options = read_call_options(
            self._options,
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            max_wait=max_wait,
            max_retries=max_retries,
            headers=headers,
        )
        check_lease_timeout(self._limiter, options.attempt_timeout)
        sibling = object.__new__(type(self))
        sibling.__dict__.update(self.__dict__)
        sibling._options = options
        for group in _GROUPS:
            sibling.__dict__.pop(group, None)
        return sibling

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | bool | None] | None = None,
        json: Any = None,
        idempotency_key: str | None = None,
    ) -> APIResponse:
        """Any path of the API, for what this version has no method for. Limits, retries and errors apply.

        ``path`` is percent-encoded and without a query; ``params`` whose value is ``None`` are left out; ``json`` may
        hold ``Decimal``, which goes out exactly. A POST to a path this package does not know is sent at most once.

        >>> with InventPay() as client:
        ...     answer = client.request("GET", "/v1/merchant/webhook-stats", params={"days": 7})
        ...     print(answer.status, answer.json())

        Raises InvalidArgumentError before anything is sent, and the errors of every call but DecodeError.
        """
        from .._api.raw_request import request

        with self._transport.building(idempotency_key):
            call = request(method, path, params=params, json=json, idempotency_key=idempotency_key)
        return self._transport.send(call, self._options)

    @overload
    def repeat(self, error: InventPayError) -> Any: ...
    @overload
    def repeat(self, error: InventPayError, expected: type[T]) -> T: ...
    def repeat(self, error: InventPayError, expected: type[Any] | None = None) -> Any:
        """Send the call of an error again, under its idempotency key, and return what that call returns.

        The error may come from another process, through :mod:`pickle`; the client needs the same API key and base URL.
        Repeat only where ``error.safe_to_repeat`` is true, after ``error.repeat_after`` seconds, and not for ever:

        >>> with InventPay() as client:
        ...     try:
        ...         payment = client.payments.create(amount=10, amount_currency="USD", currency="USDT_BEP20")
        ...     except InventPayError as error:
        ...         if not error.safe_to_repeat:
        ...             raise
        ...         time.sleep(error.repeat_after)
        ...         payment = client.repeat(error, Payment)

        ``expected`` is the class of the result, for type checkers; the error of a call that returns another one is
        refused before anything is sent. If the repeat fails, the outcome of the new error is that of the operation, not
        only of the last request. A list, and an answer of :meth:`request`, is returned as an :class:`APIResponse`.

        Raises InvalidArgumentError for an error of another account, one of no call or of a call with another result, or
        one whose outcome forbids it;
        UnsettledError for a withdrawal or checkout in doubt where the API was not proven to honour idempotency keys, or
        whose first request is older than 20 hours; and the errors of every call.
        """
        from .._api.arguments import refused

        if not isinstance(error, InventPayError) or error.request is None:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise refused("error", f"must be the error of a call, not {type(error).__name__} without a request")
        from .._api.repeats import call_again, check_result

        if expected is not None:
            check_result(error, error.request, expected)
        return self._transport.repeat(call_again(error.request), error, self._options)

    def feed(self, event: WebhookEvent) -> int:
        """Hands a verified webhook event to every ``payments.watch`` and ``payments.wait`` of that payment.

        They look at once, ahead of their next poll, because the API's answer says more than an event does. Where it is
        behind the event, fails, or does not come within two seconds (the rate limit may have no room), the event's own
        word counts: so a wait ends even in an outage. Amounts that the event leaves out stay as they were; where
        nothing is known of them, polling goes on. Looks out of turn are part of the four fifths of the rate limit that
        watchers use. A status never goes backwards, so events may come late, twice and in any order.

        Return how many watchers took it; events without one, tests and withdrawals change nothing. Only watchers of
        this client, and of its siblings from ``with_options``, receive it. May be called from any thread, event loop or
        handler, and never waits:

        >>> client = InventPay("pk_live_1")
        >>> def fulfil(event):  # a handler of inventpay.webhooks.WebhookReceiver
        ...     client.feed(event)

        Raises InvalidArgumentError for anything but an event of :mod:`inventpay.webhooks`.
        """
        # A process that receives no events does not import them.
        from .._watching.event_updates import payment_of

        payment_id = payment_of(event)
        return 0 if payment_id is None else self._polling.feed(payment_id, event)

    def check(
        self,
        *,
        idempotency: bool | Literal["payment", "withdrawal"] = False,
        amount: Amount | None = None,
        currency: str | None = None,
        destination_address: str | None = None,
        check_address: bool = True,
    ) -> CheckResult:
        """Find out whether the API can be reached and takes the key, with one cheap call that is never repeated.

        The result distinguishes: all well, key refused, rate limited, unreachable (and why), a failing server, and an
        answer that does not come from the API; with the latency, the difference of the clocks, and the server's view of
        the rate limit, and the proxy in use. ``inventpay check`` prints it.

        >>> with InventPay() as client:
        ...     result = client.check()
        ...     print(result.state, result.message)

        ``idempotency=True`` (or ``"payment"``) also creates up to three payments of ``amount`` US dollars (by default
        10) in ``currency`` (by default USDT_BEP20), which need not be paid and expire after five minutes.
        ``idempotency="withdrawal"`` makes one real withdrawal of ``amount`` of ``currency`` to ``destination_address``,
        which must be your own, and repeats it under the same key: where the API ignores keys, you pay twice to
        yourself. Its address is checked like that of ``withdrawals.create``.
        ``result.idempotency`` is then ``"honoured"``, ``"ignored"`` or ``"unclear"``. For the seven days after
        ``"honoured"``, calls of that kind in doubt are ``safe_to_repeat`` in this process.

        Failures are results, not exceptions: also a proxy or certificate that cannot be used, a client that was closed
        and one without a withdrawal key. Raises InvalidArgumentError for arguments that do not fit together.
        """
        from .._api import health_check as check

        key_check = check.key_check(
            idempotency,
            amount,
            currency,
            destination_address,
            check_address=check_address,
            testnet=self._transport.testnet_addresses,
        )
        try:
            response, latency = self._transport.probe(check.probe(), self._options)
        except InventPayError as error:
            return check.judge_failure(error, base_url=self._base_url, proxy=self._connection.proxy)
        result = check.judge(
            response,
            base_url=self._base_url,
            proxy=self._connection.proxy,
            latency=latency,
            now=self._backend.wall(),
        )
        if key_check is None or not result.ok:
            return result
        from .proving import prove

        now = self._backend.wall().timestamp()
        try:
            handling, ids = prove(self._transport, self._options, key_check, now)
        except InventPayError as error:
            return check.without_keys(result, key_check.kind, error)
        return check.with_keys(result, key_check.kind, handling, ids)

    def payment_link(self, payment_id: str) -> str:
        """Return the hosted page of a payment or invoice, to send a payer to (docs: create-payment).

        >>> InventPay("pk_live_1").payment_link("cmh123abc456def")
        'https://inventpay.io/invoice/cmh123abc456def'

        With a ``base_url`` of your own, such as the sandbox's, the page is expected there, under ``/invoice/``.
        Raises InvalidArgumentError for an empty id.
        """
        from urllib.parse import quote

        from .._api.arguments import identifier

        return self._invoice_page + quote(identifier(payment_id, "payment_id"), safe="")

    @property
    def _invoice_page(self) -> str:
        return INVOICE_URL if self._base_url == BASE_URL else f"{self._base_url}/invoice/"

    @property
    def rate_limits(self) -> Mapping[RateClass, ClassSnapshot]:
        """The state of the rate limits, by class: limit, available, leased, waiting, and seconds to the next token.

        >>> InventPay("pk_live_1").rate_limits[RateClass.WITHDRAWALS].limit
        10
        """
        return self._limiter.snapshot(self._backend.now())

    def add_hook(self, hook: Hook) -> None:
        """Add a callable that gets every event of :mod:`inventpay.hooks` from now on, as ``hooks=`` does.

        It gets the events of all siblings made by :meth:`with_options`, too. Adding an equal one twice is the same as
        once. Raises ConfigurationError for one that is no plain function.

        >>> InventPay("pk_live_1").add_hook(print)
        """
        from .._transport.settings import checked_hook

        if checked_hook(hook) not in self._hooks:
            self._hooks.append(hook)

    def close(self) -> None:
        """Close the connections; calls that follow raise ConfigurationError. Closing twice does no harm."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


_GROUPS: Final = tuple(name for name, value in vars(InventPay).items() if isinstance(value, cached_property))
"""The groups of calls. Each has the options of the client it was made by."""
