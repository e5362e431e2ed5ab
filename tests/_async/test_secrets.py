# The source of tests/_sync/test_secrets.py; after a change run: python tools/generate_sync.py
"""The keys go out in two headers and are found nowhere else: not in a repr, log, exception, pickle or warning."""

from __future__ import annotations

import gc
import json
import logging
import pickle
import warnings

import pytest

from inventpay import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncInventPay,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    InventPayError,
    LocalLimiter,
)
from tests.support import canaries
from tests.support.canaries import API_KEY, WITHDRAWAL_KEY, assert_silent
from tests.support.clients import once, read, repeatable
from tests.support.interrupter import AsyncInterrupter
from tests.support.raw_server import (
    Deed,
    Exchange,
    RawServer,
    closed_port,
    drips,
    never_answers,
    resets,
    resets_mid_answer,
)


def _key_of(exchange: Exchange) -> str:
    return f"{exchange.header('X-API-Key')} and {exchange.header('X-Withdrawal-Key')}"


def refuses_and_echoes(exchange: Exchange) -> None:
    """A 401 that repeats the keys in its body, twice, and in a header."""
    key = _key_of(exchange)
    body = {
        "success": False,
        "error": f"bad key {key}",
        "details": {key: [key, {"k": key}]},
        "statusCode": 401,
    }
    exchange.say(401, json.dumps(body).encode(), X_Echo=key)


def refuses_in_html_and_echoes(exchange: Exchange) -> None:
    """A proxy's page with a key where an excerpt of the page would be cut off."""
    exchange.say(
        502,
        b"<html><body><p>These are not the keys I know: " + _key_of(exchange).encode(),
        X_Echo=_key_of(exchange),
    )


def accepts_and_echoes(exchange: Exchange) -> None:
    """A success of no documented shape that repeats the keys in values and names."""
    key = _key_of(exchange)
    exchange.say(200, json.dumps({"data": {"amount": key, key: key, "status": 5}}).encode(), X_Echo=key)


def accepts_in_vain_and_echoes(exchange: Exchange) -> None:
    """A success that says it is none, and repeats the keys."""
    exchange.say(200, json.dumps({"success": False, "error": _key_of(exchange)}).encode())


def redirects_and_echoes(exchange: Exchange) -> None:
    """A redirect to an address with the keys in it."""
    exchange.say(307, b"", Location=f"http://127.0.0.1:9/?k={_key_of(exchange).replace(' ', '+')}")


def babbles_and_echoes(exchange: Exchange) -> None:
    """No HTTP, but the keys."""
    exchange.connection.sendall(f"{_key_of(exchange)}\r\n\r\n".encode())


def breaks_off_and_echoes(exchange: Exchange) -> None:
    """Half a body with the keys in it."""
    key = _key_of(exchange).encode()
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Echo: " + key + b"\r\n\r\n" + key)
    exchange.over.wait(0.05)
    exchange.reset()


FAILURES: dict[str, tuple[Deed, type[InventPayError]]] = {
    "read timeout": (never_answers, APITimeoutError),
    "slow body": (drips, APITimeoutError),
    "reset": (resets, APIConnectionError),
    "reset mid-answer": (resets_mid_answer, APIConnectionError),
    "reset mid-echo": (breaks_off_and_echoes, APIConnectionError),
    "babble": (babbles_and_echoes, APIConnectionError),
    "401": (refuses_and_echoes, AuthenticationError),
    "html": (refuses_in_html_and_echoes, APIStatusError),
    "undocumented": (accepts_and_echoes, DecodeError),
    "success: false": (accepts_in_vain_and_echoes, APIStatusError),
    "redirect": (redirects_and_echoes, APIStatusError),
}


def _new_client(base_url: str | None = None) -> AsyncInventPay:
    return AsyncInventPay(
        API_KEY,
        withdrawal_key=WITHDRAWAL_KEY,
        base_url=base_url,
        attempt_timeout=0.4,
        max_retries=1,
        limiter=LocalLimiter(),
    )


