# Generated from tests/_async/test_outcomes.py by tools/generate_sync.py. Do not edit.
"""Outcomes of a call that failed: was it never sent, refused, or may it have taken effect?"""

from __future__ import annotations

import pickle

import httpx
import pytest

from inventpay import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InventPay,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    IdempotencyConflictError,
    InventPayError,
    LocalLimiter,
    NotFoundError,
    PermissionDeniedError,
    RateClass,
    RateLimitedError,
    RateLimits,
    RateLimitTimeoutError,
    ServerError,
)
from tests.support.api import INTERRUPTS, ScriptedAPI, Step, answers, example, fails, hangs, ok
from tests.support.clients import CALLS, new_key, once, read, repeatable, scripted_client
from tests.support.raw_server import RawServer, closed_port, resets, resets_mid_answer

ENDINGS: dict[str, tuple[Step, type[InventPayError], str]] = {
    "no connection": (fails(httpx.ConnectError("refused")), APIConnectionError, "not_sent"),
    "no connection in time": (fails(httpx.ConnectTimeout("slow")), APITimeoutError, "not_sent"),
    "proxy": (fails(httpx.ProxyError("407")), APIConnectionError, "not_sent"),
    "pool": (fails(httpx.PoolTimeout("full")), APITimeoutError, "not_sent"),
    "reset": (fails(httpx.ReadError("reset")), APIConnectionError, "unknown"),
    "broken pipe": (fails(httpx.WriteError("pipe")), APIConnectionError, "unknown"),
    "garbage": (fails(httpx.RemoteProtocolError("garbage")), APIConnectionError, "unknown"),
    "read timeout": (fails(httpx.ReadTimeout("slow")), APITimeoutError, "unknown"),
    "cut off": (hangs, APITimeoutError, "unknown"),
    "302": (answers(302, b"", {"Location": "https://elsewhere.example/"}), APIStatusError, "unknown"),
    "303": (answers(303, b"", {"Location": "/done"}), APIStatusError, "unknown"),
    "304": (answers(304, b""), APIStatusError, "unknown"),
    "400": (answers(400), BadRequestError, "refused"),
    "400 of a proxy": (answers(400, b"<html>"), BadRequestError, "unknown"),
    "400 that says 504": (
        answers(400, {"success": False, "error": "late", "statusCode": 504}),
        BadRequestError,
        "unknown",
    ),
    "401": (answers(401), AuthenticationError, "refused"),
    "402": (answers(402), APIStatusError, "unknown"),
    "403": (answers(403), PermissionDeniedError, "refused"),
    "404": (answers(404), NotFoundError, "refused"),
    "405": (answers(405, b""), APIStatusError, "refused"),
    "408": (answers(408), APIStatusError, "unknown"),
    "409": (answers(409), ConflictError, "unknown"),
    "409 about the key": (
        answers(409, {"success": False, "error": "Idempotency key was already used with a different request"}),
        IdempotencyConflictError,
        "unknown",
    ),
    "413": (answers(413, b"<html>"), APIStatusError, "refused"),
    "415": (answers(415, b"<html>"), APIStatusError, "refused"),
    "422": (answers(422), BadRequestError, "refused"),
    "429": (answers(429), RateLimitedError, "refused"),
    "429 of a proxy": (answers(429, b"<html>"), RateLimitedError, "refused"),
    "429 of a success": (answers(429, {"success": True, "data": {}}), RateLimitedError, "unknown"),
    "429 of a long success": (
        answers(429, {"pad": "x" * 70_000, "success": True, "data": {}}),
        RateLimitedError,
        "unknown",
    ),
    "429 of a long success in words": (
        answers(429, {"pad": "x" * 70_000, "success": "true", "data": {}}),
        RateLimitedError,
        "unknown",
    ),
    "429 of half a success": (answers(429, b'{"success": true, "data": {"wi'), RateLimitedError, "unknown"),
    "429 of a success in words": (answers(429, {"success": "true", "data": {}}), RateLimitedError, "unknown"),
    "429 of a success in a list": (answers(429, b'[{"success": true}]'), RateLimitedError, "unknown"),
    "405 of a success": (answers(405, {"success": 1}), APIStatusError, "unknown"),
    "429 without a word": (answers(429, {"success": None}), RateLimitedError, "refused"),
    "429 of a list": (answers(429, b"[1]"), RateLimitedError, "refused"),
    "429 of a long page": (answers(429, b"<html>" * 20_000), RateLimitedError, "refused"),
    "429 of a long no": (answers(429, {"pad": "x" * 70_000, "success": False}), RateLimitedError, "refused"),
    "400 of a long no": (answers(400, {"pad": "x" * 70_000, "success": False}), BadRequestError, "unknown"),
    "499": (answers(499), APIStatusError, "unknown"),
    "500": (answers(500), ServerError, "unknown"),
    "501": (answers(501), ServerError, "unknown"),
    "503": (answers(503), ServerError, "unknown"),
    "599": (answers(599), ServerError, "unknown"),
    "success: false": (answers(200, {"success": False, "error": "no"}), APIStatusError, "unknown"),
    "success: false, 200": (
        answers(200, {"success": False, "error": "no", "statusCode": 200}),
        APIStatusError,
        "unknown",
    ),
    "success: false, 400": (
        answers(200, {"success": False, "error": "no", "statusCode": 400}),
        BadRequestError,
        "refused",
    ),
    "success: false, 409": (
        answers(201, {"success": False, "error": "no", "statusCode": 409}),
        ConflictError,
        "unknown",
    ),
    "success: false, 429": (
        answers(200, {"success": False, "error": "no", "statusCode": 429}),
        RateLimitedError,
        "refused",
    ),
    "success: false, 504": (
        answers(200, {"success": False, "error": "no", "statusCode": 504}),
        ServerError,
        "unknown",
    ),
    "no JSON": (answers(200, b"<html>"), DecodeError, "unknown"),
    "undocumented": (answers(201, {"success": True, "data": {"amount": "lots"}}), DecodeError, "unknown"),
}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("name", ENDINGS)
def test_every_failure_says_what_became_of_the_call(name: str, kind: str) -> None:
    """Class, outcome, key, method, path and attempts are right, before and after a journey through pickle."""
    step, expected, outcome = ENDINGS[name]
    api = ScriptedAPI(step)
    with scripted_client(api, max_retries=0) as client:
        with pytest.raises(expected) as caught:
            CALLS[kind](client)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert type(error) is expected
        assert error.outcome == outcome
        assert error.attempts == 1
        assert (error.method, error.path) == (api.requests[0].method, api.requests[0].url.path)
        assert error.idempotency_key == api.keys[0]
        assert (error.idempotency_key is None) == (kind == "read")
        if kind != "read" and outcome == "unknown":
            assert str(error.idempotency_key) in str(error)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_withdrawal_whose_outcome_is_unknown_is_not_sent_again(name: str) -> None:
    """However many retries a client makes, whatever the status: only what had no effect for certain is repeated."""
    step, _, outcome = ENDINGS[name]
    api = ScriptedAPI(step)
    with scripted_client(api, max_retries=5) as client:
        with pytest.raises(InventPayError) as caught:
            once(client)
    assert caught.value.outcome == outcome
    assert outcome != "unknown" or len(api.requests) == 1


