"""Calls as data: one row per endpoint, one pure builder per call.

A :class:`Call` says everything about one request and how to read its answer, so that the transport needs to know no
endpoint.
"""

from __future__ import annotations

import contextlib
import functools
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Literal, ParamSpec, TypeVar
from urllib.parse import quote, unquote, urlencode

from attrs import field, frozen

from . import answers, arguments
from .converter import write_json
from .errors import DecodeError, InvalidArgumentError
from .failures import checked_document
from .json_values import shown
from .models import Balance, Balances, Invoice, Payment, PaymentStatus, Withdrawal
from .money import MAX_DIGITS, Amount, read_amount
from .options import RateClass
from .responses import APIResponse

T = TypeVar("T")
P = ParamSpec("P")

Safety = Literal["read", "repeatable", "once"]
"""What repeating a call could do.

- ``"read"``: it changes nothing.
- ``"repeatable"``: it moves no money, and either its key makes the API replay the first answer or saying it twice is
  the same as once; repeated after any failure that a second try may cure.
- ``"once"``: it moves money, or nobody knows what it does; repeated only when the first try certainly had no effect.
"""


@frozen(kw_only=True)
class Endpoint:
    """One row of the API's table."""

    method: str
    template: str
    """Path with ``{names}``, as metrics and logs show it."""
    rate_class: RateClass
    """The class whose limit a call counts against."""
    safety: Safety
    public: bool = False
    """Whether it is called without the API key."""
    withdrawal_key: bool = False
    """Whether it needs the withdrawal key too."""
    kept: bool = False
    """Whether its latest answer is remembered for callers that accept a recent one."""

    @property
    def name(self) -> str:
        """``"GET /v1/merchant/balance"``, the key in ``RateLimits(classes=...)``."""
        return f"{self.method} {self.template}"


@frozen(kw_only=True)
class Call(Generic[T]):
    """One request, and how to read its answer. ``send(Call[T])`` returns ``T``."""

    endpoint: Endpoint
    path: str
    """Percent-encoded path and query."""
    read: Callable[[APIResponse], T] = field(repr=False)
    """Reads a 2xx answer; raises DecodeError, or APIStatusError for ``success: false``."""
    body: bytes | None = field(default=None, repr=False)
    idempotency_key: str | None = None


# The table. The documentation names four classes (100, 300, 10 and 60 a minute) without listing their endpoints.
# assumed: invoices count as payment creations, and reading one withdrawal counts as "other".
CREATE_PAYMENT: Final = Endpoint(
    method="POST", template="/v1/create_payment", rate_class=RateClass.PAYMENT_CREATION, safety="repeatable"
)
CREATE_INVOICE: Final = Endpoint(
    method="POST", template="/v1/create_invoice", rate_class=RateClass.PAYMENT_CREATION, safety="repeatable"
)
PAYMENT_STATUS: Final = Endpoint(
    method="GET",
    template="/v1/invoice/{paymentId}/status",
    rate_class=RateClass.STATUS_CHECKS,
    safety="read",
    public=True,
)
BALANCES: Final = Endpoint(
    method="GET", template="/v1/merchant/balance", rate_class=RateClass.OTHER, safety="read", kept=True
)
BALANCE: Final = Endpoint(
    method="GET", template="/v1/merchant/balance/{currency}", rate_class=RateClass.OTHER, safety="read", kept=True
)
CREATE_WITHDRAWAL: Final = Endpoint(
    method="POST",
    template="/v1/merchant/withdrawal/create",
    rate_class=RateClass.WITHDRAWALS,
    safety="once",
    withdrawal_key=True,
)
WITHDRAWAL: Final = Endpoint(
    method="GET", template="/v1/withdrawal/{withdrawalId}", rate_class=RateClass.OTHER, safety="read"
)

ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    endpoint.name: endpoint
    for endpoint in (
        CREATE_PAYMENT,
        CREATE_INVOICE,
        PAYMENT_STATUS,
        BALANCES,
        BALANCE,
        CREATE_WITHDRAWAL,
        WITHDRAWAL,
    )
}


def new_idempotency_key() -> str:
    """A key nobody used before (docs: "Use a unique key for each unique request"; the API keeps them for 24 hours)."""
    return str(uuid.uuid4())


