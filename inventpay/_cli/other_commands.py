"""Advice for commands that other tools have, and that are called otherwise here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NO_LIST: Final = "The API lists no payments: keep each id with its order."

ADVICE: Final[Mapping[str, Mapping[str, str]]] = {
    "inventpay": {
        **dict.fromkeys(("status", "watch", "wait"), "Use 'inventpay payments {}'."),
        **dict.fromkeys(("pay", "deposit", "expire"), "To play the payer of a sandbox: 'inventpay sandbox {}'."),
        "withdraw": "Use 'inventpay withdrawals create'.",
        "listen": "Use 'inventpay webhooks reconcile --to URL --follow'.",
        **dict.fromkeys(("trigger", "send"), "Use 'inventpay webhooks send EVENT --to URL'."),
        **dict.fromkeys(("login", "configure"), "Keys come from the environment: see 'inventpay --help'."),
        **dict.fromkeys(("get", "post"), "Use 'inventpay request METHOD PATH'."),
    },
    "payments": {
        "list": _NO_LIST,
        **dict.fromkeys(("get", "show", "retrieve"), "Use 'inventpay payments status'."),
        "pay": "To play the payer of a sandbox: 'inventpay sandbox pay'.",
        "cancel": "The API cannot cancel a payment: it expires.",
    },
    "invoices": {
        "list": _NO_LIST,
        **dict.fromkeys(("status", "watch", "wait"), "Use 'inventpay payments {}'."),
        **dict.fromkeys(("get", "show", "retrieve"), "Use 'inventpay payments status'."),
        "cancel": "The API cannot cancel an invoice: it expires.",
    },
    "withdrawals": {
        "list": "The API lists no withdrawals: keep their ids, or pay with 'inventpay payouts', which has a journal.",
        **dict.fromkeys(("status", "show", "retrieve"), "Use 'inventpay withdrawals get'."),
        "watch": "Use 'inventpay withdrawals wait'.",
        "cancel": "The API has no call that cancels a withdrawal.",
    },
    "payouts": {
        **dict.fromkeys(("list", "show"), "Use 'inventpay payouts status'."),
        **dict.fromkeys(("create", "send", "resume"), "Use 'inventpay payouts run', which also goes on after an end."),
        "export": "Use 'inventpay payouts report'.",
    },
    "webhooks": {
        "list": "Use 'inventpay webhooks deliveries'.",
        **dict.fromkeys(("create", "set", "register"), "Use 'inventpay webhooks configure'."),
        **dict.fromkeys(("get", "show"), "Use 'inventpay webhooks config', or 'delivery' for one of them."),
        "listen": "Use 'inventpay webhooks reconcile --to URL --follow'.",
        "trigger": "Use 'inventpay webhooks send'.",
    },
}
"""Advice by group and command; ``{}`` stands for the command."""