@pytest.mark.parametrize("name", ["reset", "503"])
def test_a_product_in_doubt_is_not_created_again(name: str) -> None:
    """A second product of the same stock could sell what is not there, so it is looked up first."""
    api = ScriptedAPI(ENDINGS[name][0])
    with scripted_client(api, max_retries=5) as client:
        with pytest.raises(InventPayError) as caught:
            client.store.products.create(name="Mug", price="9.50", stock=5)
    error = caught.value
    assert (error.outcome, error.safe_to_repeat, len(api.requests)) == ("unknown", False, 1)
    assert "client.store.products.list()" in str(error.evidence_hint)


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_refusal_that_is_longer_than_an_error_keeps_proves_nothing(status: int) -> None:
    """Under a status of success, too: the withdrawal is in doubt, and not sent again."""
    api = ScriptedAPI(answers(200, {"pad": "x" * 70_000, "success": False, "error": "no", "statusCode": status}))
    with scripted_client(api, max_retries=5) as client:
        with pytest.raises(APIStatusError) as caught:
            once(client)
    assert (caught.value.outcome, caught.value.status, len(api.requests)) == ("unknown", status, 1)


@pytest.mark.parametrize("last", ["no connection", "400", "403", "409", "503", "429", "no JSON"])
@pytest.mark.parametrize("first", ["reset", "read timeout", "cut off", "503"])
def test_an_unknown_attempt_leaves_the_call_unknown(first: str, last: str) -> None:
    """The possible effect of an earlier attempt is not undone by a later one that was refused or never sent."""
    api = ScriptedAPI(ENDINGS[first][0], ENDINGS[last][0])
    with scripted_client(api, max_retries=1) as client:
        with pytest.raises(ENDINGS[last][1]) as caught:
            repeatable(client)
    assert caught.value.attempts == 2
    assert caught.value.outcome == "unknown"


