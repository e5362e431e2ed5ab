# The source of tests/_sync/test_check.py; after a change run: python tools/generate_sync.py
"""``check()``: one question, never repeated, and whatever comes of it is a result."""

from __future__ import annotations

import email.utils
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    AttemptSent,
    AuthenticationError,
    CallFinished,
    CheckState,
    RateLimits,
)
from inventpay._api.health_check import judge_failure
from inventpay._transport import response_body
from inventpay.redis import RedisLimiter
from inventpay.sandbox import Sandbox
from tests.support.api import ScriptedAPI, answers, fails, takes
from tests.support.clients import new_key, scripted_async_client, transports_of
from tests.support.raw_server import RawServer, closed_port
from tests.support.servers import connect_proxy, echo_thread
from tests.support.tls import server_context

OK = {"success": True, "data": {"balances": {}}}
REFUSED = {"success": False, "error": "Invalid API key", "statusCode": 401}


async def test_all_is_well() -> None:
    """Latency, the clocks, and the limits as the server sees them; nothing is shared with the calls of others."""
    sandbox = Sandbox(api_key=new_key())
    with sandbox.run() as server:
        async with AsyncInventPay(sandbox.api_key, base_url=server.url) as client:
            await client.balances.all()
            result = await client.check()
    assert result
    assert (result.state, result.status, result.reason) == (CheckState.OK, 200, None)
    assert (result.message, result.base_url) == ("the API answers and takes the key", server.url)
    assert result.latency is not None
    assert 0 < result.latency < 10
    assert (result.limit, result.remaining) == (60, 58)
    assert result.reset_in is not None
    # The moment is a whole second, rounded up, and so is the Date it is compared with, rounded down.
    assert 0 < result.reset_in <= 62
    assert sandbox.request_counts == {("GET /v1/merchant/balance", 200): 2}


async def test_a_key_that_is_refused() -> None:
    """By the real thing: the answer's own words are in the message."""
    sandbox = Sandbox(api_key=new_key())
    with sandbox.run() as server:
        async with AsyncInventPay(new_key(), base_url=server.url) as client:
            result = await client.check()
    assert not result
    assert (result.state, result.status) == (CheckState.KEY_REFUSED, 401)
    assert result.message == "the API answers, but does not take the key (401, 'Invalid API key')"


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, OK, CheckState.OK),
        (401, REFUSED, CheckState.KEY_REFUSED),
        (403, REFUSED, CheckState.KEY_REFUSED),
        (429, REFUSED, CheckState.RATE_LIMITED),
        (429, b"slow down", CheckState.RATE_LIMITED),
        (500, REFUSED, CheckState.SERVER_ERROR),
        (503, b"<html>", CheckState.SERVER_ERROR),
        (200, b"<html>Welcome to our wireless network", CheckState.NOT_THE_API),
        (200, {"hello": "world"}, CheckState.NOT_THE_API),
        (200, {"success": False, "data": {}}, CheckState.NOT_THE_API),
        (200, {"success": True}, CheckState.NOT_THE_API),
        (200, b"[]", CheckState.NOT_THE_API),
        (200, b"", CheckState.NOT_THE_API),
        (204, b"", CheckState.NOT_THE_API),
        (302, b"", CheckState.NOT_THE_API),
        (401, b"Authorization required", CheckState.NOT_THE_API),
        (404, {"success": False, "error": "Not found"}, CheckState.NOT_THE_API),
        (407, b"", CheckState.NOT_THE_API),
    ],
)
async def test_every_answer_has_its_state(status: int, body: Any, state: CheckState) -> None:
    """One request, whatever it is answered with."""
    api = ScriptedAPI(answers(status, body))
    async with scripted_async_client(api) as client:
        result = await client.check()
    assert (result.state, result.status, bool(result)) == (state, status, state is CheckState.OK)
    assert len(api.requests) == 1


async def test_the_message_shows_who_answered() -> None:
    """The beginning of a page, or where a redirect leads, shows a wrong address at a glance."""
    async with scripted_async_client(ScriptedAPI(answers(200, b"<html>Welcome to the hotel"))) as client:
        message = (await client.check()).message
    assert message == "the answer is not one of the API: status 200, its body starts with '<html>Welcome to the hotel'"
    away = answers(302, b"", {"Location": "https://login.example/"})
    async with scripted_async_client(ScriptedAPI(away)) as client:
        assert (await client.check()).message == "the answer leads elsewhere: 302 to 'https://login.example/'"
    async with scripted_async_client(ScriptedAPI(answers(404, b""))) as client:
        assert (await client.check()).message == "the answer is not one of the API: status 404, its body is empty"


async def test_latency_is_that_of_the_one_attempt() -> None:
    """Waiting for a token does not count."""
    async with scripted_async_client(ScriptedAPI(takes(0.25, answers(200, OK)))) as client:
        assert (await client.check()).latency == pytest.approx(0.25)


