"""Tools that replace methods of httpx or httpcore, and event loops other than asyncio's, over the transport."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
import vcr
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from inventpay import AsyncInventPay, InventPay, RateLimits
from inventpay.errors import APITimeoutError
from tests.support.clients import new_key
from tests.support.fault_servers import FaultServer
from tests.support.raw_server import Exchange, RawServer, answers_as_documented, never_answers
from tests.support.servers import EchoServer, async_client, blocking_client, echo_thread, read

MANY = RateLimits(other=100_000, payment_creation=100_000)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server that says which connection a request came over."""
    with echo_thread() as running:
        yield running


def ask_both(url: str, path: str = "/asked") -> list[dict[str, Any]]:
    """The answers to one call of each client."""

    async def main() -> dict[str, Any]:
        async with async_client(url) as client:
            return read(await client.request("GET", path))

    with blocking_client(url) as client:
        return [read(client.request("GET", path)), asyncio.run(main())]


# --- pytest-httpx, respx, vcrpy ---


def test_pytest_httpx(httpx_mock: HTTPXMock) -> None:
    """It replaces ``handle_request`` of httpx's transports: mocks answer, and no socket is opened."""
    httpx_mock.add_response(json={"success": True, "data": {"mocked": 1}}, is_reusable=True)
    assert ask_both("https://api.example")[0]["data"] == {"mocked": 1}
    assert [request.url.path for request in httpx_mock.get_requests()] == ["/asked", "/asked"]


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.path == "/mocked")
def test_what_pytest_httpx_lets_pass_is_direct(httpx_mock: HTTPXMock, server: EchoServer) -> None:
    """Requests that it does not mock go over the connections of this package."""
    httpx_mock.add_response(json={"success": True, "data": {}})
    with blocking_client(server.url) as client:
        for _ in range(2):
            assert read(client.request("GET", "/real"))["connection"] == 1
        client.request("GET", "/mocked")
        (pool,) = client._connection._pools.values()
        transport: Any = pool.clients[False]._straight_to
        assert len(transport._pool.connections) == 1
        assert transport._pool._httpcore is None


@respx.mock
def test_respx_mocks() -> None:
    """It replaces methods of httpcore, so the request goes there."""
    route = respx.get("https://api.example/asked").mock(
        return_value=httpx.Response(200, json={"success": True, "data": 7})
    )
    assert [answer["data"] for answer in ask_both("https://api.example")] == [7, 7]
    assert route.call_count == 2


def test_after_respx_requests_are_direct_again(server: EchoServer) -> None:
    """A client that was mocked for a while uses its own connections afterwards."""
    with blocking_client(server.url) as client:
        with respx.mock:
            respx.get(f"{server.url}/asked").mock(return_value=httpx.Response(200, json={"mocked": True}))
            assert client.request("GET", "/asked").json() == {"mocked": True}
            respx.get(f"{server.url}/through").pass_through()
            assert read(client.request("GET", "/through"))["connection"] == 1
        assert [read(client.request("GET", "/asked"))["connection"] for _ in range(2)] == [2, 2]


def test_vcrpy_records_and_replays(server: EchoServer, tmp_path: Path) -> None:
    """A cassette records what was answered and replays it; after it has ended, requests are sent again."""
    cassette = str(tmp_path / "cassette.yaml")
    with vcr.use_cassette(cassette):
        recorded = ask_both(server.url)
    assert server.requests == 2
    with vcr.use_cassette(cassette, record_mode="none"):
        assert ask_both(server.url) == recorded
    assert server.requests == 2
    ask_both(server.url)
    assert server.requests == 4
    # The recorded file holds no key.
    assert "GET" in Path(cassette).read_text()


def test_a_client_outlives_a_cassette(server: EchoServer, tmp_path: Path) -> None:
    """One client, during and after a cassette, uses one connection."""
    with blocking_client(server.url) as client:
        with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
            first = read(client.request("GET", "/asked"))
        assert read(client.request("GET", "/asked"))["connection"] == first["connection"]


# --- OpenTelemetry ---


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Where the spans of httpx go while it is instrumented."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    exporter.start = lambda: instrumentor.instrument(tracer_provider=provider)  # type: ignore[attr-defined]
    yield exporter
    instrumentor.uninstrument()


@pytest.mark.parametrize("early", [True, False])
def test_opentelemetry(server: EchoServer, spans: Any, early: bool) -> None:
    """If httpx is instrumented before or after a client was made, each request has a span, and one connection."""
    if early:
        spans.start()
    with blocking_client(server.url) as client:
        if not early:
            client.request("GET", "/before")
            assert spans.get_finished_spans() == ()
            spans.start()
        used = {read(client.request("GET", "/asked"))["connection"] for _ in range(3)}
    assert used == {1}
    assert len(spans.get_finished_spans()) == 3

    async def main() -> set[int]:
        async with async_client(server.url) as awaited:
            return {read(await awaited.request("GET", "/asked"))["connection"] for _ in range(3)}

    assert len(asyncio.run(main())) == 1
    assert len(spans.get_finished_spans()) == 6


