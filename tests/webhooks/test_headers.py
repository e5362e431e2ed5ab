"""A signature is found in every framework's form of headers, with names in any case."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from starlette.datastructures import Headers as StarletteHeaders

from inventpay import Headers, SignatureError
from inventpay.webhooks import parse_event
from inventpay.webhooks.request_headers import read_headers
from tests.support.deliveries import SECRET, flat, hexdigest

BODY = flat()
SIGNATURE = hexdigest(BODY)


class Pairs:
    """Headers as Werkzeug has them: no Mapping, iterated as pairs, with an ``items`` method."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = pairs

    def items(self) -> Any:
        return iter(self._pairs)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Webhook-Signature": SIGNATURE, "X-Webhook-ID": "whd1"},
        {"x-webhook-signature": SIGNATURE, "x-webhook-id": "whd1"},
        {"X-WEBHOOK-SIGNATURE": SIGNATURE, "X-Webhook-Id": "whd1", "Accept": "*/*"},
        MappingProxyType({"X-Webhook-signature": SIGNATURE, "x-Webhook-ID": "whd1"}),
        Headers([("X-Webhook-Signature", SIGNATURE), ("X-Webhook-ID", "whd1")]),
        StarletteHeaders({"X-Webhook-Signature": SIGNATURE, "X-Webhook-ID": "whd1"}),
        [("X-Webhook-Signature", SIGNATURE), ("X-Webhook-ID", "whd1")],
        ([name, value] for name, value in (("X-Webhook-Signature", SIGNATURE), ("X-Webhook-ID", "whd1"))),
        Pairs(("X-Webhook-Signature", SIGNATURE), ("X-Webhook-ID", "whd1")),
        [(b"host", b"shop.example"), (b"x-webhook-signature", SIGNATURE.encode()), (b"x-webhook-id", b"whd1")],
        {b"X-Webhook-Signature": SIGNATURE.encode(), b"X-Webhook-ID": b"whd1"},
        {"HTTP_X_WEBHOOK_SIGNATURE": SIGNATURE, "HTTP_X_WEBHOOK_ID": "whd1", "wsgi.version": (1, 0), 5: None},
    ],
    ids=lambda headers: type(headers).__name__,
)
def test_headers_are_found(headers: Any) -> None:
    """In any mapping, in pairs, in an ASGI scope's raw headers and in a WSGI environ."""
    event = parse_event(BODY, headers, SECRET)
    assert event.payment_id == "cmh1"  # type: ignore[union-attr]
    assert event.delivery_id == "whd1"


def test_an_empty_delivery_id_is_none() -> None:
    """Two deliveries without an id are not taken for one."""
    assert read_headers({"X-Webhook-ID": ""}).delivery_id is None
    assert read_headers({}).delivery_id is None


@pytest.mark.parametrize("other", [SIGNATURE, "0" * 64])
def test_a_repeated_header_counts_once_if_its_values_are_equal(other: str) -> None:
    """A proxy repeats it: as two headers in ASGI, with a comma in WSGI. Different values are refused in both."""
    for headers in (
        [("x-webhook-signature", SIGNATURE), ("x-webhook-signature", other)],
        [(b"x-webhook-signature", other.encode()), (b"x-webhook-signature", SIGNATURE.encode())],
        {"HTTP_X_WEBHOOK_SIGNATURE": f"{SIGNATURE},{other}"},
        {"X-Webhook-Signature": f"{other}, {SIGNATURE}"},
    ):
        if other == SIGNATURE:
            parse_event(BODY, headers, SECRET)  # type: ignore[arg-type]
        else:
            with pytest.raises(SignatureError, match="malformed"):
                parse_event(BODY, headers, SECRET)  # type: ignore[arg-type]


def test_a_content_encoding_is_named_in_the_refusal() -> None:
    """A proxy that inflates or deflates bodies breaks every signature."""
    headers = {"X-Webhook-Signature": SIGNATURE, "Content-Encoding": "gzip"}
    parse_event(BODY, headers, SECRET)
    with pytest.raises(SignatureError, match="the request has Content-Encoding: 'gzip'"):
        parse_event(BODY + b" ", headers, SECRET)


@pytest.mark.parametrize("headers", [{}, [], {"X-Webhook-Signature": None}, {"X-Signature": SIGNATURE}])
def test_without_the_header_the_refusal_names_it(headers: Any) -> None:
    """The missing header is what to look for in the proxy's configuration."""
    with pytest.raises(SignatureError, match="the header X-Webhook-Signature is missing"):
        parse_event(BODY, headers, SECRET)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (SIGNATURE, "headers must be all headers of the request, .* not str; to check a signature by itself, use ver"),
        (SIGNATURE.encode(), "not bytes"),
        (None, "not NoneType"),
        (["X-Webhook-Signature"], "headers must be a mapping, or pairs of a name and a value"),
        ({"X-Webhook-Signature": [SIGNATURE]}, "the header x-webhook-signature is a list, not text"),
    ],
)
def test_what_holds_no_headers_is_the_callers_mistake(headers: Any, problem: str) -> None:
    """The signature alone, a list of names, lists of values: refused by name."""
    with pytest.raises(TypeError, match=problem):
        parse_event(BODY, headers, SECRET)


def test_the_event_header_is_not_trusted() -> None:
    """The header with the event's name is not signed, so it is not used: a replayed delivery could change it."""
    headers: Mapping[str, str] = {"X-Webhook-Signature": SIGNATURE, "X-Webhook-Event": "payment.failed"}
    assert parse_event(BODY, headers, SECRET).event == "payment.completed"
