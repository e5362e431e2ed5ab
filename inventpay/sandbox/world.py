"""The parts of one sandbox. Each part refers only to those it needs, and none to the whole."""

from __future__ import annotations

import attrs

from .clock import Clock, SandboxClock
from .http.access import Keys
from .http.endpoint import Pipeline
from .http.faults import Faults
from .http.idempotency import IdempotencyStore
from .http.origin_check import OriginCheck
from .http.request_log import RequestLog
from .limits.rate_limiting import RateLimiting
from .merchant.addresses import Addresses
from .merchant.state import State
from .shapes.variants import Variants
from .store.shop import Shop
from .webhooks.settings import WebhookSettings
from .webhooks.webhooks import Webhooks


@attrs.frozen(kw_only=True)
class World:
    """The records and settings that the requests, control calls and pages of one sandbox share."""

    keys: Keys
    clock: SandboxClock
    limits: RateLimiting
    origin_check: OriginCheck = attrs.field(factory=OriginCheck)
    public_url: str | None = None
    faults: Faults
    variants: Variants
    state: State
    webhooks: Webhooks
    shop: Shop
    idempotency: IdempotencyStore = attrs.field(factory=IdempotencyStore)
    request_log: RequestLog = attrs.field(factory=RequestLog)

    @property
    def pipeline(self) -> Pipeline:
        """Return the parts that every request passes."""
        return Pipeline(
            keys=self.keys,
            clock=self.clock,
            limits=self.limits,
            idempotency=self.idempotency,
            faults=self.faults,
            log=self.request_log,
            public_url=self.public_url,
            reshape=self.variants.wrap,
        )

    def reset(self) -> None:
        """Delete all records, counts, planned faults and chosen variants, and reset the clock."""
        self.clock.reset()
        self.state.reset()
        self.webhooks.reset()
        self.shop.reset()
        self.limits.policy.clear()
        self.idempotency.clear()
        self.request_log.clear()
        self.faults.clear()
        self.variants.clear()


def new_world(
    *,
    keys: Keys,
    clock: Clock,
    limits: RateLimiting,
    webhooks: WebhookSettings,
    seed: int | None,
    origin_check: OriginCheck,
    public_url: str | None,
    addresses: Addresses,
    late_payments: bool,
) -> World:
    """Return a world without records; ``seed`` makes random faults and variants reproducible."""
    shown = clock if isinstance(clock, SandboxClock) else SandboxClock(clock)
    state = State(shown, addresses=addresses, late_payments=late_payments)
    outgoing = Webhooks(shown, state.payment, webhooks)
    state.observers.append(outgoing)
    return World(
        keys=keys,
        clock=shown,
        limits=limits,
        origin_check=origin_check,
        public_url=public_url,
        faults=Faults(seed),
        variants=Variants(seed),
        state=state,
        webhooks=outgoing,
        shop=Shop(shown, state),
    )
