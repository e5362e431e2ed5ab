"""Webhooks of the sandbox: which events there are, what they say, and how they get to their receivers.

`events`, `wire`, `deliveries`, `faults` and `schedule` decide and never wait; `outbox` keeps the records; `sender` and
`background` send. `Webhooks` is what Python code uses, `api` and `control` are what is reached over HTTP.
"""

from __future__ import annotations

from .deliveries import Delivery
from .settings import WebhookSettings
from .webhooks import Webhooks

__all__ = ["Delivery", "WebhookSettings", "Webhooks"]
