# Generated from tests/_async/test_raising_hooks.py by tools/generate_sync.py. Do not edit.
"""A response hook of a lent client that raises, such as ``raise_for_status``, hides no answer of the API."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import httpx2
import pytest

from inventpay import (
    APIConnectionError,
    APIStatusError,
    InventPay,
    AuthenticationError,
    BadRequestError,
    InventPayError,
    LocalLimiter,
    NotFoundError,
    RateLimitedError,
    ServerError,
    UnsettledError,
)
from tests.support.clients import new_key, once, read
from tests.support.raw_server import (
    Deed,
    Exchange,
    RawServer,
    answers_as_documented,
    closed_port,
    resets_mid_answer,
)

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
REFUSAL = json.dumps({"success": False, "error": "Insufficient funds", "statusCode": 400}).encode()


def says(status: int, body: bytes, **headers: str) -> Deed:
    return lambda exchange: exchange.say(status, body, **headers)


def raises_for_status(response: Any) -> None:
    response.raise_for_status()


def reads_first(response: Any) -> None:
    response.read()
    assert response.json()["success"] is False
    response.raise_for_status()


class Stranger(Exception):
    """An exception of the user's own, with no response."""


def raises_its_own(response: Any) -> None:
    del response
    raise Stranger


def reads_unread(response: Any) -> None:
    response.json()


def asserts(response: Any) -> None:
    assert response.status_code == 0


def asks_elsewhere(response: Any) -> None:
    library = sys.modules[type(response).__module__.partition(".")[0]]
    with closed_port() as url:
        with library.Client() as other:
            other.get(url)


def lent_client(library: Any, *hooks: Callable[..., Any]) -> Any:
    return library.Client(event_hooks={"response": list(hooks)}, timeout=5.0)


def failures(
    library: Any, deeds: Sequence[Deed], call: Callable[..., Any], hook: Callable[..., Any] = raises_for_status
) -> list[Any]:
    """Return the errors that calls over a lent client end with, one for each deed of the server."""
    errors: list[InventPayError] = []
    with RawServer(*deeds) as server:
        with (
            lent_client(library, hook) as lent,
            InventPay(
                new_key(), withdrawal_key="wk_live_of_the_hooks", base_url=server.url, http_client=lent
            ) as client,
        ):
            for _ in deeds:
                with pytest.raises(InventPayError) as caught:
                    call(client.with_options(max_retries=0))
                errors.append(caught.value)
    assert len(server.exchanges) == len(deeds)
    return errors


@LIBRARIES
@pytest.mark.parametrize("hook", [raises_for_status, reads_first])
def test_the_error_is_that_of_the_api(library: Any, hook: Callable[..., Any]) -> None:
    """A withdrawal has the API's reason and the outcome that its body proves, also where the hook reads first."""
    expected = {
        400: (BadRequestError, "refused"),
        401: (AuthenticationError, "refused"),
        404: (NotFoundError, "refused"),
        500: (ServerError, "unknown"),
        429: (RateLimitedError, "refused"),
    }
    deeds = [says(status, REFUSAL.replace(b"400", str(status).encode())) for status in expected]
    found = failures(library, deeds, once, hook)
    assert {error.status: (type(error), error.outcome) for error in found} == expected
    assert all("Insufficient funds" in str(error) for error in found)


@LIBRARIES
def test_reads_fail_alike(library: Any) -> None:
    """A read has the API's reason, too."""
    (error,) = failures(library, [says(404, REFUSAL.replace(b"400", b"404"))], read)
    assert type(error) is NotFoundError
    assert "Insufficient funds" in str(error)


@LIBRARIES
def test_a_compressed_refusal(library: Any) -> None:
    """A body is read, also where it is compressed."""
    deed = says(400, gzip.compress(REFUSAL), Content_Encoding="gzip")
    (error,) = failures(library, [deed], once)
    assert (type(error), error.outcome) == (BadRequestError, "refused")
    assert "Insufficient funds" in str(error)


@LIBRARIES
def test_a_body_beyond_the_bound_proves_nothing(library: Any) -> None:
    """A refusal of nine megabytes, and one that is damaged, keeps its status; it is no proof of a refusal."""
    deeds = [says(400, b" " * 9_000_000 + REFUSAL), says(400, REFUSAL, Content_Encoding="gzip")]
    for error in failures(library, deeds, once):
        assert (type(error), error.outcome) == (BadRequestError, "unknown")


