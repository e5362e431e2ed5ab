"""Ways of a request: httpx's own pool, aiohttp, a client or transport of the user's, proxies and TLS."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import httpx2
import pytest

from inventpay import APIConnectionError, AsyncInventPay, ConfigurationError, DecodeError, InventPay
from inventpay._transport import response_body
from tests.support.raw_server import Exchange, RawServer
from tests.support.servers import (
    EchoServer,
    async_client,
    blocking_client,
    connect_proxy,
    echo_thread,
    read,
    wait_until,
)
from tests.support.tls import server_context, trusted

Ask: TypeAlias = Callable[..., dict[str, Any]]


def ask_blocking(base_url: str, *, method: str = "GET", **options: Any) -> dict[str, Any]:
    """One call of the blocking client."""
    with blocking_client(base_url, **options) as client:
        return read(client.request(method, "/asked"))


def ask_async(base_url: str, *, method: str = "GET", **options: Any) -> dict[str, Any]:
    """One call of the other one."""

    async def main() -> dict[str, Any]:
        async with async_client(base_url, **options) as client:
            return read(await client.request(method, "/asked"))

    return asyncio.run(main())


def ask_aiohttp(base_url: str, **options: Any) -> dict[str, Any]:
    """One call over aiohttp."""
    return ask_async(base_url, transport="aiohttp", **options)


WAYS = pytest.mark.parametrize("ask", [ask_blocking, ask_async, ask_aiohttp])


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server that tests look into."""
    with echo_thread() as running:
        yield running


@pytest.fixture(scope="module")
def tls_server() -> Iterator[EchoServer]:
    """It holds over TLS, with a certificate that is not trusted by default."""
    with echo_thread(server_context()) as running:
        yield running


# --- what the user made ---


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_an_http_client_of_the_users(server: EchoServer, package: Any) -> None:
    """A client of httpx or of httpx2 is used as it is, with its own headers, and stays open."""
    async with package.AsyncClient(headers={"X-Who": "the user"}) as lent:
        async with async_client(server.url, http_client=lent) as client:
            first = read(await client.request("GET", "/lent"))
            second = read(await client.request("POST", "/lent", json={"a": 1}))
        assert (first["who"], second["who"]) == ("the user", "the user")
        # A call that is sent once has no connections of its own here.
        assert first["connection"] == second["connection"]
        assert not lent.is_closed
        assert (await lent.get(f"{server.url}/own")).status_code == 200


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_blocking_http_client_of_the_users(server: EchoServer, package: Any) -> None:
    """It holds for the blocking client."""
    with package.Client(headers={"X-Who": "the user"}) as lent:
        with blocking_client(server.url, http_client=lent) as client:
            assert read(client.request("GET", "/lent"))["who"] == "the user"
            assert read(client.request("POST", "/lent", json={"a": 1}))["who"] == "the user"
        assert not lent.is_closed


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_closed_http_client_is_refused(server: EchoServer, package: Any) -> None:
    """Nothing was sent, and that is what the error says."""
    blocking, awaited = package.Client(), package.AsyncClient()
    blocking.close()
    asyncio.run(awaited.aclose())
    for ask, lent in ((ask_blocking, blocking), (ask_async, awaited)):
        with pytest.raises(ConfigurationError, match="http_client= is closed") as caught:
            ask(server.url, method="POST", http_client=lent)
        assert caught.value.outcome == "not_sent"
    assert server.requests == 0


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_errors_of_an_http_client(package: Any) -> None:
    """Both packages' exceptions are translated, with the outcome they stand for."""
    async with (
        package.AsyncClient(trust_env=False) as lent,
        async_client("http://127.0.0.1:1", http_client=lent) as client,
    ):
        with pytest.raises(
            APIConnectionError, match=r"no connection to http://127.0.0.1:[0-9]+ could be made \(ConnectError"
        ) as caught:
            await client.request("POST", "/nobody")
    assert caught.value.outcome == "not_sent"