def test_a_duplicate_shifts_nothing_while_instrumented(spans: Any) -> None:
    """Instrumented for the life of a process, no answer goes to another call."""
    spans.start()

    def twice(exchange: Exchange) -> None:
        body = json.dumps({"success": True, "data": {"path": exchange.line.split()[1]}}).encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        exchange.connection.sendall(answer * (2 if "/0" in exchange.line else 1))

    with RawServer(twice) as server, blocking_client(server.url, rate_limits=MANY) as client:
        paths = [client.request("GET", f"/{number}").json()["data"]["path"] for number in range(50)]
    assert paths == [f"/{number}" for number in range(50)]
    assert server.connections == 2


# --- event loops and greenlets ---


def test_uvloop(server: EchoServer) -> None:
    """On uvloop: one connection for calls in turn, deadlines, cancellation and an end without leftovers."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop has no build for this system")

    async def main() -> None:
        async with async_client(server.url) as client:
            assert {read(await client.request("GET", "/asked"))["connection"] for _ in range(3)} == {1}
            with pytest.raises(APITimeoutError):
                await client.with_options(attempt_timeout=0.05).request("GET", "/slow", params={"hold": 1})
            task = asyncio.create_task(client.request("GET", "/slow", params={"hold": 1}))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            many = [client.request("GET", "/many", params={"together": 20}) for _ in range(20)]
            assert len(await asyncio.gather(*many)) == 20

    uvloop.run(main())


GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent, json, sys, threading, time
from inventpay import InventPay, InventPayError, RateLimits
from tests.support.clients import new_key

url, silent = sys.argv[1:]
limits = RateLimits(status_checks=10**6, other=10**6)
found = {}
with InventPay(new_key(), base_url=url, rate_limits=limits, coalesce=False, max_connections=300) as client:
    started = time.monotonic()
    jobs = [gevent.spawn(client.balances.get, "USDT_BEP20") for _ in range(300)]
    gevent.joinall(jobs, timeout=30)
    found["answered"] = sum(job.successful() for job in jobs)
    named = InventPay(new_key(), base_url=url.replace("127.0.0.1", "localhost"), rate_limits=limits)
    found["by name"] = str(named.balances.get("USDT_BEP20").currency)
    named.close()
with InventPay(new_key(), base_url=silent, timeout=0.3, attempt_timeout=0.3, max_retries=0) as client:
    started = time.monotonic()
    try:
        client.balances.get("USDT_BEP20")
    except InventPayError as error:
        found["late"] = type(error).__name__
    found["in time"] = time.monotonic() - started < 2
with InventPay(new_key(), base_url=silent, timeout=20, max_retries=0) as client:
    # The followers of a killed leader of a shared read ask by themselves.
    leader = gevent.spawn(client.balances.get, "USDT_BEP20")
    gevent.sleep(0.1)
    leader.kill()
    found["killed"] = leader.dead
    started = time.monotonic()
    with gevent.Timeout(0.2, False):
        client.balances.get("BTC")
    found["cut off"] = time.monotonic() - started < 2
print(json.dumps(found))
"""


def test_gevent() -> None:
    """With everything patched: 300 greenlets at once, a deadline, a killed leader and a gevent.Timeout."""
    pytest.importorskip("gevent")
    with (
        RawServer(answers_as_documented) as server,
        RawServer(never_answers) as silent,
    ):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", GEVENT, server.url, silent.url],
            capture_output=True,
            text=True,
            timeout=50,
            cwd=Path(__file__).parents[2],
        )
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout) == {
            "answered": 300,
            "by name": "USDT_BEP20",
            "late": "APITimeoutError",
            "in time": True,
            "killed": True,
            "cut off": True,
        }
        assert len(server.exchanges) == 301


def test_neither_httpcore_nor_h11_is_imported() -> None:
    """A call over connections of this package needs neither, which saves a seventh of a cold start."""
    code = (
        "import sys; from inventpay import InventPay, InventPayError\n"
        "try: InventPay('pk_live_1', base_url='http://127.0.0.1:1', max_retries=0).balances.all()\n"
        "except InventPayError: pass\n"
        "print(sorted({'httpcore', 'h11', 'trio', 'asyncio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_client_of_the_user_still_works(server: EchoServer) -> None:
    """A lent ``httpx.Client`` keeps its own transport."""
    with httpx.Client() as lent, blocking_client(server.url, http_client=lent) as client:
        assert read(client.request("GET", "/asked"))["connection"] == 1


def test_both_kinds_refuse_late_duplicates_between_calls() -> None:
    """A duplicate that arrives between two calls belongs to neither of them."""
    answer = b'{"success": true, "data": {"first": true}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
    with FaultServer([head + answer, 0.02, head + answer]) as server:
        url = f"http://127.0.0.1:{server.port}"
        with InventPay(new_key(), base_url=url) as client:
            assert client.request("GET", "/first").json()["data"] == {"first": True}
            time.sleep(0.1)
            assert client.request("GET", "/second").json() == {"second": True}

    async def main(url: str) -> None:
        async with AsyncInventPay(new_key(), base_url=url) as awaited:
            assert (await awaited.request("GET", "/first")).json()["data"] == {"first": True}
            await asyncio.sleep(0.1)
            assert (await awaited.request("GET", "/second")).json() == {"second": True}

    with FaultServer([head + answer, 0.02, head + answer]) as server:
        asyncio.run(main(f"http://127.0.0.1:{server.port}"))
