"""Judge from one answer, or the lack of one, whether the API can be reached and takes the key. Nothing here is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import evolve, frozen

from .._core import rate_limit_headers
from .._core.json_values import is_object, shown
from ..errors import APIConnectionError, ConnectionFailure, DecodeError, InventPayError, RateLimitTimeoutError
from ..responses import APIResponse
from . import arguments
from .call import Call
from .endpoints import BALANCES

if TYPE_CHECKING:
    from ..models import Payment
    from ..models.withdrawals import Withdrawal
    from .amounts import Amount

__all__ = ["CheckResult", "CheckState", "KeyHandling"]


KeyHandling = Literal["honoured", "ignored", "unclear"]
"""The API's treatment of idempotency keys.

- ``"honoured"``: the same key gets the same answer, another key another one.
- ``"ignored"``: the same key created a second thing.
- ``"unclear"``: another key got the same answer, so the API folds equal requests, whatever their keys.
"""

KEY_CHECK_AMOUNT: Final = 10
"""assumed: US dollars of a payment that no minimum of the API refuses; no source states one."""

KEY_CHECK_CURRENCY: Final = "USDT_BEP20"
"""The coin of these payments: every source lists it."""

KEY_CHECK_MINUTES: Final = 5
"""Minutes for which the payments of a key check stay open: the fewest that the API accepts."""


class CheckState(StrEnum):
    """The states that ``client.check()`` can find."""

    OK = "ok"
    """The API answered, and takes the key."""
    KEY_REFUSED = "key_refused"
    """The API answered, and does not take the key."""
    RATE_LIMITED = "rate_limited"
    """The API, or the client's own rate limit, says: later."""
    UNREACHABLE = "unreachable"
    """There was no answer; ``reason`` gives the reason."""
    NOT_THE_API = "not_the_api"
    """The answer did not come from the API: a wrong ``base_url``, a proxy, the page of a hotel's wireless network."""
    SERVER_ERROR = "server_error"
    """The API, or what stands in front of it, failed: 5xx."""
    NOT_ASKED = "not_asked"
    """Nothing could be sent: a proxy address or a certificate file cannot be used, the client is closed, or the shared
    limiter cannot be reached."""


@frozen(kw_only=True)
class CheckResult:
    """The result of ``client.check()``; true in an ``if`` when all is well."""

    state: CheckState
    message: str
    """The state in words, for people."""
    base_url: str
    """The base URL that was asked."""
    proxy: str | None = None
    """The proxy in use, from ``proxy=`` or the environment, without its credentials; ``None`` where there is none, or
    where it is not known: with ``http_client=`` and a ``transport=`` of your own."""
    reason: ConnectionFailure | None = None
    """The reason, where the API is unreachable."""
    status: int | None = None
    """HTTP status of the answer."""
    latency: float | None = None
    """Seconds from sending the request to the end of the answer; a new connection, where one was needed, included."""
    clock_skew: float | None = None
    """Seconds by which the server's clock is ahead of this machine's, good to about a second; ``None`` where the server
    does not say."""
    limit: int | None = None
    """Calls of this class in one window, as the server sees it; ``None`` where it does not say."""
    remaining: int | None = None
    """Number of calls that are left, as the server sees it."""
    reset_in: float | None = None
    """Seconds until they are whole again, as the server sees it."""
    retry_after: float | None = None
    """Seconds to wait before the next call, where the server or the client's own limit asks for that."""
    idempotency: KeyHandling | None = None
    """The API's treatment of idempotency keys; ``None`` where that was not checked, or could not be found out."""
    created_ids: tuple[str, ...] = ()
    """The ids of the payments or withdrawals that the check of idempotency keys created."""

    @property
    def ok(self) -> bool:
        """Whether the API answered and takes the key."""
        return self.state is CheckState.OK

    def __bool__(self) -> bool:
        return self.ok


def probe() -> Call[APIResponse]:
    """Return one cheap call that needs the key and changes nothing: ``GET /v1/merchant/balance``."""
    return Call(endpoint=BALANCES, path=BALANCES.template, read=lambda response: response)


