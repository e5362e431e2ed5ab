"""An event on the wire: the exact bytes of its body, its signature and headers."""

from __future__ import annotations

import hashlib
import hmac

from ...version import VERSION
from .. import assumptions
from ..clock import iso
from .events import Event
from .settings import Shape
from .stringify import stringify


def write(event: Event, shape: Shape) -> bytes:
    """Return the body: ``{event, data, timestamp, test}``, or with the members of ``data`` at the top level."""
    end: dict[str, object] = {"timestamp": iso(event.at), "test": event.test}
    data: dict[str, object] = {"data": event.data} if shape == "nested" else event.data
    return stringify({"event": event.name, **data, **end})


def sign(body: bytes, secret: str) -> str:
    """Return the HMAC-SHA256 of the body, in lower-case hex (page webhooks/security)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(event_name: str, delivery_id: str, signature: str) -> dict[str, str]:
    """Return the headers of a body (pages webhooks/overview and security, official JS client's README)."""
    return {
        "Content-Type": "application/json",
        "User-Agent": f"{assumptions.WEBHOOK_USER_AGENT}/{VERSION}",
        "X-Webhook-Event": event_name,
        "X-Webhook-ID": delivery_id,
        "X-Webhook-Signature": signature,
    }
