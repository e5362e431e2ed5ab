"""A pytest plugin that lends every client of the tests an HTTP client: ``-p tests.support.lent_clients --lend httpx2``.

Requests then go through the connections of httpx or httpx2, and not through those of this package. Clients that a test
gives a transport, a proxy or a client of its own keep it, but for ``httpx.MockTransport``, whose handler is called
through httpx2 where that is lent. Tests in ``DIFFERENT`` are left out, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import httpx
import httpx2
import pytest

from inventpay import AsyncInventPay, InventPay

RESPX = "respx replaces httpcore, which httpx2 does not use"

DIFFERENT: dict[str, str] = {
    "test_every_method_sends_its_documented_request_and_nothing_else": "a lent client adds Connection: keep-alive",
    "test_respx_": RESPX,
    "test_a_respx_timeout_of_a_withdrawal_is_unknown": RESPX,
    "test_an_environment_that_cannot_be_used_is_a_result": "the proxies of a lent client are its own",
    "test_a_certificate_file_that_is_not_there_is_a_result": "the certificates of a lent client are its own",
    "test_one_duplicated_answer_shifts_no_result[True-None]": "no result is wrong, but its connections are used again",
    "test_one_duplicated_answer_shifts_no_result[False-None]": "no result is wrong, but its connections are used again",
    "test_withdrawals_have_connections_of_their_own": "the connections of a lent client are its own",
    "test_a_retry_without_a_token_in_time_ends_with_what_went_wrong": "this plugin converts the exception first",
    "test_the_warning_about_a_dropped_client_shows_no_key": "a dropped client with a lent one has nothing to close",
}
"""Parts of test ids whose tests cannot hold over a lent client, and the reason."""


def bridged(handler: Callable[[httpx.Request], Any]) -> Callable[[httpx2.Request], Any]:
    """Return a handler for httpx2 that calls one for httpx, with requests, responses and exceptions converted."""

    def request_of(sent: httpx2.Request) -> httpx.Request:
        return httpx.Request(
            sent.method, str(sent.url), headers=sent.headers.raw, content=sent.read(), extensions=sent.extensions
        )

    def response_of(answer: httpx.Response) -> httpx2.Response:
        stream: Any = answer.stream
        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=_Stream(stream))

    async def waiting(answer: Any) -> httpx2.Response:
        with _exceptions():
            return response_of(await answer)

    def handle(sent: httpx2.Request) -> Any:
        with _exceptions():
            answer: Any = handler(request_of(sent))
            return waiting(answer) if hasattr(answer, "__await__") else response_of(answer)

    return handle


class _exceptions:  # noqa: N801 - reads like a function
    """Raise the httpx2 exception of the same name for an exception of httpx."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, httpx.RequestError | httpx.StreamError | httpx.InvalidURL):
            raise getattr(httpx2, type(error).__name__)(str(error)) from error


class _Stream(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of an httpx response as a stream of httpx2."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Any:
        with _exceptions():
            yield from self._stream

    async def __aiter__(self) -> Any:
        with _exceptions():
            async for chunk in self._stream:
                yield chunk

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()


def _lend(options: dict[str, Any], kind: type[Any]) -> Any:
    """Return an HTTP client for these options, or None where the test brought its own."""
    transport = options.get("transport")
    if options.get("http_client") is not None or options.get("proxy") is not None:
        return None
    if transport is None:
        return kind(trust_env=False, verify=options.get("verify", True), timeout=None)
    if type(transport) is httpx.MockTransport and kind in (httpx2.AsyncClient, httpx2.Client):
        del options["transport"]
        return kind(transport=httpx2.MockTransport(bridged(transport.handler)), timeout=None)
    return None


def _patch(monkeypatch: pytest.MonkeyPatch, client: type[Any], kind: type[Any], closing: str) -> None:
    make, close = client.__init__, getattr(client, closing)

    @wraps(make)
    def make_lending(self: Any, *arguments: Any, **options: Any) -> None:
        lent = _lend(options, kind)
        if lent is not None:
            options.pop("verify", None)
            options["http_client"] = lent
        make(self, *arguments, **options)
        self._lent = lent

    async def aclose(self: Any) -> None:
        await close(self)
        if self._lent is not None:
            await self._lent.aclose()

    def close_both(self: Any) -> None:
        close(self)
        if self._lent is not None:
            self._lent.close()

    monkeypatch.setattr(client, "__init__", make_lending)
    monkeypatch.setattr(client, closing, aclose if closing == "aclose" else close_both)


@pytest.fixture(autouse=True)
def _lend_clients(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Lend every client a client of the library that ``--lend`` names."""
    library = {"httpx": httpx, "httpx2": httpx2}[request.config.getoption("--lend")]
    _patch(monkeypatch, AsyncInventPay, library.AsyncClient, "aclose")
    _patch(monkeypatch, InventPay, library.Client, "close")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the library."""
    parser.addoption("--lend", choices=("httpx", "httpx2"), required=True, help="the library whose clients are lent")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests that cannot hold over a lent client."""
    library = config.getoption("--lend")
    for item in items:
        for part, reason in DIFFERENT.items():
            if part in item.nodeid and not (reason is RESPX and library == "httpx"):
                item.add_marker(pytest.mark.skip(reason=f"over {library}: {reason}"))
