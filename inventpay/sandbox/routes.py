"""The routes of the API: the client's table of endpoints, each with the handler that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .._api import endpoints as api
from .api import Api
from .http.access import Access
from .http.endpoint import Endpoint, Handler, Pipeline, Reads
from .store.api import StoreApi
from .webhooks.api import WebhooksApi
from .world import World

# Bodies that differ from the usual JSON of a POST or PUT: long ones, and optional ones.
_READS: Final[Mapping[api.Endpoint, Reads]] = {
    api.ADD_KEYS: Reads.LONG_JSON,
    api.TEST_WEBHOOK: Reads.OPTIONAL_JSON,
    api.RETRY_WEBHOOK: Reads.OPTIONAL_JSON,
}


def api_endpoints(world: World) -> list[Endpoint]:
    """Return the endpoints under /v1 in the order in which they are tried, the most frequent one first."""
    pipeline = world.pipeline
    return [_endpoint(pipeline, row, handler) for row, handler in _handlers(world).items()]


def _endpoint(pipeline: Pipeline, row: api.Endpoint, handler: Handler) -> Endpoint:
    keyed = Access.BOTH_KEYS if row.withdrawal_key else Access.API_KEY
    access = Access.PUBLIC if row.public else keyed
    usual = Reads.JSON if row.method in ("POST", "PUT") else Reads.NOTHING
    reads = _READS.get(row, usual)
    return Endpoint(pipeline, row.name, handler, access=access, reads=reads, rate_class=row.rate_class)


def _handlers(world: World) -> dict[api.Endpoint, Handler]:
    money = Api(world.state, world.variants, world.clock)
    store = StoreApi(world.shop, world.variants)
    webhooks = WebhooksApi(world.webhooks, world.variants, world.clock)
    return {
        api.PAYMENT_STATUS: money.payment_status,
        api.CREATE_PAYMENT: money.create_payment,
        api.CREATE_INVOICE: money.create_invoice,
        api.BALANCES: money.balances,
        api.BALANCE: money.balance,
        api.CREATE_WITHDRAWAL: money.create_withdrawal,
        api.WITHDRAWAL: money.withdrawal,
        api.CREATE_STORE: store.create,
        api.STORE: store.store,
        api.UPDATE_STORE: store.update,
        api.STORE_ANALYTICS: store.analytics,
        api.CHECKOUT: store.check_out,
        api.CREATE_PRODUCT: store.create_product,
        api.PRODUCTS: store.products,
        api.UPDATE_PRODUCT: store.update_product,
        api.DELETE_PRODUCT: store.delete_product,
        api.ADD_KEYS: store.add_keys,
        api.KEYS: store.keys,
        api.KEY_STATS: store.key_stats,
        api.REMOVE_KEYS: store.remove_keys,
        api.ORDERS: store.orders,
        api.ORDER: store.order,
        api.UPDATE_ORDER_STATUS: store.move_order,
        api.CONFIGURE_WEBHOOK: webhooks.set_url,
        api.DELETE_WEBHOOK: webhooks.remove_url,
        api.WEBHOOK_CONFIG: webhooks.config,
        api.TEST_WEBHOOK: webhooks.test,
        api.WEBHOOK_DELIVERIES: webhooks.deliveries,
        api.WEBHOOK_DELIVERY: webhooks.delivery,
        api.RETRY_WEBHOOK: webhooks.retry,
        api.WEBHOOK_STATS: webhooks.stats,
    }
