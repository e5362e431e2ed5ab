"""Fixtures for tests of the sandbox: a served sandbox, and one with a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inventpay.sandbox import ManualClock, RunningServer, Sandbox

EVM_ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


class Api:
    """A merchant's plain HTTP client against a served sandbox, and the sandbox itself."""

    def __init__(self, sandbox: Sandbox, server: RunningServer, clock: ManualClock, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.server = server
        self.clock = clock
        self.http = http
        self.key = {"X-API-Key": sandbox.api_key}
        self.both = {**self.key, "X-Withdrawal-Key": sandbox.withdrawal_key}

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **{"headers": self.key, **more})

    def post(self, path: str, json: object = None, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, json=json, headers={**self.both, **names})

    def post_bytes(self, path: str, body: bytes, content_type: str = "application/json") -> httpx.Response:
        return self.http.post(path, content=body, headers={**self.both, "Content-Type": content_type})

    def create_payment(self, **members: object) -> dict[str, Any]:
        body = {"amount": 29.99, "amountCurrency": "USD", "currency": "USDT_BEP20", **members}
        answer = self.post("/v1/create_payment", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def create_invoice(self, **members: object) -> dict[str, Any]:
        answer = self.post("/v1/create_invoice", {"amount": 49.99, "amountCurrency": "USD", **members})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def status(self, payment_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v1/invoice/{payment_id}/status").json())

    def withdraw(self, **members: object) -> httpx.Response:
        body = {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": EVM_ADDRESS, **members}
        return self.post("/v1/merchant/withdrawal/create", body)


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock)
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False, trust_env=False) as http:
        yield Api(sandbox, server, clock, http)


@pytest.fixture
def api(served: Api) -> Api:
    served.sandbox.reset()
    return served


@pytest.fixture
def shop(api: Api) -> Api:
    """The API with a store in it."""
    api.post("/v1/store/manage", {"name": "Shop"})
    return api
