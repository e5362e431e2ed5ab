"""The routes under /sandbox/, and the handler of each. They need no key and have no limits."""

from __future__ import annotations

from ..http.endpoint import Endpoint, Handler, Reads
from ..webhooks.api import WebhooksApi
from ..world import World
from .actions import Control
from .settings import Settings
from .webhooks import WebhooksControl


def control_endpoints(world: World) -> list[Endpoint]:
    """Return the endpoints under /sandbox/ in the order in which they are listed."""
    pipeline = world.pipeline
    handlers = {**_actions(world), **_settings(world), **_webhooks(world)}

    def reads(label: str) -> Reads:
        return Reads.OPTIONAL_JSON if label.startswith("POST ") else Reads.NOTHING

    return [Endpoint(pipeline, label, handler, reads=reads(label)) for label, handler in handlers.items()]


def _actions(world: World) -> dict[str, Handler]:
    control = Control(world.state, world.request_log, world.reset)
    payment = "POST /sandbox/payments/{paymentId}"
    withdrawal = "POST /sandbox/withdrawals/{withdrawalId}"
    return {
        f"{payment}/pay": control.pay,
        f"{payment}/underpay": control.underpay,
        f"{payment}/overpay": control.overpay,
        f"{payment}/confirm": control.confirm,
        f"{payment}/select": control.select,
        f"{payment}/expire": control.expire,
        f"{payment}/fail": control.fail,
        f"{withdrawal}/process": control.process_withdrawal,
        f"{withdrawal}/complete": control.complete_withdrawal,
        f"{withdrawal}/fail": control.fail_withdrawal,
        "POST /sandbox/deposit": control.deposit,
        "POST /sandbox/reset": control.reset,
        "GET /sandbox/state": control.state,
    }


def _settings(world: World) -> dict[str, Handler]:
    settings = Settings(world.clock, world.limits, world.faults, world.variants, world.request_log, world.idempotency)
    return {
        "GET /sandbox/clock": settings.clock,
        "POST /sandbox/clock/freeze": settings.freeze_clock,
        "POST /sandbox/clock/advance": settings.advance_clock,
        "POST /sandbox/clock/run": settings.run_clock,
        "POST /sandbox/clock/reset": settings.reset_clock,
        "GET /sandbox/rate-limits": settings.rate_limits,
        "POST /sandbox/rate-limits": settings.set_rate_limits,
        "GET /sandbox/faults": settings.faults,
        "POST /sandbox/faults": settings.add_fault,
        "DELETE /sandbox/faults": settings.clear_faults,
        "DELETE /sandbox/faults/{number}": settings.remove_fault,
        "GET /sandbox/variants": settings.variants,
        "POST /sandbox/variants": settings.set_variant,
        "DELETE /sandbox/variants": settings.clear_variants,
        "GET /sandbox/idempotency": settings.idempotency,
        "POST /sandbox/idempotency": settings.set_idempotency,
        "GET /sandbox/requests": settings.requests,
    }


def _webhooks(world: World) -> dict[str, Handler]:
    control = WebhooksControl(world.webhooks)
    api = WebhooksApi(world.webhooks, world.variants, world.clock)
    return {
        "GET /sandbox/webhooks": control.show,
        "POST /sandbox/webhooks": control.configure,
        "POST /sandbox/webhooks/faults": control.add_fault,
        "DELETE /sandbox/webhooks/faults": control.clear_faults,
        "POST /sandbox/webhooks/deliveries/{deliveryId}/retry": api.retry,
        "POST /sandbox/webhooks/deliver": control.deliver,
    }
