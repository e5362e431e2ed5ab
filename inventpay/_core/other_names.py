"""Advice for names that other SDKs have, such as ``client.payments.list``.

Python itself suggests names that are spelt alike. The names here are spelt otherwise, or belong to calls that the API
does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STATUS: Final = "use client.payments.status(payment_id)"
_WAIT: Final = "use client.payments.wait(payment_id), or watch(payment_id) for every change"
_NO_LIST: Final = "the API lists no payments: keep each payment_id with its order"
_NO_CANCEL: Final = "the API cannot cancel a payment: it expires after expiration_minutes"
_RECEIVER: Final = "use inventpay.webhooks.WebhookReceiver, or inventpay.webhooks.parse_event(body, headers, secret)"
_PRODUCTS: Final = "use client.store.products"
_TO_DICT: Final = "use to_dict()"
_INVOICE_URL: Final = "use invoice_url"
_PAYMENT_ID: Final = "use payment_id"

ADVICE: Final[Mapping[str, Mapping[str, str]]] = {
    "InventPay": {
        **dict.fromkeys(("payment", "create_payment"), "use client.payments.create(...)"),
        **dict.fromkeys(("get_payment", "get_payment_status"), _STATUS),
        **dict.fromkeys(("invoice", "create_invoice"), "use client.invoices.create(...)"),
        **dict.fromkeys(("balance", "get_balance", "get_balances"), 'use client.balances.all(), or .get("BTC")'),
        **dict.fromkeys(("withdrawal", "withdraw", "create_withdrawal"), "use client.withdrawals.create(...)"),
        "get_withdrawal": "use client.withdrawals.get(withdrawal_id)",
        **dict.fromkeys(("payout", "payouts"), "use inventpay.payouts.Payouts(client, journal=...)"),
        **dict.fromkeys(("refund", "refunds"), "a refund is a withdrawal: use client.withdrawals.create(...)"),
        **dict.fromkeys(("webhook", "configure_webhook"), "use client.webhooks.configure(webhook_url)"),
        **dict.fromkeys(("product", "products", "create_product", "list_products"), _PRODUCTS),
        **dict.fromkeys(("order", "orders", "get_order", "list_orders"), "use client.store.orders"),
        **dict.fromkeys(("ping", "health", "test_connection"), "use client.check()"),
        **dict.fromkeys(("get", "post", "put", "delete"), 'use client.request("GET", path)'),
        **dict.fromkeys(("copy", "options"), "use client.with_options(...)"),
        **dict.fromkeys(("generate_payment_link", "get_payment_link"), "use client.payment_link(payment_id)"),
        "close": "use aclose(), or async with",
        "aclose": "use close(), or with",
    },
    "PaymentCalls": {
        **dict.fromkeys(("get", "retrieve", "fetch", "find", "get_status", "check"), _STATUS),
        **dict.fromkeys(("list", "all", "search"), _NO_LIST),
        **dict.fromkeys(("cancel", "delete", "expire", "void"), _NO_CANCEL),
        **dict.fromkeys(("poll", "wait_for", "wait_until", "stream", "subscribe"), _WAIT),
        "refund": "a refund is a withdrawal to an address that the buyer names: use client.withdrawals.create(...)",
    },
    "InvoiceCalls": {
        **dict.fromkeys(("get", "retrieve", "fetch", "find", "status", "get_status", "check"), _STATUS),
        **dict.fromkeys(("list", "all", "search"), _NO_LIST),
        **dict.fromkeys(("cancel", "delete", "expire", "void"), _NO_CANCEL),
        **dict.fromkeys(("wait", "watch", "poll", "wait_for"), _WAIT),
    },
    "BalanceCalls": {
        **dict.fromkeys(("list", "get_all", "fetch"), "use client.balances.all()"),
        "retrieve": 'use client.balances.get("BTC"), or client.balances.all()',
        "poll": "use client.balances.watch()",
    },
    "WithdrawalCalls": {
        **dict.fromkeys(("status", "retrieve", "fetch", "find", "check"), "use client.withdrawals.get(withdrawal_id)"),
        **dict.fromkeys(("list", "all", "search"), "the API lists no withdrawals: keep each withdrawal_id"),
        **dict.fromkeys(("cancel", "delete"), "the API has no call that cancels a withdrawal"),
        **dict.fromkeys(("watch", "poll", "wait_for"), "use client.withdrawals.wait(withdrawal_id)"),
        "send": "use client.withdrawals.create(...)",
    },
    "WebhookCalls": {
        **dict.fromkeys(("verify", "verify_signature", "construct_event", "parse", "unwrap", "on"), _RECEIVER),
        **dict.fromkeys(("create", "set", "update", "register"), "use client.webhooks.configure(webhook_url)"),
        **dict.fromkeys(("get", "retrieve", "list"), "use client.webhooks.config(), or .deliveries()"),
    },
    "WebhookReceiver": {
        **dict.fromkeys(("verify", "construct_event", "parse"), "use handle(body, headers), or parse_event(...)"),
        **dict.fromkeys(("process", "receive"), "use handle(body, headers), or await handle_async(body, headers)"),
        **dict.fromkeys(("on_any", "on_all", "on_event"), "use on(name), or on_other for all without a handler"),
        "on_created": 'use on("payment.created")',
        "on_pending": 'use on("payment.pending")',
        **dict.fromkeys(("on_confirmed", "on_completed"), "use on_paid, which runs once for each payment"),
        "on_underpaid": 'use on("payment.underpaid")',
        "on_expired": 'use on("payment.expired")',
        "on_failed": 'use on("payment.failed")',
    },
    "Model": {
        **dict.fromkeys(("model_dump", "dict", "asdict", "as_dict"), _TO_DICT),
        **dict.fromkeys(("json", "model_dump_json"), "use to_json()"),
        **dict.fromkeys(("model_validate", "model_validate_json", "parse_raw"), "use from_json(text)"),
    },
    "Payment": {
        **dict.fromkeys(("id", "uuid"), _PAYMENT_ID),
        **dict.fromkeys(("url", "link", "checkout_url", "hosted_url", "payment_url", "pay_url"), _INVOICE_URL),
        **dict.fromkeys(("is_paid", "is_final", "current_balance"), _STATUS),
    },
    "Invoice": {
        **dict.fromkeys(("id", "uuid", "invoice_id"), _PAYMENT_ID),
        **dict.fromkeys(("url", "link", "checkout_url", "hosted_url", "payment_url", "pay_url"), _INVOICE_URL),
        **dict.fromkeys(("amount", "amount_currency"), "use base_amount and base_currency"),
        **dict.fromkeys(("address", "currency"), "the payer picks the coin on the page: send the payer to invoice_url"),
        **dict.fromkeys(("is_paid", "is_final", "current_balance"), _STATUS),
    },
    "PaymentStatus": {
        **dict.fromkeys(("id", "uuid"), _PAYMENT_ID),
        "state": "use status",
        "paid": "use is_paid",
        **dict.fromkeys(("amount", "amount_due"), "use required_amount"),
        **dict.fromkeys(("amount_paid", "amount_received", "received", "balance"), "use current_balance"),
        **dict.fromkeys(("invoice_url", "url"), "use client.payment_link(payment_id)"),
    },
    "Balance": {
        **dict.fromkeys(("available", "amount", "balance"), "use available_balance"),
        "pending": "use pending_balance",
        "locked": "use locked_balance",
        "coin": "use currency",
    },
    "Withdrawal": {
        **dict.fromkeys(("id", "uuid"), "use withdrawal_id"),
        **dict.fromkeys(("address", "to"), "use destination_address"),
        **dict.fromkeys(("tx_hash", "txid", "tx_id", "hash", "transaction_id"), "use transaction_hash"),
        "fee": "use fee_amount",
        "net": "use net_amount",
    },
    "PaymentEvent": {
        "id": "use payment_id, or key for what makes an event one event",
        **dict.fromkeys(("type", "name"), "use event"),
        "data": "its members are attributes; raw has the JSON object",
    },
    "InventPayError": {
        **dict.fromkeys(("status_code", "http_status", "code"), "use status"),
        "retryable": "use safe_to_repeat",
        "response": "use status, headers and body where an answer came, and outcome in any case",
    },
}
"""Advice by the name of the class, without ``Async``, and by the name that is not there."""

_OLD: Final = "it is a name of the vendor's SDK 1.2.1, which this package is not;"

IMPORTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("Client", "InventPayClient", "InventPaySDK", "Inventpay"), "use InventPay"),
    **dict.fromkeys(("AsyncClient", "AsyncInventPayClient", "AsyncInventpay"), "use AsyncInventPay"),
    **dict.fromkeys(("Error", "InventPayException", "APIError"), "use InventPayError, or one of its subclasses"),
    "TimeoutError": "use APITimeoutError",
    "Webhook": "use: from inventpay.webhooks import WebhookReceiver",
    **dict.fromkeys(("PaymentSDK", "SDKConfig"), f"{_OLD} use InventPay(...)"),
    "PaymentRequest": f"{_OLD} use client.payments.create(...)",
    "InvoiceRequest": f"{_OLD} use client.invoices.create(...)",
    "WithdrawalRequest": f"{_OLD} use client.withdrawals.create(...)",
    "PaymentSDKError": f"{_OLD} use InventPayError",
    "ValidationError": f"{_OLD} use BadRequestError",
    "RateLimitError": f"{_OLD} use RateLimitedError",
    "verify_webhook_signature": f"{_OLD} use: from inventpay.webhooks import verify_signature",
    "parse_webhook_event": f"{_OLD} use: from inventpay.webhooks import parse_event",
    "get_supported_webhook_events": f"{_OLD} use: from inventpay.webhooks import KNOWN_EVENTS",
}
"""Advice for names that are imported from the package, and are not in it."""