def test_a_mock_transport() -> None:
    """Any httpx transport will do: here one that answers by itself, in both clients."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"path": request.url.path, "key": request.headers["X-API-Key"]})

    transport = httpx.MockTransport(answer)
    for ask in (ask_blocking, ask_async):
        answered = ask("http://localhost", transport=transport, api_key="pk_live_mock")
        assert answered == {"path": "/asked", "key": "pk_live_mock"}


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (httpx.ConnectError("refused"), "not_sent"),
        (httpx.ConnectTimeout("slow"), "not_sent"),
        (httpx.PoolTimeout("busy"), "not_sent"),
        (httpx.ReadTimeout("silent"), "unknown"),
        (httpx.WriteError("reset"), "unknown"),
        (ConnectionResetError("reset"), "unknown"),
    ],
)
def test_a_transport_that_reports_nothing_is_taken_at_its_word(raised: Exception, outcome: str) -> None:
    """The exception alone says whether a connection was made; of an unknown one the worst is assumed."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise raised

    for ask in (ask_blocking, ask_async):
        with pytest.raises(APIConnectionError) as caught:
            ask("http://localhost", transport=httpx.MockTransport(fail), method="POST")
        assert caught.value.outcome == outcome


class TimeLimit(Exception):
    """An exception as job queues raise it from a signal handler."""


@pytest.mark.parametrize("foreign", [AssertionError, ValueError, RuntimeError, TimeLimit])
def test_a_foreign_exception_is_not_translated(foreign: type[Exception]) -> None:
    """The complaint of a mock, a bug and the time limit of a job queue reach the caller as they are, with a note."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise foreign("not about a connection")

    for ask in (ask_blocking, ask_async):
        with pytest.raises(foreign, match="not about a connection") as caught:
            ask("http://localhost", transport=httpx.MockTransport(fail), method="POST")
        assert "may have been received" in caught.value.__notes__[0]


def test_an_asgi_application() -> None:
    """An ASGI application in this process answers without a socket."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps({"path": scope["path"]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    assert ask_async("http://localhost", transport=httpx.ASGITransport(app=app)) == {"path": "/asked"}


