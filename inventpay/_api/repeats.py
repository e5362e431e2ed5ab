"""Rebuild the call of an error from the request that it carries."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from .._core.json_values import is_object
from .._json.converter import read_json
from ..errors import DecodeError, SentRequest
from ..options import RateClass
from ..responses import APIResponse
from . import endpoints
from .call import Call
from .endpoints import ENDPOINTS, Endpoint, Safety
from .status_errors import checked_document

METHODS: Final[Mapping[str, Safety]] = {
    "GET": "read",
    "HEAD": "read",
    # RFC 9110, section 9.2.2: sending these twice has the same effect as sending them once.
    "PUT": "repeatable",
    "DELETE": "repeatable",
    "POST": "once",
    "PATCH": "once",
}
"""HTTP methods, and what repeating a request to an unknown path could do."""


def endpoint_for(method: str, path: str) -> Endpoint:
    """Return the endpoint of a path without its query; for an unknown path, one whose template is the path."""
    for endpoint in ENDPOINTS.values():
        if endpoint.method == method and _pattern(endpoint.template).fullmatch(path):
            return endpoint
    return Endpoint(method=method, template=path, rate_class=RateClass.OTHER, safety=METHODS[method])


def path_values(endpoint: Endpoint, path: str) -> dict[str, str]:
    """Return the decoded segments of a path that its endpoint's template names; empty for another endpoint's path."""
    found = _pattern(endpoint.template).fullmatch(path.partition("?")[0])
    return {} if found is None else {name: unquote(value) for name, value in found.groupdict().items()}


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def call_again(request: SentRequest) -> Call[Any]:
    """Return the call that sends this request again and reads its answer as the first call did.

    The answers of lists, and of paths that this version has no method for, are not read: the call returns them as an
    :class:`~inventpay.APIResponse`.
    """
    endpoint = endpoint_for(request.method, request.path.partition("?")[0])
    make = _READERS.get(endpoint.name)
    read: Callable[[APIResponse], Any] = read_raw
    if make is not None:
        document: Any = None if request.body is None else read_json(request.body, what="the body of the request")
        read_document = make(path_values(endpoint, request.path), document if is_object(document) else {})

        def read_answer(response: APIResponse) -> Any:
            return read_document(checked_document(response))

        read = read_answer
    return Call(
        endpoint=endpoint, path=request.path, read=read, body=request.body, idempotency_key=request.idempotency_key
    )


def read_raw(response: APIResponse) -> APIResponse:
    """Return an answer as it is. Raises APIStatusError where it is JSON that says ``success: false``."""
    # Paths that this version has no method for need not answer JSON.
    with contextlib.suppress(DecodeError):
        checked_document(response)
    return response


_Values: TypeAlias = Mapping[str, Any]
_Reader: TypeAlias = Callable[[object], Any]


# Each function imports the module of its resource when it is needed: most processes repeat nothing.


def _payment(_path: _Values, _body: _Values) -> _Reader:
    from .payments import read_payment

    return read_payment


def _invoice(_path: _Values, _body: _Values) -> _Reader:
    from .payments import read_invoice

    return read_invoice


def _payment_status(path: _Values, _body: _Values) -> _Reader:
    from .payments import read_payment_status

    return functools.partial(read_payment_status, payment_id=path["paymentId"])


def _balances(_path: _Values, _body: _Values) -> _Reader:
    from .balances import read_balances

    return read_balances


def _balance(_path: _Values, _body: _Values) -> _Reader:
    from .balances import read_balance

    return read_balance


def _withdrawal(_path: _Values, _body: _Values) -> _Reader:
    from .withdrawals import read_withdrawal

    return read_withdrawal


def _store(_path: _Values, _body: _Values) -> _Reader:
    from .stores import read_store

    return read_store


def _analytics(_path: _Values, _body: _Values) -> _Reader:
    from .stores import read_analytics

    return read_analytics


def _checkout(_path: _Values, _body: _Values) -> _Reader:
    from .orders import read_checkout

    return read_checkout


def _order(_path: _Values, _body: _Values) -> _Reader:
    from .orders import read_order

    return read_order


def _product(_path: _Values, _body: _Values) -> _Reader:
    from .products import read_product

    return read_product


def _confirmation(_path: _Values, _body: _Values) -> _Reader:
    from .stores import read_confirmation

    return read_confirmation


def _added_keys(_path: _Values, _body: _Values) -> _Reader:
    from .key_pools import read_added

    return read_added


def _removed_keys(_path: _Values, _body: _Values) -> _Reader:
    from .key_pools import read_removed

    return read_removed


def _key_stats(_path: _Values, _body: _Values) -> _Reader:
    from .key_pools import read_stats

    return read_stats


def _configured_webhook(_path: _Values, body: _Values) -> _Reader:
    from .webhooks import read_configured

    return functools.partial(read_configured, url=body["webhookUrl"])


def _nothing(_path: _Values, _body: _Values) -> _Reader:
    return lambda document: None


def _webhook_config(_path: _Values, _body: _Values) -> _Reader:
    from .webhooks import read_config

    return read_config


def _webhook_test(_path: _Values, body: _Values) -> _Reader:
    from .webhooks import read_tested

    return functools.partial(read_tested, url=body.get("webhookUrl"))


def _delivery(_path: _Values, _body: _Values) -> _Reader:
    from .webhooks import read_one_delivery

    return read_one_delivery


def _retried_delivery(_path: _Values, _body: _Values) -> _Reader:
    from .webhooks import read_retried

    return read_retried


def _webhook_stats(_path: _Values, _body: _Values) -> _Reader:
    from .webhooks import read_stats

    return read_stats


_READERS: Final[Mapping[str, Callable[[_Values, _Values], _Reader]]] = {
    endpoints.CREATE_PAYMENT.name: _payment,
    endpoints.CREATE_INVOICE.name: _invoice,
    endpoints.PAYMENT_STATUS.name: _payment_status,
    endpoints.BALANCES.name: _balances,
    endpoints.BALANCE.name: _balance,
    endpoints.CREATE_WITHDRAWAL.name: _withdrawal,
    endpoints.WITHDRAWAL.name: _withdrawal,
    endpoints.CREATE_STORE.name: _store,
    endpoints.STORE.name: _store,
    endpoints.UPDATE_STORE.name: _store,
    endpoints.STORE_ANALYTICS.name: _analytics,
    endpoints.CHECKOUT.name: _checkout,
    endpoints.CREATE_PRODUCT.name: _product,
    endpoints.UPDATE_PRODUCT.name: _product,
    endpoints.DELETE_PRODUCT.name: _confirmation,
    endpoints.ADD_KEYS.name: _added_keys,
    endpoints.KEY_STATS.name: _key_stats,
    endpoints.REMOVE_KEYS.name: _removed_keys,
    endpoints.ORDER.name: _order,
    endpoints.UPDATE_ORDER_STATUS.name: _order,
    endpoints.CONFIGURE_WEBHOOK.name: _configured_webhook,
    endpoints.DELETE_WEBHOOK.name: _nothing,
    endpoints.WEBHOOK_CONFIG.name: _webhook_config,
    endpoints.TEST_WEBHOOK.name: _webhook_test,
    endpoints.WEBHOOK_DELIVERY.name: _delivery,
    endpoints.RETRY_WEBHOOK.name: _retried_delivery,
    endpoints.WEBHOOK_STATS.name: _webhook_stats,
}