def test_attempts_that_certainly_did_nothing_leave_no_doubt() -> None:
    """Refused connections and 429s before a refusal leave the call refused; a success after a reset is a success."""
    api = ScriptedAPI(fails(httpx.ConnectError("refused")), answers(429), answers(403))
    with scripted_client(api) as client:
        with pytest.raises(PermissionDeniedError) as caught:
            once(client)
    assert (caught.value.outcome, caught.value.attempts) == ("refused", 3)


def test_a_retry_that_finds_the_client_closed_leaves_the_call_unknown() -> None:
    """A client closed under a call that may have taken effect does not make it unsent."""
    api = ScriptedAPI(answers(503))
    client = scripted_client(api)
    original = client._backend.sleep

    def close_meanwhile(seconds: float) -> None:
        original(seconds)
        client.close()

    client._backend.sleep = close_meanwhile
    with pytest.raises(InventPayError, match="closed") as caught:
        repeatable(client)
    assert caught.value.outcome == "unknown"


def test_a_refusal_carries_what_the_api_said() -> None:
    """Status, message, details, headers and body of the answer are on the error, in full."""
    body = example("balance.error-400")
    api = ScriptedAPI(answers(400, body, {"X-Request-Id": "r-1", "Retry-After": "3"}))
    with scripted_client(api) as client:
        with pytest.raises(BadRequestError) as caught:
            read(client)
    error = caught.value
    assert error.message == "400 Bad Request: Invalid currency"
    assert error.details == {"currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20"}
    assert (error.status, error.retry_after, error.body) == (400, 3.0, body)
    assert error.headers["x-request-id"] == "r-1"
    assert "currency: Must be one of" in str(error)


def test_an_unreadable_success_carries_its_answer() -> None:
    """A DecodeError has status, headers, body, method and path of the answer, and the JSON path of the trouble."""
    body = example("balance.limits-inside").replace(b"1500.75", b"[]")
    api = ScriptedAPI(answers(200, body, {"X-Request-Id": "r-2"}))
    with scripted_client(api) as client:
        with pytest.raises(DecodeError) as caught:
            read(client)
    error = caught.value
    assert error.json_path == "$.data.balance.availableBalance"
    assert (error.status, error.body, error.headers["x-request-id"]) == (200, body, "r-2")
    assert (error.method, error.path) == ("GET", "/v1/merchant/balance/USDT_BEP20")


def test_a_long_unreadable_body_is_kept_in_part() -> None:
    """An error keeps the first 64 KiB of a body, so that it stays fit for a task queue."""
    api = ScriptedAPI(answers(200, b"x" * 100_000))
    with scripted_client(api) as client:
        with pytest.raises(DecodeError) as caught:
            read(client)
    assert len(caught.value.body) == 65_536


def test_an_answer_without_end_is_an_error() -> None:
    """A body beyond 32 MiB is not read into memory; after a write its outcome is unknown."""
    api = ScriptedAPI(answers(200, b" " * (32 * 1024 * 1024 + 1)))
    with scripted_client(api) as client:
        with pytest.raises(DecodeError, match="larger") as caught:
            once(client)
    assert (caught.value.outcome, caught.value.attempts) == ("unknown", 1)


@pytest.mark.parametrize("interrupt", INTERRUPTS)
@pytest.mark.parametrize("kind", CALLS)
def test_an_interrupted_write_leaves_a_note_with_its_key(kind: str, interrupt: type[BaseException]) -> None:
    """Ctrl-C or cancellation of a write that may have arrived says so and names the key; of a read it says nothing."""
    api = ScriptedAPI(fails(interrupt()))
    with scripted_client(api) as client:
        with pytest.raises(interrupt) as caught:
            CALLS[kind](client)
        assert all(limit.leased == 0 for limit in client.rate_limits.values())
    notes = getattr(caught.value, "__notes__", [])
    if kind == "read":
        assert notes == []
    else:
        (note,) = notes
        assert repr(api.keys[0]) in note
        assert "unknown" in note
        # Nothing advises to repeat a withdrawal before the API was proven to honour keys.
        assert ("Repeat it" in note) == (kind == "repeatable")


def test_an_interrupted_pause_remembers_the_attempt_before_it() -> None:
    """Between two attempts a call that may have arrived is as unknown as during one; a refused one is not."""
    for first, noted in ((answers(503), True), (fails(httpx.ReadError("reset")), True), (answers(429), False)):
        api = ScriptedAPI(first)
        with scripted_client(api) as client:

            def interrupted(seconds: float) -> None:
                raise KeyboardInterrupt

            def interrupted_too() -> None:
                raise KeyboardInterrupt

            client._backend.sleep = interrupted
            client._backend.waiter = interrupted_too  # after a 429 the limiter keeps the pause
            with pytest.raises(KeyboardInterrupt) as caught:
                repeatable(client)
        assert hasattr(caught.value, "__notes__") == noted


