"""Deliveries as the API sends them: a body, signed with a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from .canaries import WEBHOOK_SECRETS

SECRET, OTHER_SECRET = WEBHOOK_SECRETS

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""When the documented bodies were sent, within minutes."""


def hexdigest(body: bytes, secret: str = SECRET) -> str:
    """The signature as every source computes it, by other means than the package's."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str = SECRET, **headers: str) -> dict[str, str]:
    """The headers of a delivery."""
    return {
        "Host": "shop.example",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Webhook-Signature": hexdigest(body, secret),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }


def flat(event: str = "payment.completed", payment_id: str = "cmh1", **members: Any) -> bytes:
    """A flat body, written as Node.js writes it."""
    return _compact({"event": event, "paymentId": payment_id, **members})


def nested(event: str = "payment.completed", payment_id: str = "cmh1", **members: Any) -> bytes:
    """A nested body of the same event; what belongs to the delivery stands at the top."""
    top = {name: members.pop(name) for name in ("timestamp", "test") if name in members}
    return _compact({"event": event, "data": {"paymentId": payment_id, **members}, **top})


def _compact(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