def test_a_wsgi_application() -> None:
    """A WSGI application can be the transport."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"path": environ["PATH_INFO"]}).encode()]

    assert ask_blocking("http://localhost", transport=httpx.WSGITransport(app=app)) == {"path": "/asked"}


@pytest.mark.parametrize("name", ["transport", "http_client"])
def test_what_is_made_for_the_other_client_is_refused(name: str) -> None:
    """The constructor says which classes it takes."""
    blocking = {"transport": httpx.HTTPTransport, "http_client": httpx.Client}[name]()
    awaited = {"transport": httpx.AsyncHTTPTransport, "http_client": httpx.AsyncClient}[name]()
    made_for_threads, made_for_tasks = f"{name}= is {type(blocking).__name__}", f"{name}= is {type(awaited).__name__}"
    with pytest.raises(ConfigurationError, match=rf"{made_for_threads}, which has no aclose\(\): AsyncInventPay takes"):
        AsyncInventPay("pk_live_1", **{name: blocking})
    with pytest.raises(ConfigurationError, match=rf"{made_for_tasks}, which has no close\(\): InventPay takes"):
        InventPay("pk_live_1", **{name: awaited})
    blocking.close()
    asyncio.run(awaited.aclose())


# --- aiohttp ---


async def test_aiohttp_keeps_nothing_from_answer_to_answer() -> None:
    """Cookies are not sent back, and no compression is asked for."""
    body = b'{"success": true, "data": {}}'

    def sets_a_cookie(exchange: Exchange) -> None:
        exchange.say(200, body, Set_Cookie="session=1; Path=/")

    with RawServer(sets_a_cookie) as server:
        for transport in (None, "aiohttp"):
            async with async_client(server.url, transport=transport) as client:
                for _ in range(2):
                    await client.request("GET", "/cookies")
        for exchange in server.exchanges:
            assert exchange.header("Cookie") == ""
            assert exchange.header("Accept-Encoding") == "identity"
            assert exchange.header("Accept") == "application/json"
        assert len(server.exchanges) == 4


def test_aiohttp_reuses_connections(server: EchoServer) -> None:
    """Over aiohttp, calls one after the other use one connection as well, and more when they must."""

    async def main() -> None:
        async with async_client(server.url, transport="aiohttp") as client:
            assert {read(await client.request("GET", "/again"))["connection"] for _ in range(5)} == {1}
            # aiohttp's own limit would be a hundred.
            many = [client.request("GET", "/many", params={"together": 100}) for _ in range(100)]
            assert len(await asyncio.gather(*many)) == 100

    asyncio.run(main())
    wait_until(lambda: server.open == 0)


def test_aiohttp_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    with pytest.raises(ConfigurationError, match=r'transport="aiohttp" needs the extra: pip install'):
        ask_aiohttp("http://localhost:1")


# --- set up wrongly ---

BAD_OPTIONS: dict[str, dict[str, Any]] = {
    "a proxy of no kind": {"proxy": "ftp://localhost"},
    "a proxy that is no URL": {"proxy": "http://local\nhost"},
    "a proxy with a bad port": {"proxy": "http://localhost:port"},
    "a certificate that is not there": {"verify": "/nowhere/certificates.pem"},
    "a certificate that is none": {"verify": __file__},
}


@WAYS
@pytest.mark.parametrize("options", BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_options_that_cannot_work(ask: Ask, options: dict[str, Any]) -> None:
    """They are a ConfigurationError that says where to look, and nothing was sent."""
    with pytest.raises(
        ConfigurationError, match=r"the HTTP client cannot be set up: .*; check proxy=, verify="
    ) as caught:
        ask("https://localhost:1", method="POST", **options)
    assert caught.value.outcome == "not_sent"


def test_aiohttp_knows_no_socks() -> None:
    """A proxy that it cannot use is refused."""
    with pytest.raises(ConfigurationError, match="socks"):
        ask_aiohttp("https://localhost:1", proxy="socks5://localhost:1")


BAD_VARIABLES = {
    "HTTPS_PROXY": "ftp://localhost",
    "ALL_PROXY": "http://localhost:port",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
}


@WAYS
@pytest.mark.parametrize(("variable", "value"), BAD_VARIABLES.items(), ids=BAD_VARIABLES)
def test_an_environment_that_cannot_work(
    ask: Ask, variable: str, value: str, monkeypatch: pytest.MonkeyPatch, fresh_tls: None
) -> None:
    """Variables that HTTP clients read are named when they are wrong."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"cannot be set up: .*{variable}"):
        ask("https://localhost:1")


@pytest.fixture
def fresh_tls() -> Iterator[None]:
    """A process that read no certificates yet."""
    from inventpay._transport.http_client import _tls_context

    _tls_context.cache_clear()
    yield
    _tls_context.cache_clear()


# --- proxies ---


@WAYS
def test_a_proxy(tls_server: EchoServer, ask: Ask) -> None:
    """`proxy=` opens a tunnel, through which TLS is spoken with the API itself."""
    with connect_proxy() as (proxy, targets):
        answer = ask(tls_server.url, proxy=proxy, verify=trusted())
        assert answer["path"] == "/asked"
        assert targets == [tls_server.url.removeprefix("https://")]
        assert ask(tls_server.url, proxy=httpx.Proxy(proxy), verify=trusted())["path"] == "/asked"


@WAYS
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment(
    tls_server: EchoServer, ask: Ask, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the environment is used as well, over aiohttp too; and not for hosts in NO_PROXY."""
    with connect_proxy() as (proxy, targets):
        monkeypatch.setenv(variable, proxy.removeprefix("http://"))
        ask(tls_server.url, verify=trusted())
        assert len(targets) == 1
        monkeypatch.setenv("NO_PROXY", "localhost")
        ask(tls_server.url, verify=trusted())
        assert len(targets) == 1


@WAYS
def test_no_proxy_sees_what_is_not_encrypted(server: EchoServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox on this machine is asked directly: a proxy of the environment would read the keys."""
    with connect_proxy() as (proxy, targets):
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy)
        assert ask(server.url)["path"] == "/asked"
        assert targets == []