@pytest.mark.parametrize("seconds", [-3600, 0, 90])
async def test_clocks_that_are_apart(seconds: int) -> None:
    """The server's ``Date`` against ours, good to a second; what is no date says nothing."""
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    async with scripted_async_client(ScriptedAPI(answers(200, OK, {"Date": date}))) as client:
        skew = (await client.check()).clock_skew
    assert skew is not None
    assert abs(skew - seconds) < 1.5
    for odd in ("yesterday", "Mon, 99 Jan 2024 12:00:00 GMT"):
        async with scripted_async_client(ScriptedAPI(answers(200, OK, {"Date": odd}))) as client:
            assert (await client.check()).clock_skew is None


async def test_a_date_without_a_zone_is_utc() -> None:
    """A date without a zone, as from old servers, is UTC."""
    date = email.utils.format_datetime(datetime.now(UTC).replace(tzinfo=None))
    async with scripted_async_client(ScriptedAPI(answers(200, OK, {"Date": date}))) as client:
        skew = (await client.check()).clock_skew
    assert skew is not None
    assert abs(skew) < 1.5


async def test_headers_of_strangers_say_nothing() -> None:
    """Their clock and their limits are not the API's."""
    stranger = answers(404, b"", {"Date": "Mon, 01 Jan 2024 12:00:00 GMT", "X-RateLimit-Limit": "5"})
    async with scripted_async_client(ScriptedAPI(stranger)) as client:
        result = await client.check()
    assert (result.clock_skew, result.limit) == (None, None)


