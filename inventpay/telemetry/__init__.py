"""OpenTelemetry for clients, receivers and payouts (extra ``otel``).

>>> from inventpay import InventPay
>>> from inventpay.telemetry import instrument
>>> from inventpay.webhooks import WebhookReceiver
>>> client = instrument(InventPay())
>>> receiver = instrument(WebhookReceiver())

Only the API package of OpenTelemetry is used: without an SDK that exports, all of this does nothing. The spans, the
metrics and alerts for them are described in ``docs/monitoring.md``.
"""

from __future__ import annotations

from .._core.annotations import readable as _readable
from .instrumentation import instrument

__all__ = ["instrument"]

for _name in __all__:
    _readable(globals()[_name])