@WAYS
def test_a_proxy_that_refuses(tls_server: EchoServer, ask: Ask) -> None:
    """A proxy that opened no tunnel passed nothing on: the outcome is certain, for money too."""
    with connect_proxy(refuses=True) as (proxy, targets):
        with pytest.raises(APIConnectionError, match="407") as caught:
            ask(tls_server.url, method="POST", proxy=proxy, verify=trusted())
        assert len(targets) == 1
    assert caught.value.outcome == "not_sent"


@WAYS
def test_a_proxy_that_is_not_there(tls_server: EchoServer, ask: Ask) -> None:
    """It holds where the proxy itself cannot be reached."""
    with pytest.raises(APIConnectionError, match=r"no connection to \S+ could be made") as caught:
        ask(tls_server.url, method="POST", proxy="http://127.0.0.1:1", verify=trusted())
    assert caught.value.outcome == "not_sent"


# --- TLS ---


@WAYS
def test_a_self_signed_certificate_is_refused(tls_server: EchoServer, ask: Ask) -> None:
    """By default the server must prove who it is, before it gets to see a byte of the request."""
    before = tls_server.requests
    with pytest.raises(APIConnectionError, match=r"(?i)certificate") as caught:
        ask(tls_server.url, method="POST")
    assert caught.value.outcome == "not_sent"
    assert tls_server.requests == before


@WAYS
def test_ways_to_trust_a_certificate(tls_server: EchoServer, ask: Ask, tmp_path: Path) -> None:
    """A file, a folder as `openssl rehash` makes it, a context, or no authority at all."""
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", trusted()], check=True, capture_output=True, text=True
    ).stdout.strip()
    os.symlink(trusted(), tmp_path / f"{name}.0")
    for verify in (trusted(), str(tmp_path), ssl.create_default_context(cafile=trusted()), False):
        assert ask(tls_server.url, verify=verify)["path"] == "/asked"


@WAYS
def test_a_host_with_another_name_is_refused(tls_server: EchoServer, ask: Ask) -> None:
    """A trusted certificate is good for the names in it only."""
    with pytest.raises(APIConnectionError) as caught:
        ask(tls_server.url.replace("localhost", "localhost.localhost"), method="POST", verify=trusted())
    assert caught.value.outcome == "not_sent"


@WAYS
def test_a_server_that_speaks_no_tls(ask: Ask) -> None:
    """If a server does not speak TLS, nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = pool.submit(answer)
        with pytest.raises(APIConnectionError, match=r"(?i)ssl") as caught:
            ask(f"https://localhost:{listener.getsockname()[1]}", method="POST", verify=trusted())
        answering.result(20)
    assert caught.value.outcome == "not_sent"


async def test_an_answer_that_cannot_be_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble with closing a half-read answer does not hide why it was not read on."""

    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"more than was expected"
            yield b"and more"

        async def aclose(self) -> None:
            raise OSError("cannot be closed")

    monkeypatch.setattr(response_body, "MAX_BODY", 10)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Stream()))
    async with async_client("http://localhost", transport=transport) as client:
        with pytest.raises(DecodeError, match="the answer is larger than 10 bytes"):
            await client.request("POST", "/once")


@pytest.mark.parametrize("ask", [ask_blocking, ask_async, ask_aiohttp])
@pytest.mark.parametrize("method", ["send", "_send_single_request"])
def test_what_monitors_httpx_sees_every_request(
    server: EchoServer, method: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper of what httpx's clients send with, as of monitoring and recording libraries, is not bypassed."""
    seen: list[str] = []
    for kind in (httpx.Client, httpx.AsyncClient):
        monkeypatch.setattr(kind, method, watched(getattr(kind, method), seen))
    ask(server.url)
    assert seen == [f"{server.url}/asked"]


def watched(send: Callable[..., Any], seen: list[str]) -> Callable[..., Any]:
    """``send`` as a monitoring library wraps it."""

    @functools.wraps(send)
    def wrapper(client: Any, request: httpx.Request, **options: Any) -> Any:
        seen.append(str(request.url))
        return send(client, request, **options)

    return wrapper