def judge(response: APIResponse, *, base_url: str, proxy: str | None, latency: float, now: datetime) -> CheckResult:
    """Return the result for an answer that came at ``now``."""
    state, message = _verdict(response)
    facts: dict[str, Any] = {}
    # Headers of a stranger say nothing about the API.
    if state is not CheckState.NOT_THE_API:
        view = rate_limit_headers.read(response.headers, wall_now=now.timestamp())
        if view is not None:
            facts = {name: getattr(view, name) for name in ("limit", "remaining", "reset_in", "retry_after")}
        facts["clock_skew"] = _skew(response.headers.get("date"), latency, now)
    return CheckResult(
        state=state,
        message=message,
        base_url=base_url,
        proxy=proxy,
        status=response.status,
        latency=latency,
        **facts,
    )


def judge_failure(error: InventPayError, *, base_url: str, proxy: str | None) -> CheckResult:
    """Return the result for a missing answer."""
    facts: dict[str, Any] = {"base_url": base_url, "proxy": proxy}
    if isinstance(error, RateLimitTimeoutError):
        message = f"nothing was asked: {error.message}"
        return CheckResult(state=CheckState.RATE_LIMITED, message=message, retry_after=error.wait, **facts)
    if isinstance(error, APIConnectionError):
        by_proxy = "" if proxy is None else f" (through the proxy {proxy})"
        message = f"{_REASONS[error.reason]}{by_proxy}: {error.message}{_hint(error)}"
        return CheckResult(state=CheckState.UNREACHABLE, message=message, reason=error.reason, **facts)
    if isinstance(error, DecodeError):
        # Longer than any answer of the API, or broken off.
        return CheckResult(state=CheckState.NOT_THE_API, message=error.message, **facts)
    return CheckResult(state=CheckState.NOT_ASKED, message=f"nothing was asked: {error.message}", **facts)


def _hint(error: APIConnectionError) -> str:
    """Return advice where an unknown authority signed the certificate, as in networks whose firewall opens TLS."""
    if error.reason != "tls" or not any(sign in error.message.lower() for sign in _UNKNOWN_AUTHORITY):
        return ""
    return (
        "; the certificate is signed by an authority that is not known here: behind a firewall that inspects "
        'traffic pass its CA as verify="/path/to/ca.pem", or set SSL_CERT_FILE to a file that contains it'
    )


_UNKNOWN_AUTHORITY: Final = ("self-signed certificate", "self signed certificate", "unable to get local issuer")
"""OpenSSL's words for a certificate chain that ends at a root which is not trusted."""


_REASONS: dict[ConnectionFailure, str] = {
    "dns": "the host's name cannot be looked up",
    "tls": "no encrypted connection can be made",
    "timeout": "no server answers in time",
    "proxy": "the proxy refuses",
    "refused": "no server listens there",
    "other": "there is no connection",
}


@frozen(kw_only=True)
class KeyCheck:
    """The calls of a check of idempotency keys."""

    kind: Literal["payment", "withdrawal"]
    make: Callable[[str], Call[Any]]
    """Builds the creation under a key. Every call but for the key is the same."""
    id_of: Callable[[Any], str]
    """Returns the id of what was created."""


