"""Parse deliveries: verify the signature, decode the event, and check its age."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from .._core.json_values import shown
from ..errors import InvalidArgumentError, SignatureError, StaleEventError
from ..options import seconds
from .bodies import decode_event
from .events import WebhookEvent
from .request_headers import DeliveryHeaders, HeadersLike, read_headers
from .secrets import SecretLike, Secrets, read_secrets
from .signature import check_signature, raw_body
from .wall_clock import wall_clock

TOLERANCE: Final = 7 * 86_400.0
"""Seconds an event may be old: deliveries are repeated for 7 days, perhaps with the body of the first
(docs: webhooks/overview)."""

AHEAD: Final = 300.0
"""assumed: seconds an event's timestamp may be ahead of our clock: clocks without synchronization differ by that."""


def parse_event(
    body: bytes | bytearray | memoryview,
    headers: HeadersLike,
    secret: SecretLike = None,
    *,
    tolerance: float | timedelta | None = TOLERANCE,
    received_at: datetime | float | None = None,
) -> WebhookEvent:
    """Return the event of a genuine delivery.

    >>> from inventpay.webhooks import sign
    >>> body = b'{"event": "payment.completed", "paymentId": "cmh1", "amount": 29.90}'
    >>> event = parse_event(body, {"X-Webhook-Signature": sign(body, "whsec_1")}, "whsec_1")
    >>> event.event, event.payment_id, event.amount
    ('payment.completed', 'cmh1', Decimal('29.90'))

    ``body`` is the raw body of the request, ``headers`` are its headers: any mapping, pairs, an ASGI scope's raw
    headers or a WSGI ``environ``. ``secret`` is the webhook's secret, or several of which each is accepted; by default
    the environment variable ``INVENTPAY_WEBHOOK_SECRET``. Both documented shapes give the same event: what happened
    under ``data`` (docs: webhooks/events), or beside the event's name (vendor's JavaScript README).

    ``tolerance`` is how many seconds old an event may be, by default 7 days, since deliveries are repeated that long;
    ``None`` accepts any age. It may be 300 seconds ahead. Where a queue lies between the request and this call, pass
    the time of the request as ``received_at``. An event without a timestamp is accepted. A short tolerance does not
    stop replays: a ``WebhookReceiver`` does, or a unique column of ``event.key``.

    Raises SignatureError, StaleEventError or EventDecodeError for deliveries that must not be acted on, all of them
    WebhookError; TypeError for a body that is not bytes; ConfigurationError for a secret that is missing or empty.
    """
    secret = read_secrets(secret)
    body = raw_body(body)
    return parse_delivery(body, read_headers(headers), secret.check(), seconds(tolerance, "tolerance"), received_at)


def parse_delivery(
    body: bytes,
    headers: DeliveryHeaders,
    secrets: Secrets,
    tolerance: float | None,
    received_at: datetime | float | None,
) -> WebhookEvent:
    """Return the event of a genuine delivery whose headers were read: see ``parse_event``."""
    try:
        check_signature(body, headers.signature, secrets)
    except SignatureError as error:
        if headers.content_encoding is None:
            raise
        raise SignatureError(
            f"{error.message}; the request has Content-Encoding: {shown(headers.content_encoding)}, so its body was "
            "compressed or decompressed on its way: configure the proxy to pass it on unchanged"
        ) from None
    event = decode_event(body, delivery_id=headers.delivery_id)
    check_age(event, tolerance, _moment(received_at))
    return event


def check_age(event: WebhookEvent, tolerance: float | None, received_at: float) -> None:
    """Raise StaleEventError for an event that is older or further ahead than it may be; times are Unix seconds."""
    if event.timestamp is None:
        return
    age = received_at - event.timestamp.timestamp()
    if tolerance is not None and age > tolerance:
        raise StaleEventError(
            f"the event is {_words(age)} old (timestamp {event.timestamp.isoformat()}); "
            f"the tolerance is {_words(tolerance)}"
        )
    if -age > AHEAD:
        raise StaleEventError(
            f"the event is {_words(-age)} ahead of this machine's clock (timestamp {event.timestamp.isoformat()}); "
            f"up to {_words(AHEAD)} are accepted: set the clock, or in tests pass clock=sandbox.clock"
        )


def _moment(received_at: datetime | float | None) -> float:
    if received_at is None:
        return wall_clock()
    if isinstance(received_at, datetime):
        if received_at.utcoffset() is None:
            raise InvalidArgumentError(
                f"received_at={received_at.isoformat()} has no zone; give it one, such as datetime.UTC",
                argument="received_at",
            )
        return received_at.timestamp()
    if isinstance(received_at, bool) or not isinstance(received_at, (int, float)) or received_at != received_at:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(
            f"received_at={shown(received_at)} must be a datetime, or Unix seconds", argument="received_at"
        )
    return received_at


def _words(duration: float) -> str:
    """Return a duration in a readable unit, such as ``"8.0 days"``."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if duration >= 2 * length:
            return f"{duration / length:.1f} {unit}"
    return f"{duration:.0f} seconds"
