"""Webhooks of the sandbox: the events, their contents, and their delivery.

``events``, ``wire``, ``deliveries``, ``faults`` and ``schedule`` decide and never wait; ``outbox`` keeps the records;
``sender`` and ``background`` send. ``Webhooks`` is the interface for Python code, ``api`` and ``control`` are those
over HTTP.
"""

from __future__ import annotations

from .deliveries import Delivery
from .settings import WebhookSettings
from .webhooks import Webhooks

__all__ = ["Delivery", "WebhookSettings", "Webhooks"]