def key_check(
    idempotency: object,
    amount: Amount | None,
    currency: str | None,
    destination_address: str | None,
    *,
    check_address: bool = True,
    testnet: bool = False,
) -> KeyCheck | None:
    """Return the calls that check idempotency keys, ``None`` where nothing is to be checked.

    Raises InvalidArgumentError where arguments are missing or belong to the other kind.
    """
    if idempotency is False:
        for name, value in (("amount", amount), ("currency", currency), ("destination_address", destination_address)):
            if value is not None:
                raise arguments.refused(name, 'is for idempotency="payment" or "withdrawal" only')
        return None
    if idempotency is True or idempotency == "payment":
        if destination_address is not None:
            raise arguments.refused("destination_address", 'is for idempotency="withdrawal" only')
        from .payments import create_payment

        def make_payment(key: str) -> Call[Payment]:
            return create_payment(
                amount=KEY_CHECK_AMOUNT if amount is None else amount,
                amount_currency="USD",
                currency=KEY_CHECK_CURRENCY if currency is None else currency,
                order_id=None,
                description="inventpay: check of idempotency keys",
                callback_url=None,
                expiration_minutes=KEY_CHECK_MINUTES,
                idempotency_key=key,
            )

        make_payment("arguments are checked before anything is sent")
        return KeyCheck(kind="payment", make=make_payment, id_of=lambda payment: payment.payment_id)
    if idempotency != "withdrawal":
        raise arguments.refused_value("idempotency", idempotency, 'must be True, False, "payment" or "withdrawal"')
    if amount is None or currency is None or destination_address is None:
        raise arguments.refused(
            "idempotency", '="withdrawal" needs amount=, currency= and destination_address=, an address of your own'
        )
    sum_paid, coin, address = amount, currency, destination_address
    from .withdrawals import create_withdrawal

    def make_withdrawal(key: str) -> Call[Withdrawal]:
        return create_withdrawal(
            amount=sum_paid,
            currency=coin,
            destination_address=address,
            description="inventpay: check of idempotency keys",
            idempotency_key=key,
            check_address=check_address,
            testnet=testnet,
        )

    make_withdrawal("arguments are checked before anything is sent")
    return KeyCheck(kind="withdrawal", make=make_withdrawal, id_of=lambda withdrawal: withdrawal.withdrawal_id)


def judge_keys(first: str, again: str, other: str | None = None) -> KeyHandling:
    """Return how keys are treated, from the ids made under key A, key A again, and key B."""
    if first != again:
        return "ignored"
    return "unclear" if first == other else "honoured"


def with_keys(result: CheckResult, kind: str, handling: KeyHandling, ids: tuple[str, ...]) -> CheckResult:
    """Return the result with what the check of idempotency keys found."""
    found = {
        "honoured": f"idempotency keys of {kind}s are honoured",
        "ignored": f"idempotency keys of {kind}s are IGNORED: a repeated call would have a second effect",
        "unclear": f"the API folds equal {kind}s, so whether it honours idempotency keys stays unclear",
    }[handling]
    return evolve(result, message=f"{result.message}; {found}", idempotency=handling, created_ids=ids)


def without_keys(result: CheckResult, kind: str, error: InventPayError) -> CheckResult:
    """Return the result of a check of idempotency keys that ended with an error."""
    reason = f"idempotency keys of {kind}s could not be checked: {error}"
    return evolve(result, message=f"{result.message}; {reason}")


def _verdict(response: APIResponse) -> tuple[CheckState, str]:
    status = response.status
    document = _document(response)
    said = next((text for name in ("error", "message") if isinstance(text := document.get(name), str) and text), None)
    reason = f"{status}, {said!r}" if said else str(status)
    if status == 429:
        return CheckState.RATE_LIMITED, f"the rate limit of this key is used up ({reason})"
    if 500 <= status < 600:
        return CheckState.SERVER_ERROR, f"the server failed ({reason})"
    if document.get("success") is True and is_object(document.get("data")) and 200 <= status < 300:
        return CheckState.OK, "the API answers and takes the key"
    if status in (401, 403) and document.get("success") is False:
        return CheckState.KEY_REFUSED, f"the API answers, but does not take the key ({reason})"
    if 300 <= status < 400:
        return CheckState.NOT_THE_API, f"the answer leads elsewhere: {status} to {response.headers.get('location')!r}"
    start = response.body[:60].decode("utf-8", "replace").strip()
    body = f"its body starts with {shown(start)}" if start else "its body is empty"
    return CheckState.NOT_THE_API, f"the answer is not one of the API: status {status}, {body}"


def _document(response: APIResponse) -> dict[str, Any]:
    try:
        document = response.json()
    except DecodeError:
        return {}
    return document if is_object(document) else {}


def _skew(date: str | None, latency: float, now: datetime) -> float | None:
    if date is None:
        return None
    try:
        server = parsedate_to_datetime(date)
    except ValueError:
        return None
    if server.tzinfo is None:
        server = server.replace(tzinfo=UTC)
    # The header is cut to the second, and was written while the answer was on its way.
    return (server - now).total_seconds() + 0.5 + latency / 2
