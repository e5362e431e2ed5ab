# The source of tests/_sync/test_raising_hooks.py; after a change run: python tools/generate_sync.py
"""A response hook of a lent client that raises, such as ``raise_for_status``, hides no answer of the API."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import httpx2
import pytest

from inventpay import (
    APIConnectionError,
    APIStatusError,
    AsyncInventPay,
    AuthenticationError,
    BadRequestError,
    InventPayError,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from tests.support.clients import new_key, once, read
from tests.support.raw_server import Deed, Exchange, RawServer, answers_as_documented

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
REFUSAL = json.dumps({"success": False, "error": "Insufficient funds", "statusCode": 400}).encode()


def says(status: int, body: bytes, **headers: str) -> Deed:
    return lambda exchange: exchange.say(status, body, **headers)


async def raises_for_status(response: Any) -> None:
    response.raise_for_status()


async def reads_first(response: Any) -> None:
    await response.aread()
    assert response.json()["success"] is False
    response.raise_for_status()


class Stranger(Exception):
    """An exception of the user's own, with no response."""


async def raises_its_own(response: Any) -> None:
    if response.status_code >= 400:
        raise Stranger


def lent_client(library: Any, *hooks: Callable[..., Any]) -> Any:
    return library.AsyncClient(event_hooks={"response": list(hooks)}, timeout=5.0)


async def failures(
    library: Any, deeds: Sequence[Deed], call: Callable[..., Any], hook: Callable[..., Any] = raises_for_status
) -> list[Any]:
    """Return the errors that calls over a lent client end with, one for each deed of the server."""
    errors: list[InventPayError] = []
    with RawServer(*deeds) as server:
        async with (
            lent_client(library, hook) as lent,
            AsyncInventPay(
                new_key(), withdrawal_key="wk_live_of_the_hooks", base_url=server.url, http_client=lent
            ) as client,
        ):
            for _ in deeds:
                with pytest.raises(InventPayError) as caught:
                    await call(client.with_options(max_retries=0))
                errors.append(caught.value)
    assert len(server.exchanges) == len(deeds)
    return errors


@LIBRARIES
@pytest.mark.parametrize("hook", [raises_for_status, reads_first])
async def test_the_error_is_that_of_the_api(library: Any, hook: Callable[..., Any]) -> None:
    """A withdrawal has the API's reason and the outcome that its body proves, also where the hook reads first."""
    expected = {
        400: (BadRequestError, "refused"),
        401: (AuthenticationError, "refused"),
        404: (NotFoundError, "refused"),
        500: (ServerError, "unknown"),
        429: (RateLimitedError, "refused"),
    }
    deeds = [says(status, REFUSAL.replace(b"400", str(status).encode())) for status in expected]
    found = await failures(library, deeds, once, hook)
    assert {error.status: (type(error), error.outcome) for error in found} == expected
    assert all("Insufficient funds" in str(error) for error in found)


@LIBRARIES
async def test_reads_fail_alike(library: Any) -> None:
    """A read has the API's reason, too."""
    (error,) = await failures(library, [says(404, REFUSAL.replace(b"400", b"404"))], read)
    assert type(error) is NotFoundError
    assert "Insufficient funds" in str(error)


@LIBRARIES
async def test_a_compressed_refusal(library: Any) -> None:
    """A body is read, also where it is compressed."""
    deed = says(400, gzip.compress(REFUSAL), Content_Encoding="gzip")
    (error,) = await failures(library, [deed], once)
    assert (type(error), error.outcome) == (BadRequestError, "refused")
    assert "Insufficient funds" in str(error)


@LIBRARIES
async def test_a_body_beyond_the_bound_proves_nothing(library: Any) -> None:
    """A refusal of nine megabytes, and one that is damaged, keeps its status; it is no proof of a refusal."""
    deeds = [says(400, b" " * 9_000_000 + REFUSAL), says(400, REFUSAL, Content_Encoding="gzip")]
    for error in await failures(library, deeds, once):
        assert (type(error), error.outcome) == (BadRequestError, "unknown")


@LIBRARIES
async def test_half_a_refusal_is_a_lost_connection(library: Any) -> None:
    """Where the body does not arrive, nothing is known."""

    def half(exchange: Exchange) -> None:
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(REFUSAL)}\r\n\r\n".encode()
        exchange.connection.sendall(head + REFUSAL[:20])
        exchange.connection.close()

    (error,) = await failures(library, [half], once)
    assert (type(error), error.outcome) == (APIConnectionError, "unknown")


@LIBRARIES
async def test_a_hook_that_raises_its_own_exception(library: Any) -> None:
    """A foreign exception passes, with a note on the withdrawal."""
    with RawServer(says(400, REFUSAL)) as server:
        async with (
            lent_client(library, raises_its_own) as lent,
            AsyncInventPay(
                new_key(), withdrawal_key="wk_live_of_the_hooks", base_url=server.url, http_client=lent
            ) as client,
        ):
            with pytest.raises(Stranger) as caught:
                await once(client)
    assert "outcome is unknown" in caught.value.__notes__[0]


@LIBRARIES
async def test_the_hooks_of_the_user_stay(library: Any) -> None:
    """Hooks run once for each response, in their order, for requests of the user's too; without any, none is added."""
    seen: list[int] = []

    async def first(response: Any) -> None:
        seen.append(response.status_code)

    async def second(response: Any) -> None:
        seen.append(-response.status_code)

    with RawServer(answers_as_documented, says(404, REFUSAL)) as server:
        async with lent_client(library, first) as lent:
            async with AsyncInventPay(new_key(), base_url=server.url, http_client=lent) as client:
                await read(client)
                lent.event_hooks["response"].append(second)
                for _ in range(2):
                    with pytest.raises(APIStatusError):
                        await read(client)
            assert lent.event_hooks["response"][-2:] == [first, second]
            assert len(lent.event_hooks["response"]) == 3
            mine = await lent.get(server.url + "/mine")
            assert mine.json()["error"] == "Insufficient funds"
        assert seen == [200, 404, -404, 404, -404, 404, -404]
        async with lent_client(library) as lent:
            async with AsyncInventPay(new_key(), base_url=server.url, http_client=lent) as client:
                with pytest.raises(APIStatusError):
                    await read(client)
            assert lent.event_hooks["response"] == []
