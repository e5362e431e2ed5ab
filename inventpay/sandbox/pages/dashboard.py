"""The live dashboard of the sandbox: money, limits, requests, and the clock with its buttons."""

from __future__ import annotations

from typing import Final

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from ...options import RateClass
from ..http.origin_check import origin
from ..merchant.coins import COINS
from ..shapes.variants import VARIANTS
from ..world import World
from . import accepts, rendering
from .coin_names import COIN_NAMES
from .live import Sections

# Rows of a table; the JSON under /sandbox/ has all records.
_ROWS: Final = 10
_REQUEST_ROWS: Final = 15

SPEEDS: Final = (1, 10, 60, 3600)

RATE_CLASS_NAMES: Final = {
    RateClass.PAYMENT_CREATION: "Payment creation",
    RateClass.STATUS_CHECKS: "Status checks",
    RateClass.WITHDRAWALS: "Withdrawals",
    RateClass.OTHER: "Everything else",
}


@attrs.frozen(kw_only=True)
class Bucket:
    """One rate limit; ``limit`` is None if calls are not limited."""

    name: str
    remaining: int
    limit: int | None

    @property
    def level(self) -> str:
        """The level of the bucket: ``empty``, ``low`` or ``good``."""
        if self.limit is None or self.remaining * 4 > self.limit:
            return "good"
        return "low" if self.remaining else "empty"


class Dashboard:
    """GET /: the page for browsers; the answer of ``about`` for others."""

    def __init__(self, world: World, about: ASGIApp) -> None:
        self._world = world
        self._about = about
        # Sections in the order of the page, by the template of each.
        self._sections = {
            "clock": self._clock,
            "limits": self._limits,
            "payments": self._payments,
            "balances": self._balances,
            "withdrawals": self._withdrawals,
            "orders": self._orders,
            "deliveries": self._deliveries,
            "requests": self._requests,
            "trouble": self._trouble,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not accepts.html(scope):
            await self._about(scope, receive, send)
            return
        clock = self._world.clock
        answer = rendering.page(
            "dashboard.html",
            url=self._world.public_url or origin(scope),
            keys=self._world.keys,
            sections=self.sections(scope),
            now=clock() * 1000,
            speed=clock.speed,
            coins=COIN_NAMES,
        )
        await answer.send(send)

    def sections(self, scope: Scope) -> Sections:
        """Return the sections of the page that change."""
        return {name: rendering.fragment(f"{name}.html", **values()) for name, values in self._sections.items()}

    def _clock(self) -> dict[str, object]:
        clock = self._world.clock
        return {"is_real": clock.is_real, "is_frozen": clock.is_frozen, "speed": clock.speed, "speeds": SPEEDS}

    def _limits(self) -> dict[str, object]:
        now, policy = self._world.clock(), self._world.limits.policy
        buckets: list[Bucket] = []
        for rate_class, name in RATE_CLASS_NAMES.items():
            standing = policy.standing(rate_class, now)
            limit = None if standing is None else standing.limit
            buckets.append(Bucket(name=name, remaining=0 if standing is None else standing.remaining, limit=limit))
        name = getattr(policy, "name", type(policy).__name__).replace("_", " ")
        return {"policy": name, "window": getattr(policy, "window", None), "buckets": buckets}

    def _payments(self) -> dict[str, object]:
        state = self._world.state
        rows = state.latest_payments(_ROWS)
        return {"payments": rows, "total": state.counts()["payments"], "names": COIN_NAMES}

    def _balances(self) -> dict[str, object]:
        views = [self._world.state.balance(coin) for coin in COINS.values()]
        held = [view for view in views if view.balance.earned or view.pending]
        return {"views": held, "names": COIN_NAMES}

    def _withdrawals(self) -> dict[str, object]:
        state = self._world.state
        rows = state.latest_withdrawals(_ROWS)
        return {"withdrawals": rows, "total": state.counts()["withdrawals"], "names": COIN_NAMES}

    def _orders(self) -> dict[str, object]:
        shop = self._world.shop
        counts = shop.counts()
        return {"orders": shop.latest_orders(_ROWS), "total": counts["orders"], "products": counts["products"]}

    def _deliveries(self) -> dict[str, object]:
        webhooks = self._world.webhooks
        rows = webhooks.outbox.latest(_ROWS)
        return {"deliveries": rows, "total": webhooks.outbox.total, "url": webhooks.url}

    def _requests(self) -> dict[str, object]:
        log = self._world.request_log
        return {"requests": log.newest(_REQUEST_ROWS), "total": log.total}

    def _trouble(self) -> dict[str, object]:
        chosen = self._world.variants.chosen
        other = {endpoint: name for endpoint, name in chosen.items() if name != VARIANTS[endpoint][0]}
        return {"planned": self._world.faults.planned, "variants": other}