@LIBRARIES
def test_half_a_refusal_is_a_lost_connection(library: Any) -> None:
    """Where the body does not arrive, nothing is known."""

    def half(exchange: Exchange) -> None:
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(REFUSAL)}\r\n\r\n".encode()
        exchange.connection.sendall(head + REFUSAL[:20])
        exchange.connection.close()

    (error,) = failures(library, [half], once)
    assert (type(error), error.outcome) == (APIConnectionError, "unknown")


def withdraw_through(library: Any, hook: Callable[..., Any], deed: Deed, kind: type[BaseException]) -> list[str]:
    """Return the notes on the exception with which a withdrawal under the key "november" ends."""
    key = new_key()
    with RawServer(deed, answers_as_documented) as server:
        with (
            lent_client(library, hook) as lent,
            InventPay(key, withdrawal_key="wk_live_of_the_hooks", base_url=server.url, http_client=lent) as client,
        ):
            with pytest.raises(kind) as caught:
                once(client, idempotency_key="november")
        # A limit of its own: after a 429 the shared one would pause for seconds.
        with InventPay(
            key, withdrawal_key="wk_live_of_the_hooks", base_url=server.url, limiter=LocalLimiter()
        ) as client:
            if any("outcome is unknown" in note for note in caught.value.__notes__):
                with pytest.raises(UnsettledError):
                    once(client, idempotency_key="november")
            else:
                once(client, idempotency_key="november")
    return caught.value.__notes__


BUGS: dict[str, tuple[Callable[..., Any], Callable[[Any], type[BaseException]]]] = {
    "its own": (raises_its_own, lambda _: Stranger),
    "an unread body": (reads_unread, lambda library: library.ResponseNotRead),
    "a failed check": (asserts, lambda _: AssertionError),
    "a failed request of its own": (asks_elsewhere, lambda library: library.ConnectError),
}


@LIBRARIES
@pytest.mark.parametrize("bug", BUGS)
def test_a_hook_with_a_bug(library: Any, bug: str) -> None:
    """Its exception passes as it is; the withdrawal counts as what the answer proves, and the note names the status."""
    hook, kind = BUGS[bug]
    for status, body, is_unknown in (
        (400, REFUSAL, False),
        (429, b"slow down", False),
        (400, b"<html>", True),
        (500, REFUSAL, True),
        (200, b"{}", True),
    ):
        notes = withdraw_through(library, hook, says(status, body), kind(library))
        assert f"after the API had answered with status {status}." in notes[0]
        assert any("outcome is unknown" in note for note in notes) == is_unknown
        assert ("read() in the hook first" in notes[0]) == (bug == "an unread body")


@LIBRARIES
def test_a_lost_body_is_no_bug_of_a_hook(library: Any) -> None:
    """Where the hooks have ended, a failure of the connection is one."""

    def looks(response: Any) -> None:
        seen.append(response.status_code)

    seen: list[int] = []
    (error,) = failures(library, [resets_mid_answer], once, looks)
    assert (type(error), error.outcome, seen) == (APIConnectionError, "unknown", [200])


@LIBRARIES
def test_the_hooks_of_the_user_stay(library: Any) -> None:
    """Hooks run once for each response, in their order, for requests of the user's too; without any, none is added."""
    seen: list[int] = []

    def first(response: Any) -> None:
        seen.append(response.status_code)

    def second(response: Any) -> None:
        seen.append(-response.status_code)

    with RawServer(answers_as_documented, says(404, REFUSAL)) as server:
        with lent_client(library, first) as lent:
            with InventPay(new_key(), base_url=server.url, http_client=lent) as client:
                read(client)
                lent.event_hooks["response"].append(second)
                for _ in range(2):
                    with pytest.raises(APIStatusError):
                        read(client)
            assert lent.event_hooks["response"][-2:] == [first, second]
            assert len(lent.event_hooks["response"]) == 3
            mine = lent.get(server.url + "/mine")
            assert mine.json()["error"] == "Insufficient funds"
        assert seen == [200, 404, -404, 404, -404, 404, -404]
        with lent_client(library) as lent:
            with InventPay(new_key(), base_url=server.url, http_client=lent) as client:
                with pytest.raises(APIStatusError):
                    read(client)
            assert lent.event_hooks["response"] == []