def _own(records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    # httpcore's own DEBUG log prints the headers of answers; what an API echoes there only the API can keep quiet.
    return [record for record in records if not record.name.startswith("httpcore")]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything any library logs, at the lowest level there is."""
    caplog.set_level(1)
    return caplog


@pytest.mark.parametrize("name", FAILURES)
async def test_no_failure_shows_a_key(name: str, log: pytest.LogCaptureFixture) -> None:
    """After any fault on the wire, and any echo of the other side, errors and logs hold no key."""
    deed, expected = FAILURES[name]
    with RawServer(deed) as server:
        async with _new_client(server.url) as client:
            with pytest.raises(expected) as caught:
                await once(client)
            assert_silent(canaries.of_error(caught.value))
            assert_silent(canaries.of_object(client))
        exchange = server.exchanges[0]
    assert (exchange.header("X-API-Key"), exchange.header("X-Withdrawal-Key")) == (API_KEY, WITHDRAWAL_KEY)
    assert_silent(canaries.of_log(_own(log.records) if "echo" in deed.__name__ else log.records))


async def test_a_refused_connection_shows_no_key(log: pytest.LogCaptureFixture) -> None:
    """An error of a connection that was never made holds no key, nor do the logs of its retries."""
    with closed_port() as url:
        async with _new_client(url) as client:
            with pytest.raises(APIConnectionError) as caught:
                await repeatable(client)
    assert caught.value.attempts == 2
    assert_silent(canaries.of_error(caught.value))
    assert_silent(canaries.of_log(log.records))


@pytest.mark.parametrize("deed", [never_answers, drips])
async def test_an_interrupted_call_shows_no_key(deed: Deed, log: pytest.LogCaptureFixture) -> None:
    """Ctrl-C or cancellation in the middle of a withdrawal carries the note with its idempotency key, and no other."""
    with RawServer(deed) as server:
        async with _new_client(server.url).with_options(attempt_timeout=20) as client:
            with AsyncInterrupter(server.arrived) as interrupter, pytest.raises(interrupter.error) as caught:
                await once(client)
            (note,) = caught.value.__notes__
            assert server.exchanges[0].header("Idempotency-Key") in note
            assert_silent(canaries.of_error(caught.value))
    assert_silent(canaries.of_log(log.records))


async def test_nothing_of_a_client_shows_a_key(log: pytest.LogCaptureFixture) -> None:
    """Client, sibling, resources, settings, connection, limiter and buckets have harmless reprs, in use and after."""
    with RawServer() as server:
        async with _new_client(server.url) as client:
            sibling = client.with_options(headers={"X-Trace": "t"})
            await once(sibling)
            await read(client)
            for thing in (client, sibling, client.payments, client.balances, client.rate_limits):
                assert_silent(canaries.of_object(thing))
        assert_silent(canaries.of_object(client))
    assert_silent(canaries.of_log(log.records))


async def test_a_client_cannot_be_pickled_with_its_keys() -> None:
    """Pickling a client, or its settings, fails rather than write a key down."""
    async with _new_client() as client:
        for thing in (client, client._transport._settings, client._transport._settings.api_key):
            with pytest.raises(TypeError) as caught:
                pickle.dumps(thing)
            assert_silent([str(caught.value), repr(caught.value)])


async def test_the_warning_about_a_dropped_client_shows_no_key() -> None:
    """A client that was dropped unclosed is named without its key."""
    with RawServer() as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = _new_client(server.url)
        await read(client)
        del client
        gc.collect()
    assert any("dropped without being closed" in str(warning.message) for warning in caught)
    assert_silent(canaries.of_warnings(caught))


@pytest.mark.parametrize("broken", [f"{API_KEY}\r\nX-Evil: 1", f"{API_KEY} {API_KEY}", f"{API_KEY}ü"])
def test_a_malformed_key_is_refused_without_being_shown(broken: str) -> None:
    """The error for an unusable key does not print it."""
    for keys in ({"api_key": broken}, {"api_key": "pk_live_fine", "withdrawal_key": broken}):
        with pytest.raises(ConfigurationError) as caught:
            AsyncInventPay(**keys)
        assert_silent([str(caught.value), repr(caught.value), repr(vars(caught.value))])


async def test_hooks_and_events_show_no_key() -> None:
    """The events of hooks hold no key, even of a call whose path names one."""
    reported: list[str] = []
    with RawServer(refuses_and_echoes) as server:
        async with AsyncInventPay(
            API_KEY,
            withdrawal_key=WITHDRAWAL_KEY,
            base_url=server.url,
            limiter=LocalLimiter(),
            hooks=[lambda event: reported.extend((repr(event), str(event)))],
        ) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.payments.status(API_KEY)
    assert "X-API-Key" not in server.exchanges[0].request.decode()
    assert_silent(reported)
    assert_silent([str(caught.value), repr(vars(caught.value))])
