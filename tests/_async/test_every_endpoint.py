# The source of tests/_sync/test_every_endpoint.py; after a change run: python tools/generate_sync.py
"""Every endpoint of the API, called through the client, arrives at a server as the sources describe it."""

from __future__ import annotations

import json
import re

from inventpay import AsyncInventPay, AsyncPage
from inventpay._api.endpoints import ENDPOINTS, Endpoint
from inventpay.sandbox import Sandbox
from inventpay.sandbox.http import server
from tests.support.clients import new_key
from tests.support.raw_server import Exchange, RawServer
from tests.support.rows import ROWS, Ids, Recorder, filled


def template(path: str) -> str:
    """Without names: ``/v1/invoice/{}/status``."""
    return re.sub(r"\{\w+\}", "{}", path)


def accepts(exchange: Exchange) -> None:
    """Takes every webhook."""
    exchange.say(200, b"{}")


async def test_every_row_of_the_table() -> None:
    """Method, path, query, headers, keys, body and the type of the result; the sandbox answers each of them."""
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_every_row")
    sandbox.deposit("USDT_BEP20", 100)
    recorder = Recorder(sandbox.app)
    with RawServer(accepts) as receiver, server.run_in_thread(recorder, "127.0.0.1", 0) as running:
        ids: Ids = {"receiver": f"{receiver.url}/hook", "coin": "BTC"}
        options = {"withdrawal_key": sandbox.withdrawal_key, "base_url": running.url}
        async with AsyncInventPay(sandbox.api_key, **options) as client:
            for row in ROWS:
                if row.path.endswith("{order}/status"):
                    sandbox.pay(ids["order_payment"])
                result = await row.call(client, ids)
                (arrived,), recorder.requests = recorder.requests, []
                assert (arrived.method, arrived.path) == (row.method, filled(row.path, ids))
                assert arrived.query == filled(row.query, ids)
                assert arrived.headers["accept"] == "application/json"
                assert arrived.headers["user-agent"].startswith("inventpay-python/")
                assert arrived.headers.get("x-api-key") == (None if row.keys == "public" else sandbox.api_key)
                assert arrived.headers.get("x-withdrawal-key") == (
                    sandbox.withdrawal_key if row.keys == "both" else None
                )
                assert ("idempotency-key" in arrived.headers) == (row.method == "POST")
                if row.body is None:
                    assert arrived.body == b""
                    assert "content-type" not in arrived.headers
                else:
                    assert json.loads(arrived.body) == filled(row.body, ids)
                    assert arrived.headers["content-type"] == "application/json"
                found = result.items[0] if isinstance(result, AsyncPage) else result
                assert type(found) is row.result
                ids |= row.learn(result)


def test_the_table_is_complete() -> None:
    """Each endpoint of the package is in it once, with the class, the safety and the keys that it has there."""
    walked = [(f"{row.method} {template(row.path)}", row.rate_class, row.safety, row.keys) for row in ROWS]
    known = [(template(name), row.rate_class.value, row.safety, keys_of(row)) for name, row in ENDPOINTS.items()]
    assert sorted(walked) == sorted(known)


def keys_of(row: Endpoint) -> str:
    if row.public:
        return "public"
    return "both" if row.withdrawal_key else "api"