async def test_the_limits_as_the_server_sees_them() -> None:
    """A 429 says when to come back."""
    headers = {"Retry-After": "7", "X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}
    api = ScriptedAPI(answers(429, REFUSED, headers))
    async with scripted_async_client(api) as client:
        result = await client.check()
    assert (result.limit, result.remaining, result.retry_after) == (60, 0, 7)


async def test_the_clients_own_limit_is_a_result_too() -> None:
    """Nothing is asked when ``max_wait`` would pass before."""
    api = ScriptedAPI(answers(200, OK))
    async with scripted_async_client(api, rate_limits=RateLimits(other=1), max_wait=1) as client:
        assert await client.check()
        result = await client.check()
    assert result.state is CheckState.RATE_LIMITED
    assert result.message.startswith("nothing was asked: ")
    assert result.retry_after is not None
    assert result.retry_after > 1
    assert len(api.requests) == 1


@contextmanager
def listens_with_another_name() -> Iterator[str]:
    """A server with an untrusted certificate."""
    with echo_thread(server_context()) as server:
        yield server.url


@contextmanager
def is_nowhere() -> Iterator[str]:
    """A host that has no address."""
    yield "https://no-such-host.localhost.invalid"


@pytest.mark.parametrize("transport", transports_of(AsyncInventPay))
@pytest.mark.parametrize(
    ("place", "trouble", "words"),
    [
        (is_nowhere, "dns", "the host's name cannot be looked up: "),
        (closed_port, "refused", "no server listens there: "),
        (listens_with_another_name, "tls", "no encrypted connection can be made: "),
    ],
)
async def test_what_is_in_the_way(place: Any, trouble: str, words: str, transport: Any) -> None:
    """Failures are distinguished over real sockets, whichever library is under the client; never repeated."""
    sent: list[object] = []
    with place() as url:
        options = {"base_url": url, "transport": transport, "hooks": [sent.append]}
        async with AsyncInventPay(new_key(), **options) as client:
            result = await client.check()
    assert (result.state, result.reason, result.status) == (CheckState.UNREACHABLE, trouble, None)
    assert result.message.startswith(words)
    assert sum(isinstance(event, AttemptSent) for event in sent) == 1


async def test_a_proxy_that_refuses() -> None:
    """The refusal of a proxy is not mistaken for one of the API."""
    with RawServer(lambda exchange: exchange.say(407, b"")) as proxy:
        options = {"base_url": "https://api.inventpay.io", "proxy": proxy.url}
        async with AsyncInventPay(new_key(), **options) as client:
            result = await client.check()
    assert (result.state, result.reason) == (CheckState.UNREACHABLE, "proxy")
    assert result.message.startswith(f"the proxy refuses (through the proxy {proxy.url}): ")
    assert result.proxy == proxy.url


@pytest.mark.parametrize("transport", transports_of(AsyncInventPay))
@pytest.mark.parametrize(
    ("variable", "address", "shown", "words"),
    [
        ("ALL_PROXY", "socks://10.0.0.1:1080/", "socks://10.0.0.1:1080", "Unknown scheme"),
        ("HTTPS_PROXY", "http://user:secret@proxy.corp:notaport", "http://proxy.corp:notaport", "Invalid port"),
        ("HTTPS_PROXY", "http://user:secret@proxy.corp:notaport/", "http://proxy.corp:notaport", "HTTPS_PROXY"),
    ],
)
async def test_an_environment_that_cannot_be_used_is_a_result(
    variable: str, address: str, shown: str, words: str, transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy settings that cannot be read name themselves and the variables to look at; credentials are not shown."""
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, address)
    async with AsyncInventPay(new_key(), base_url="https://api.example.com", transport=transport) as client:
        result = await client.check()
    assert (result.state, bool(result), result.proxy) == (CheckState.NOT_ASKED, False, shown)
    assert words in result.message
    assert "secret" not in repr(result)


async def test_a_certificate_file_that_is_not_there_is_a_result() -> None:
    """The path that cannot be read is in the message."""
    async with AsyncInventPay(new_key(), base_url="https://api.example.com", verify="/nonexistent.pem") as client:
        result = await client.check()
    assert result.state is CheckState.NOT_ASKED
    assert "verify=" in result.message


async def test_the_proxy_of_an_answer() -> None:
    """A check that went well names the proxy too, and one without a proxy names none."""
    sandbox = Sandbox(api_key=new_key())
    with sandbox.run() as server, connect_proxy() as (proxy, _):
        options = {"base_url": server.url, "allow_insecure": True}
        async with AsyncInventPay(sandbox.api_key, proxy=proxy.replace("//", "//user:secret@"), **options) as client:
            assert client._connection.proxy == proxy
        async with AsyncInventPay(sandbox.api_key, **options) as client:
            assert (await client.check()).proxy is None


async def test_a_ca_that_is_not_known() -> None:
    """A certificate of an unknown authority gets advice for networks that inspect traffic; other trouble gets none."""
    with echo_thread(server_context()) as server:
        async with AsyncInventPay(new_key(), base_url=server.url) as client:
            result = await client.check()
        assert 'pass its CA as verify="/path/to/ca.pem"' in result.message
    expired = APIConnectionError("certificate verify failed: certificate has expired", outcome="not_sent", reason="tls")
    result = judge_failure(expired, base_url="https://api.example.com", proxy=None)
    assert "CA as" not in result.message


async def test_a_shared_limiter_that_is_away_is_a_result() -> None:
    """Where the limiter has no answer, nothing was asked of the API."""
    limiter = RedisLimiter("redis://127.0.0.1:9", on_outage="error", timeout=0.2)
    api = ScriptedAPI(answers(200, OK))
    async with AsyncInventPay(new_key(), transport=httpx.MockTransport(api), limiter=limiter) as client:
        result = await client.check()
    limiter.close()
    assert result.state is CheckState.NOT_ASKED
    assert result.message.startswith("nothing was asked: ")
    assert not api.requests


async def test_no_answer_in_time() -> None:
    """A timeout is a result as well, and so is a connection that is lost."""
    async with scripted_async_client(ScriptedAPI(takes(100)), timeout=2) as client:
        result = await client.check()
    assert (result.state, result.reason) == (CheckState.UNREACHABLE, "timeout")
    async with scripted_async_client(ScriptedAPI(fails(httpx.ReadError("reset")))) as client:
        result = await client.check()
    assert (result.state, result.reason) == (CheckState.UNREACHABLE, "other")


async def test_an_answer_without_an_end_is_not_the_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is longer than any of the API's did not come from the API."""
    async with scripted_async_client(ScriptedAPI(answers(200, b"x" * 100))) as client:
        monkeypatch.setattr(response_body, "MAX_BODY", 10)
        result = await client.check()
    assert result.state is CheckState.NOT_THE_API
    assert "larger than 10 bytes" in result.message


async def test_hooks_get_the_events_of_a_check() -> None:
    """A check is a call like any other, and its refusal an error."""
    reported: list[Any] = []
    async with scripted_async_client(ScriptedAPI(answers(401, REFUSED)), hooks=[reported.append]) as client:
        await client.check()
    finished = [event for event in reported if isinstance(event, CallFinished)]
    assert [(event.path_template, event.status, event.outcome, event.error) for event in finished] == [
        ("/v1/merchant/balance", 401, "refused", AuthenticationError.__name__)
    ]


async def test_a_closed_client_is_a_result_and_an_interrupt_passes() -> None:
    """Problems that the client finds are a result; an exception from outside passes through."""
    client = scripted_async_client(ScriptedAPI(answers(200, OK)))
    await client.aclose()
    result = await client.check()
    assert (result.state, "closed" in result.message) == (CheckState.NOT_ASKED, True)
    async with scripted_async_client(ScriptedAPI(fails(KeyboardInterrupt()))) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.check()


async def test_the_key_is_in_no_result() -> None:
    """The key is not shown even when a server echoes it."""
    key = new_key()

    async with scripted_async_client(ScriptedAPI(answers(404, key.encode())), api_key=key) as client:
        assert key not in repr(await client.check())
