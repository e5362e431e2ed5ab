"""Frozen options with their defaults and the reasons for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Any, Final, Literal

from attrs import field, frozen

from ._core.json_values import shown
from .errors import ConfigurationError

__all__ = ["UNSET", "Counting", "RateClass", "RateLimits", "RetryPolicy", "Unset", "WatchSettings"]

BASE_URL: Final = "https://api.inventpay.io"
"""Where the API lives (docs: api-reference/introduction)."""

INVOICE_URL: Final = "https://inventpay.io/invoice/"
"""Hosted invoice pages (docs: create-payment; the vendor's SDKs put ``www.`` in front, the documentation does not)."""

TIMEOUT: Final = 90.0
"""Seconds one call may take from its first token on, waits after a 429 included: more than the window of 60 s, so
that a 429 is waited out."""

ATTEMPT_TIMEOUT: Final = 30.0
"""Seconds one attempt may take. The vendor's SDKs use the same figure."""

MAX_RETRIES: Final = 2
"""Retries after the first attempt: with the default pauses they bridge the second or two of a deployment."""

MAX_CONNECTIONS: Final = 100
"""Connections open at once. The limits allow 470 calls a minute, so a hundred serves answers as slow as 12 s."""

Counting = Literal["unknown", "window"]
"""When a token may be spent again; see :class:`RateLimits`."""


class RateClass(StrEnum):
    """The classes in which the API counts calls (docs: api-reference/introduction, "Rate Limits")."""

    PAYMENT_CREATION = "payment_creation"
    STATUS_CHECKS = "status_checks"
    WITHDRAWALS = "withdrawals"
    OTHER = "other"


def seconds(value: float | timedelta | None, name: str) -> float | None:
    """Return a duration in seconds; a ``timedelta`` is accepted, ``None`` means no bound."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    # bool is an int: timeout=True is a mistake, not one second.
    if isinstance(value, bool) or not isinstance(value, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{name} is seconds as a number or a timedelta, not {type(value).__name__}")
    # Not `value < 0`, which is false for NaN.
    if not value >= 0:
        raise ConfigurationError(f"{name} must be 0 or more seconds, not {shown(value)}")
    return None if value > sys.float_info.max else float(value)


def _at_least(minimum: float, *, whole: bool) -> Any:
    def check(instance: object, attribute: Any, value: Any) -> None:
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not minimum <= value <= sys.float_info.max:
            said = f"{attribute.name}={shown(value)}"
            # Users never see CallOptions: its fields are arguments of the client.
            where = said if isinstance(instance, CallOptions) else f"{type(instance).__name__}({said})"
            number = "a whole number" if whole else "a finite number"
            raise ConfigurationError(f"{where} must be {number} of at least {minimum:g}")

    return check


def _check_counting(_instance: object, _attribute: Any, value: Any) -> None:
    if value not in ("unknown", "window"):
        raise ConfigurationError(f'RateLimits(counting={shown(value)}) must be "unknown" or "window"')


def _check_burst(instance: object, attribute: Any, value: Any) -> None:
    if value is not None:
        _at_least(1, whole=True)(instance, attribute, value)


def _read_classes(value: Mapping[str, str]) -> Mapping[str, RateClass]:
    if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"RateLimits(classes=...) maps endpoints to classes; it is {shown(value)}")
    try:
        return {endpoint: RateClass(name) for endpoint, name in value.items()}
    except ValueError as error:
        known = ", ".join(RateClass)
        raise ConfigurationError(f"RateLimits(classes=...): {error}; the classes are {known}") from None


@frozen(kw_only=True)
class RateLimits:
    """The number of calls of each class that the API accepts in one window.

    The defaults are the documented ones (docs: api-reference/introduction, "Rate Limits"): 100 payment creations,
    300 status checks, 10 withdrawals and 60 other calls a minute.

    >>> RateLimits(status_checks=150).status_checks   # leave half of the budget to another service with the same key
    150

    Raises ConfigurationError for limits below 1 or a window that is not positive.
    """

    payment_creation: int = field(default=100, validator=_at_least(1, whole=True))
    """``create_payment`` and ``create_invoice`` calls in one window."""
    status_checks: int = field(default=300, validator=_at_least(1, whole=True))
    """Status calls in one window."""
    withdrawals: int = field(default=10, validator=_at_least(1, whole=True))
    """Withdrawal creations in one window."""
    other: int = field(default=60, validator=_at_least(1, whole=True))
    """All other calls in one window."""
    window: float = field(default=60.0, validator=_at_least(0.001, whole=False))
    """Seconds of one window."""
    counting: Counting = field(default="unknown", validator=_check_counting)  # pyright: ignore[reportAssignmentType] - widened to str
    """When a token may be spent again.

    ``"unknown"`` suits every counting the API may do (fixed windows, sliding logs, sliding-window counters, token
    buckets): after a burst it paces. ``"window"`` gives a token back one window after its answer: cheaper, bursts
    every window, right for fixed windows and sliding logs.
    """
    max_burst: int | None = field(default=None, validator=_check_burst)
    """Most calls at once after a quiet spell, for servers that allow only small bursts."""
    classes: Mapping[str, RateClass] = field(factory=dict[str, RateClass], converter=_read_classes, hash=False)
    """Endpoints counted differently from :data:`inventpay._api.ENDPOINTS`, such as
    ``{"GET /v1/withdrawal/{withdrawalId}": "status_checks"}``."""

    def limit(self, rate_class: RateClass) -> int:
        """Return the limit of one class."""
        limit: int = getattr(self, rate_class.value)
        return limit


IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
"""assumed: the documentation describes idempotency keys but lost the block that names their header; this is the name
that Stripe and the IETF draft (draft-ietf-httpapi-idempotency-key-header) use."""

# Headers the client sets itself; overriding one of them would break authentication, retries or the body.
_RESERVED_HEADERS: Final = frozenset(
    {"x-api-key", "x-withdrawal-key", "content-type", "content-length", "host", "transfer-encoding"}
)


def _check_flag(instance: object, attribute: Any, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{type(instance).__name__}({attribute.name}={shown(value)}) must be True or False")


def _is_header_name(name: str) -> bool:
    return name != "" and name.isascii() and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name)


def _check_header_name(_instance: object, _attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not _is_header_name(value) or value.lower() in _RESERVED_HEADERS:
        raise ConfigurationError(
            f"RetryPolicy(idempotency_header={shown(value)}) must be a header name that means nothing else"
        )


@frozen(kw_only=True)
class RetryPolicy:
    """When and how a call is repeated. How often is ``max_retries`` of the client.

    The pause before retry *n* is random between 0 and ``min(max_delay, initial_delay * 2**(n - 1))`` seconds (full
    jitter), or what ``Retry-After`` asks for, plus up to ``initial_delay``. Every retry costs ``retry_cost`` of the
    client's ``budget``, every success gives ``success_credit`` back: an outage is not multiplied, and once the budget
    is spent calls fail at once.

    >>> RetryPolicy(initial_delay=0.1).max_delay
    8.0

    Raises ConfigurationError for negative numbers, and for a header name that is none.
    """

    initial_delay: float = field(default=0.5, validator=_at_least(0, whole=False))
    """Seconds: upper bound of the first pause."""
    max_delay: float = field(default=8.0, validator=_at_least(0, whole=False))
    """Seconds: upper bound of every pause that the API did not ask for."""
    budget: int = field(default=500, validator=_at_least(0, whole=True))
    """Retry tokens a client starts with and never exceeds (as in boto3)."""
    retry_cost: int = field(default=10, validator=_at_least(0, whole=True))
    """Tokens one retry costs: 50 retries in a row, then one for every ten successes."""
    success_credit: int = field(default=1, validator=_at_least(0, whole=True))
    """Tokens one successful call gives back."""
    idempotency_header: str = field(default=IDEMPOTENCY_HEADER, validator=_check_header_name)
    """Name of the header that carries the idempotency key."""
    trust_idempotency: bool = field(default=False, validator=_check_flag)
    """Your own word that the API honours idempotency keys for every kind of call, withdrawals included. It permits
    ``client.repeat(error)`` for withdrawals and checkouts in doubt. If it is wrong, such a repeat pays twice;
    ``client.check(idempotency=...)`` finds it out."""
    key_as_description: bool = field(default=True, validator=_check_flag)
    """Whether a withdrawal without a description carries its idempotency key as one, so that webhooks, the dashboard
    and a later look-up show which withdrawal it is."""


def _check_share(instance: object, attribute: Any, value: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1:
        raise ConfigurationError(
            f"{type(instance).__name__}({attribute.name}={shown(value)}) must be a number of at least 0 and below 1"
        )


@frozen(kw_only=True)
class WatchSettings:
    """Assumptions about payers; decides which watched payments are polled how often.

    The mean delay is least when a payment is polled at a rate proportional to the square root of the chance that it is
    paid now. Only the proportions matter: the pace follows from the rate limit. The defaults suit shops whose payers
    take 1 to 15 minutes; change them where yours are known to be slower.

    >>> WatchSettings(median=600.0).spread   # payers take ten minutes
    1.3

    Raises ConfigurationError for times that are not positive and shares outside 0 to 1.
    """

    median: float = field(default=180.0, validator=_at_least(1.0, whole=False))
    """Seconds within which half of the payers pay. assumed: no source says; below the 4 minutes measured for wallets,
    since guessing too short costs less than guessing too long."""
    spread: float = field(default=1.3, validator=_at_least(0.1, whole=False))
    """Sigma of the log-normal time to pay: how much payers differ. assumed: wide, so that fast and slow ones are both
    expected (a twelfth pay within half a minute, another after 19 minutes)."""
    never: float = field(default=0.3, validator=_check_share)
    """Share of payments that are never paid. assumed: a third of checkouts are abandoned."""
    late: float = field(default=0.15, validator=_check_share)
    """Share of the payers who pay at any time until the payment expires, evenly. assumed: more than there will be,
    because it also bounds the intervals of payments that are open for hours."""
    confirmation: float = field(default=40.0, validator=_at_least(0.1, whole=False))
    """Seconds within which half of the payments whose funds were seen are confirmed. assumed: shorter than most coins
    take, because a final state is what a merchant ships on."""
    learn: bool = True
    """Whether ``median`` and ``spread`` follow the payments that the client sees paid; they start from these values."""


@frozen(kw_only=True, cache_hash=True)
class CallOptions:
    """The settings of ``with_options``, which may differ from call to call. Part of the key of every shared read."""

    timeout: float | None = TIMEOUT
    attempt_timeout: float | None = ATTEMPT_TIMEOUT
    max_wait: float | None = None
    max_retries: int = field(default=MAX_RETRIES, validator=_at_least(0, whole=True))
    headers: tuple[tuple[str, str], ...] = ()


class Unset(Enum):
    """The default of options for which ``None`` means "off"."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The value of an argument that was not given, where ``None`` means "clear" or "switch off"."""


def read_call_options(
    base: CallOptions,
    *,
    timeout: float | timedelta | Unset | None,
    attempt_timeout: float | timedelta | Unset | None,
    max_wait: float | timedelta | Unset | None,
    max_retries: int | Unset,
    headers: Mapping[str, str] | None,
) -> CallOptions:
    """Return ``base`` with the given options; headers are added, and replace those of the same name."""
    added = read_headers(headers)
    names = {name.lower() for name, _ in added}
    return CallOptions(
        timeout=base.timeout if timeout is UNSET else seconds(timeout, "timeout"),
        attempt_timeout=base.attempt_timeout
        if attempt_timeout is UNSET
        else seconds(attempt_timeout, "attempt_timeout"),
        max_wait=base.max_wait if max_wait is UNSET else seconds(max_wait, "max_wait"),
        max_retries=base.max_retries if max_retries is UNSET else max_retries,
        headers=(*((name, text) for name, text in base.headers if name.lower() not in names), *added),
    )


def read_headers(value: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Extra headers as pairs; refused when they are reserved or could break out of their line."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"headers= takes a dict of str to str, not {type(value).__name__}")
    pairs: list[tuple[str, str]] = []
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("headers= takes a dict of str to str; one of its members is something else")
        if not _is_header_name(name):
            raise ConfigurationError(f"headers={{{shown(name)}: ...}}: this is no header name")
        if name.lower() in _RESERVED_HEADERS or name.lower() == IDEMPOTENCY_HEADER.lower():
            raise ConfigurationError(f"headers={{{shown(name)}: ...}}: the client sets this header itself")
        if not text.isascii() or not text.isprintable() or text != text.strip():
            raise ConfigurationError(
                f"headers={{{shown(name)}: ...}}: the value must be printable ASCII on one line, "
                "without spaces at its ends"
            )
        pairs.append((name, text))
    return tuple(pairs)