def test_an_interruption_after_the_answer_leaves_a_note_too() -> None:
    """After Ctrl-C between the answer of a withdrawal and its result, the note says how to find the withdrawal.

    After a refusal there is no note.
    """
    for step, moment, noted in (
        (ok, "AttemptAnswered", True),
        (ok, "CallFinished", True),
        (answers(500), "AttemptAnswered", True),
        (answers(408), "AttemptAnswered", True),
        (answers(403), "AttemptAnswered", False),
    ):

        def ctrl_c(event: object, moment: str = moment) -> None:
            if type(event).__name__ == moment:
                raise KeyboardInterrupt

        with scripted_client(ScriptedAPI(step), hooks=[ctrl_c]) as client:
            with pytest.raises(KeyboardInterrupt) as caught:
                once(client)
        assert hasattr(caught.value, "__notes__") == noted


def test_an_interruption_before_anything_was_sent_leaves_no_note() -> None:
    """Ctrl-C in the line for a token, or just before sending, did nothing, and its token comes back."""
    for moment in ("TokenWaited", "AttemptSent"):

        def ctrl_c(event: object, moment: str = moment) -> None:
            if type(event).__name__ == moment:
                raise KeyboardInterrupt

        api = ScriptedAPI()
        with scripted_client(api, hooks=[ctrl_c]) as client:
            with pytest.raises(KeyboardInterrupt) as caught:
                once(client)
            assert client.rate_limits[RateClass.WITHDRAWALS].available == 10
        assert api.requests == []
        assert not hasattr(caught.value, "__notes__")


def test_what_is_refused_locally_is_not_sent() -> None:
    """Bad arguments, a full line and a closed client send nothing and say so."""
    api = ScriptedAPI()
    limits = RateLimits(payment_creation=1)
    client = scripted_client(api, limiter=LocalLimiter(limits), max_wait=0)
    with pytest.raises(ValueError, match="amount") as invalid:
        client.payments.create(amount=-1, amount_currency="USD", currency="BTC")
    repeatable(client)
    with pytest.raises(RateLimitTimeoutError) as full:
        repeatable(client)
    client.close()
    with pytest.raises(InventPayError, match="closed") as closed:
        once(client)
    for error in (invalid.value, full.value, closed.value):
        assert isinstance(error, InventPayError)
        assert error.outcome == "not_sent"
        assert error.method == "POST"
    assert len(api.requests) == 1


@pytest.mark.parametrize("kind", CALLS)
def test_outcomes_on_real_sockets(kind: str) -> None:
    """A closed port is not_sent; a reset before the answer, or in the middle of it, is unknown."""
    with closed_port() as url:
        with InventPay(new_key(), withdrawal_key="wk", base_url=url, max_retries=0) as client:
            with pytest.raises(APIConnectionError) as caught:
                CALLS[kind](client)
    assert caught.value.outcome == "not_sent"
    for deed in (resets, resets_mid_answer):
        with RawServer(deed) as server:
            with InventPay(new_key(), withdrawal_key="wk", base_url=server.url, max_retries=0) as client:
                with pytest.raises(APIConnectionError) as caught:
                    CALLS[kind](client)
        assert caught.value.outcome == "unknown"
        assert caught.value.idempotency_key == (server.exchanges[0].header("Idempotency-Key") or None)


def test_the_token_of_an_unanswered_attempt_stays_spent() -> None:
    """A request that may still arrive goes on counting against the limit; one never written does not."""
    api = ScriptedAPI(fails(httpx.ReadError("reset")), fails(httpx.ConnectError("refused")))
    with scripted_client(api, max_retries=0) as client:
        for available in (9, 9):
            with pytest.raises(APIConnectionError):
                once(client)
            assert client.rate_limits[RateClass.WITHDRAWALS].available == available
            assert client.rate_limits[RateClass.WITHDRAWALS].leased == 0


def test_withdrawals_have_connections_of_their_own() -> None:
    """A withdrawal does not use a connection that lay idle after other calls: the server may be closing it."""
    with RawServer() as server:
        with InventPay(new_key(), withdrawal_key="wk", base_url=server.url) as client:
            for call in (read, repeatable, read):
                call(client)
            assert server.connections == 1
            once(client)
            assert server.connections == 2
