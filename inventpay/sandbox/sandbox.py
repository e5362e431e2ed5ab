"""The sandbox for Python code: its state, its controls, its application and its server."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Protocol

from starlette.applications import Starlette

from .. import AsyncInventPay, InventPay, LocalLimiter, RateLimits
from .._core.unpicklable import Unpicklable
from . import assumptions, state_file
from .app import create_app
from .clock import Clock, SandboxClock, system_time
from .errors import invalid
from .http import fields, server
from .http.access import Keys
from .http.faults import Faults
from .http.idempotency import IdempotencyStore
from .http.origin_check import OriginCheck
from .http.request_log import RequestLog
from .http.transport import SandboxTransport
from .limits.rate_limit_headers import RateLimitHeaders
from .limits.rate_limiting import RateLimiting
from .limits.rate_limits import RateLimitPolicy, SlidingLog, Unlimited
from .merchant import money
from .merchant.addresses import ADDRESSES, Addresses
from .merchant.balances import Balance
from .merchant.coins import Coin
from .merchant.payments import Payment
from .merchant.state import State
from .merchant.withdrawals import CONTROL_FAILURE, Withdrawal
from .shapes.variants import Variants
from .store.shop import Shop
from .webhooks.settings import WebhookSettings
from .webhooks.webhooks import Webhooks
from .world import World, new_world

Amount = Decimal | int | str


class _HasPaymentId(Protocol):
    @property
    def payment_id(self) -> str: ...


class _HasWithdrawalId(Protocol):
    @property
    def withdrawal_id(self) -> str: ...


PaymentOrId = str | _HasPaymentId
WithdrawalOrId = str | _HasWithdrawalId

# The limits of clients of a sandbox without limits: more calls than a test makes.
_NO_LIMITS = RateLimits(payment_creation=10**6, status_checks=10**6, withdrawals=10**6, other=10**6)


class Sandbox(Unpicklable):
    """A stand-in of the InventPay API with one merchant, whose payers, chain and payout desk are methods here.

    ``app`` is the ASGI application, ``state`` the records, ``shop`` those of the store, ``webhooks`` the deliveries,
    ``clock`` its time, ``request_counts`` the number of requests by (method and path, status), ``request_log`` the
    newest requests, ``faults`` the planned faults, ``variants`` the shapes of answers. All methods are safe to call
    from any thread while a server runs, and raise ``SandboxError``: 404 for an unknown id, 409 if the state of the
    payment or withdrawal does not allow the step, 400 for an invalid amount or currency. Amounts are in the coin, as
    ``Decimal``, ``int`` or ``str``. Where an id is asked for, the payment or withdrawal itself does too.

    Example::

        sandbox = Sandbox()
        with sandbox.run() as server:
            ...                                      # a client with base_url=server.url creates a payment
            sandbox.pay(payment_id)                  # and now it is COMPLETED
    """

    def __init__(
        self,
        *,
        api_key: str = assumptions.API_KEY,
        withdrawal_key: str = assumptions.WITHDRAWAL_KEY,
        clock: Clock = system_time,
        rate_limits: RateLimitPolicy | None = None,
        rate_limit_headers: RateLimitHeaders | str = RateLimitHeaders.X_RATELIMIT,
        webhooks: WebhookSettings | None = None,
        seed: int | None = None,
        allowed_hosts: Collection[str] = (),
        public_url: str | None = None,
        addresses: Addresses = "safe",
        late_payments: bool = True,
    ) -> None:
        """Create a sandbox without records.

        Takes the accepted keys, the clock, the rate limits (by default ``SlidingLog()``), the form of the headers that
        report them, the webhook settings, and the seed of random faults and response variants. ``allowed_hosts`` are
        further host names under which requests may come, such as the name of a container; ``"*"`` is any.
        ``public_url`` is the base of links in answers, if payers reach the sandbox under another URL than the merchant.
        ``addresses="valid"`` makes addresses of the main networks, for tests of validators: money sent to one is lost.
        ``late_payments=False`` refuses transfers to an expired payment.

        Raises ``ValueError`` for a key that is not valid in a header, an unknown form or kind of addresses, or a host
        with scheme, port or path.
        """
        if addresses not in ADDRESSES:
            raise ValueError(f'addresses must be "safe" or "valid", not {addresses!r}.')
        policy = SlidingLog() if rate_limits is None else rate_limits
        self.world: World = new_world(
            keys=Keys(api_key=api_key, withdrawal_key=withdrawal_key),
            clock=clock,
            limits=RateLimiting(policy, RateLimitHeaders(rate_limit_headers)),
            webhooks=webhooks or WebhookSettings(),
            seed=seed,
            addresses=addresses,
            late_payments=late_payments,
            origin_check=OriginCheck(allowed_hosts),
            public_url=None if public_url is None else public_url.rstrip("/"),
        )
        world = self.world
        self.clock: SandboxClock = world.clock
        self.idempotency: IdempotencyStore = world.idempotency
        self.request_log: RequestLog = world.request_log
        self.faults: Faults = world.faults
        self.variants: Variants = world.variants
        self.state: State = world.state
        self.webhooks: Webhooks = world.webhooks
        self.shop: Shop = world.shop
        self.app: Starlette = create_app(world)
        self._transport = SandboxTransport(self.app)
        self._servers: list[server.RunningServer] = []

    # Settings that may be replaced

    @property
    def api_key(self) -> str:
        """The merchant's API key. Setting it raises ``ValueError`` for a key that is not valid in a header."""
        return self.world.keys.api_key

    @api_key.setter
    def api_key(self, key: str) -> None:
        self.world.keys.api_key = key

    @property
    def withdrawal_key(self) -> str:
        """The merchant's withdrawal key. Setting it raises ``ValueError`` for a key that is not valid in a header."""
        return self.world.keys.withdrawal_key

    @withdrawal_key.setter
    def withdrawal_key(self, key: str) -> None:
        self.world.keys.withdrawal_key = key

    @property
    def rate_limits(self) -> RateLimitPolicy:
        """The policy that counts calls."""
        return self.world.limits.policy

    @rate_limits.setter
    def rate_limits(self, policy: RateLimitPolicy) -> None:
        self.world.limits.policy = policy

    @property
    def rate_limit_headers(self) -> RateLimitHeaders:
        """The form of the headers that report the rate limits."""
        return self.world.limits.headers

    @rate_limit_headers.setter
    def rate_limit_headers(self, form: RateLimitHeaders | str) -> None:
        self.world.limits.headers = RateLimitHeaders(form)

    @property
    def request_counts(self) -> Counter[tuple[str, int]]:
        """Number of requests by (method with path pattern, status)."""
        return self.request_log.counts

    # Payments, balances and withdrawals

    def payment(self, payment_id: PaymentOrId) -> Payment:
        """Return the payment or invoice in its present state."""
        return self.state.payment(_id(payment_id, "payment_id"))

    def select(self, payment_id: PaymentOrId, currency: str) -> Payment:
        """Play the payer of an invoice, who chooses ``currency``."""
        return self.state.select(_id(payment_id, "payment_id"), fields.coin(currency))

    def pay(
        self,
        payment_id: PaymentOrId,
        amount: Amount | None = None,
        *,
        currency: str | None = None,
        confirmations: int | None = None,
    ) -> Payment:
        """Play the payer, who sends ``amount``, by default the whole missing amount.

        ``confirmations`` is by default enough to complete the payment. ``currency`` is required if the payer of an
        invoice has not chosen yet.
        """
        return self.state.pay(_id(payment_id, "payment_id"), _amount(amount), _coin(currency), confirmations)

    def underpay(
        self, payment_id: PaymentOrId, amount: Amount | None = None, *, currency: str | None = None
    ) -> Payment:
        """Play the payer, who sends less than the missing amount (by default half): the payment is UNDERPAID."""
        return self.state.underpay(_id(payment_id, "payment_id"), _amount(amount), _coin(currency))

    def overpay(self, payment_id: PaymentOrId, amount: Amount | None = None, *, currency: str | None = None) -> Payment:
        """Play the payer, who sends more than the missing amount (by default 1.5 times), fully confirmed."""
        return self.state.overpay(_id(payment_id, "payment_id"), _amount(amount), _coin(currency))

    def confirm(self, payment_id: PaymentOrId, confirmations: int | None = None) -> Payment:
        """Confirm the received transfers, by default with the number of confirmations that the coin needs."""
        return self.state.confirm(_id(payment_id, "payment_id"), confirmations)

    def expire(self, payment_id: PaymentOrId) -> Payment:
        """Expire the payment now."""
        return self.state.expire(_id(payment_id, "payment_id"))

    def fail(self, payment_id: PaymentOrId) -> Payment:
        """Make the payment fail."""
        return self.state.fail(_id(payment_id, "payment_id"))

    def deposit(self, currency: str, amount: Amount) -> Balance:
        """Add to the merchant's available balance."""
        return self.state.deposit(fields.coin(currency), _checked(amount)).balance

    def balance(self, currency: str) -> Balance:
        """Return the merchant's balance of one coin."""
        return self.state.balance(fields.coin(currency)).balance

    def withdrawal(self, withdrawal_id: WithdrawalOrId) -> Withdrawal:
        """Return the withdrawal in its present state."""
        return self.state.withdrawal(_id(withdrawal_id, "withdrawal_id"))

    def process_withdrawal(self, withdrawal_id: WithdrawalOrId) -> Withdrawal:
        """Move a PENDING withdrawal to PROCESSING."""
        return self.state.process_withdrawal(_id(withdrawal_id, "withdrawal_id"))

    def complete_withdrawal(self, withdrawal_id: WithdrawalOrId) -> Withdrawal:
        """Complete the withdrawal: the money has arrived at its destination."""
        return self.state.complete_withdrawal(_id(withdrawal_id, "withdrawal_id"))

    def fail_withdrawal(self, withdrawal_id: WithdrawalOrId, reason: str | None = None) -> Withdrawal:
        """Make the withdrawal fail; its amount is available again."""
        return self.state.fail_withdrawal(_id(withdrawal_id, "withdrawal_id"), reason or CONTROL_FAILURE)

    def reset(self) -> None:
        """Return to the first state.

        Deletes payments, withdrawals, balances, counted calls, idempotency keys, webhook deliveries and planned faults;
        restores the documented responses and the clock.
        """
        self.world.reset()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all records, the clock and the webhook log to one JSON file, atomically.

        Raises ``StateFileError`` if it cannot be written.
        """
        state_file.save(self.world, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Replace all records with those of a file that ``save`` wrote.

        Raises ``StateFileError``, which names the problem and its place, for any other file; then nothing has changed.
        """
        state_file.load(self.world, path)

    @contextmanager
    def run(self, host: str = "127.0.0.1", port: int = 0) -> Generator[server.RunningServer, None, None]:
        """Serve in a thread while the ``with`` block runs, and deliver webhooks; port 0 takes a free one.

        Raises ``AddressError`` if it cannot listen on the address, and ``ValueError`` for an address that other
        machines reach if no ``allowed_hosts`` are set.
        """
        self.world.origin_check.require(host)
        with server.run_in_thread(self.app, host, port) as running, self.webhooks.sending():
            self._servers.append(running)
            try:
                yield running
            finally:
                self._servers.remove(running)

    # Clients

    @property
    def url(self) -> str | None:
        """The base URL while the sandbox is served, else None."""
        return self._servers[-1].url if self._servers else None

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that direct clients and receivers of the code under test to this sandbox.

        Raises ``RuntimeError`` while the sandbox is not served: without a socket no other process can reach it.
        """
        if self.url is None:
            raise RuntimeError("The sandbox is not served; enter `with sandbox.run():` first.")
        return {
            "INVENTPAY_BASE_URL": self.url,
            "INVENTPAY_API_KEY": self.api_key,
            "INVENTPAY_WITHDRAWAL_KEY": self.withdrawal_key,
            "INVENTPAY_WEBHOOK_SECRET": self.webhooks.secret,
        }

    def transport(self) -> SandboxTransport:
        """Return a transport for ``transport=`` of both clients: requests stay in this process, without a socket."""
        return self._transport

    def client(self, **options: Any) -> InventPay:
        """Return a blocking client of this sandbox: over HTTP while it is served, else inside the process.

        It has the sandbox's keys and its own rate limits: the documented ones, or none if the sandbox is
        ``Unlimited()``. ``options`` are those of ``InventPay``.
        """
        return InventPay(**self._client_options(options))

    def async_client(self, **options: Any) -> AsyncInventPay:
        """Return an async client of this sandbox, for asyncio and trio; see ``client()``."""
        return AsyncInventPay(**self._client_options(options))

    def _client_options(self, options: dict[str, Any]) -> dict[str, Any]:
        there = {"transport": self._transport} if self.url is None else {"base_url": self.url}
        keys = {"api_key": self.api_key, "withdrawal_key": self.withdrawal_key}
        limits = options.get("rate_limits")
        if limits is None and isinstance(self.rate_limits, Unlimited):
            limits = _NO_LIMITS
        # Clients usually share their limits by key; then one test would wait for another.
        return {**there, **keys, "rate_limits": limits, "limiter": LocalLimiter(limits), **options}


def _id(value: object, name: str) -> str:
    found = value if isinstance(value, str) else getattr(value, name, None)
    if not isinstance(found, str):
        raise invalid({name: f"Must be an id, or what has a {name}; not {type(value).__name__}"})
    return found


def _amount(value: Amount | None) -> Decimal | None:
    return None if value is None else _checked(value)


def _checked(value: Amount) -> Decimal:
    try:
        return money.from_python(value)
    except ValueError as error:
        raise invalid({"amount": str(error)}) from None


def _coin(currency: str | None) -> Coin | None:
    return None if currency is None else fields.coin(currency)