def _of(endpoint: Endpoint) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Names the endpoint on every refusal of its builder."""

    def decorate(build: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(build)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return build(*args, **kwargs)
            except InvalidArgumentError as error:
                error.method, error.path = endpoint.method, endpoint.template
                raise

        return checked

    return decorate


@_of(CREATE_PAYMENT)
def create_payment(
    *,
    amount: Amount,
    amount_currency: str,
    currency: str,
    order_id: str | None,
    description: str | None,
    callback_url: str | None,
    expiration_minutes: int | None,
    idempotency_key: str | None,
) -> Call[Payment]:
    """``POST /v1/create_payment``."""
    coin = arguments.currency(currency, "currency")
    body = {
        "amount": read_amount(amount),
        "amountCurrency": arguments.currency(amount_currency, "amount_currency"),
        "currency": coin,
        **_payment_options(order_id, description, callback_url, expiration_minutes),
    }
    return Call(
        endpoint=CREATE_PAYMENT,
        path=CREATE_PAYMENT.template,
        read=lambda response: answers.payment(checked_document(response), currency=coin),
        body=write_json(body),
        idempotency_key=_key(idempotency_key),
    )


@_of(CREATE_INVOICE)
def create_invoice(
    *,
    amount: Amount,
    amount_currency: str,
    order_id: str | None,
    description: str | None,
    callback_url: str | None,
    expiration_minutes: int | None,
    idempotency_key: str | None,
) -> Call[Invoice]:
    """``POST /v1/create_invoice``."""
    body = {
        "amount": read_amount(amount),
        "amountCurrency": arguments.currency(amount_currency, "amount_currency"),
        **_payment_options(order_id, description, callback_url, expiration_minutes),
    }
    return Call(
        endpoint=CREATE_INVOICE,
        path=CREATE_INVOICE.template,
        read=lambda response: answers.invoice(checked_document(response)),
        body=write_json(body),
        idempotency_key=_key(idempotency_key),
    )


@_of(PAYMENT_STATUS)
def payment_status(payment_id: str) -> Call[PaymentStatus]:
    """``GET /v1/invoice/{paymentId}/status``."""
    payment_id = arguments.identifier(payment_id, "payment_id")
    return Call(
        endpoint=PAYMENT_STATUS,
        path=f"/v1/invoice/{arguments.segment(payment_id)}/status",
        read=lambda response: answers.payment_status(checked_document(response), payment_id=payment_id),
    )


@_of(BALANCES)
def balances() -> Call[Balances]:
    """``GET /v1/merchant/balance``."""
    return Call(
        endpoint=BALANCES, path=BALANCES.template, read=lambda response: answers.balances(checked_document(response))
    )


@_of(BALANCE)
def balance(currency: str) -> Call[Balance]:
    """``GET /v1/merchant/balance/{currency}``."""
    coin = arguments.currency(currency, "currency")
    return Call(
        endpoint=BALANCE,
        path=f"/v1/merchant/balance/{coin}",
        read=lambda response: answers.balance(checked_document(response), currency=coin),
    )


@_of(CREATE_WITHDRAWAL)
def create_withdrawal(
    *,
    amount: Amount,
    currency: str,
    destination_address: str,
    description: str | None,
    idempotency_key: str | None,
) -> Call[Withdrawal]:
    """``POST /v1/merchant/withdrawal/create``."""
    coin = arguments.currency(currency, "currency")
    body: dict[str, Any] = {
        "amount": read_amount(amount),
        "currency": coin,
        "destinationAddress": arguments.address(destination_address),
    }
    if description is not None:
        body["description"] = arguments.text(description, "description", at_most=arguments.DESCRIPTION_LENGTH)
    return Call(
        endpoint=CREATE_WITHDRAWAL,
        path=CREATE_WITHDRAWAL.template,
        read=lambda response: answers.withdrawal(checked_document(response), currency=coin),
        body=write_json(body),
        idempotency_key=_key(idempotency_key),
    )


@_of(WITHDRAWAL)
def withdrawal(withdrawal_id: str) -> Call[Withdrawal]:
    """``GET /v1/withdrawal/{withdrawalId}``."""
    withdrawal_id = arguments.identifier(withdrawal_id, "withdrawal_id")
    return Call(
        endpoint=WITHDRAWAL,
        path=f"/v1/withdrawal/{arguments.segment(withdrawal_id)}",
        read=lambda response: answers.withdrawal(checked_document(response), withdrawal_id=withdrawal_id),
    )


def request(
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None,
    json: Any,
    idempotency_key: str | None,
) -> Call[APIResponse]:
    """Any path of the API. A known one keeps its rate class, keys and retry rule; an unknown POST is sent once."""
    endpoint = _endpoint_for(_method(method), _path(path))

    @_of(endpoint)
    def build() -> Call[APIResponse]:
        query = urlencode(_query(params), quote_via=quote)
        wants_key = endpoint.method == "POST" or idempotency_key is not None
        return Call(
            endpoint=endpoint,
            path=f"{path}?{query}" if query else path,
            read=_raw,
            body=None if json is None else _json_body(json),
            idempotency_key=_key(idempotency_key) if wants_key else None,
        )

    return build()


def _payment_options(
    order_id: str | None, description: str | None, callback_url: str | None, expiration_minutes: int | None
) -> dict[str, Any]:
    """Members that both kinds of payment share. ``None`` leaves one out; everything else is sent as given."""
    members: dict[str, Any] = {}
    if order_id is not None:
        members["orderId"] = arguments.text(order_id, "order_id", at_most=arguments.ORDER_ID_LENGTH)
    if description is not None:
        members["description"] = arguments.text(description, "description", at_most=arguments.DESCRIPTION_LENGTH)
    if callback_url is not None:
        members["callbackUrl"] = arguments.callback_url(callback_url)
    if expiration_minutes is not None:
        members["expirationMinutes"] = arguments.expiration_minutes(expiration_minutes)
    return members


def _key(chosen: str | None) -> str:
    return new_idempotency_key() if chosen is None else arguments.idempotency_key(chosen)


_METHODS: Final[Mapping[str, Safety]] = {
    "GET": "read",
    "HEAD": "read",
    # RFC 9110, section 9.2.2: saying these twice is the same as saying them once.
    "PUT": "repeatable",
    "DELETE": "repeatable",
    "POST": "once",
    "PATCH": "once",
}


def _method(value: object) -> str:
    if not isinstance(value, str) or value.upper() not in _METHODS:
        raise arguments.refused_value("method", value, f"must be one of {', '.join(_METHODS)}")
    return value.upper()


_PATH: Final = re.compile(r"(/([A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)+/?", re.ASCII)


def _path(value: object) -> str:
    if not isinstance(value, str) or len(value) > arguments.URL_LENGTH or not _PATH.fullmatch(value):
        raise arguments.refused_value(
            "path",
            value,
            'must be a percent-encoded path such as "/v1/merchant/balance"; '
            "the query goes into params=, the host into base_url=",
        )
    # Servers disagree on whether %2F and a backslash separate segments; here they do.
    if any(segment in (".", "..") for segment in re.split(r"[/\\]", unquote(value))):
        raise arguments.refused_value("path", value, 'must not hold "." or ".." segments, encoded or not')
    return value


def _endpoint_for(method: str, path: str) -> Endpoint:
    for endpoint in ENDPOINTS.values():
        if endpoint.method == method and _pattern(endpoint.template).fullmatch(path):
            return endpoint
    return Endpoint(method=method, template=path, rate_class=RateClass.OTHER, safety=_METHODS[method])


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", template))))


def _json_body(value: Any) -> bytes:
    try:
        return write_json(value)
    except RecursionError:
        raise arguments.refused("json", "cannot be written: it is nested too deeply, or holds itself") from None
    except (TypeError, ValueError) as error:
        raise arguments.refused("json", f"cannot be written: {error}") from None


def _query(params: object) -> list[tuple[str, str]]:
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise arguments.refused("params", f"must be a dict, not {type(params).__name__}")
    members: Mapping[Any, Any] = params  # pyright: ignore[reportUnknownVariableType]
    pairs: list[tuple[str, str]] = []
    for name, value in members.items():
        argument = f"params[{shown(name)}]"
        checked = arguments.text(name, f"the name in {argument}", at_most=arguments.URL_LENGTH)
        if value is not None:
            pairs.append((checked, arguments.text(_as_text(value, argument), argument, at_most=arguments.URL_LENGTH)))
    return pairs


def _as_text(value: object, argument: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= 10**MAX_DIGITS:
            raise arguments.refused(argument, f"has more than {MAX_DIGITS} digits")
        return int.__repr__(value)
    if isinstance(value, str):
        return value
    raise arguments.refused(argument, f"must be a str, int, bool or None, not {type(value).__name__}")


def _raw(response: APIResponse) -> APIResponse:
    # Not every path need answer JSON; who asks for a raw answer reads it.
    with contextlib.suppress(DecodeError):
        checked_document(response)
    return response
