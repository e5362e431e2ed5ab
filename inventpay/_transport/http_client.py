"""Build the HTTP clients and their requests.

Imported at the first call, because importing httpx costs more than the rest of this package.
"""

from __future__ import annotations

import functools
import os
import re
import ssl
from types import FunctionType
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ..errors import ConfigurationError
from ..headers import Headers
from .settings import ConnectionSettings

KEEPALIVE_EXPIRY: Final = 15.0
"""Seconds a connection may be idle: three polls of a payment whose funds were seen, to save TLS handshakes.

A connection that the server closed meanwhile is detected before it is used.
"""


class _AsyncClient(httpx.AsyncClient):
    """A client that passes requests directly to its transport.

    The steps of httpx between them, for authentication, redirects and cookies, are not used by this package and cost as
    much as the rest of a call.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, timeout=None, trust_env=False)
        self._straight_to = transport

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Return the response; its body is still to be read."""
        if _is_watched(httpx.AsyncClient):
            return await super().send(request, **options)
        return await self._straight_to.handle_async_request(request)


class _Client(httpx.Client):
    """The blocking twin of ``_AsyncClient``."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        super().__init__(transport=transport, timeout=None, trust_env=False)
        self._straight_to = transport

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Return the response; its body is still to be read."""
        if _is_watched(httpx.Client):
            return super().send(request, **options)
        return self._straight_to.handle_request(request)


def _is_watched(kind: type[httpx.Client | httpx.AsyncClient]) -> bool:
    """Return whether another library, such as one for monitoring or recording, replaced what httpx sends with."""
    home = kind.build_request.__globals__
    # The second is private to httpx, but recorders of requests have replaced it for years.
    for method in (kind.send, getattr(kind, "_send_single_request", kind.send)):
        # A wrapper may have the name, and show the attributes, of what it wraps.
        if type(method) is not FunctionType or method.__globals__ is not home:
            return True
    return False


def new_async_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.AsyncClient:
    """Return a client with connections of its own.

    Args:
        settings: how to reach the API.
        fresh: whether each request of the client needs a new connection; for aiohttp, which cannot be asked for one.

    Raises:
        ConfigurationError: the proxy, the certificates or the variables of the environment cannot be used.
    """
    try:
        if settings.transport == "aiohttp":
            transport = _aiohttp_transport(settings, fresh)
        else:
            from .async_transport import AsyncDirectTransport

            transport = settings.transport or AsyncDirectTransport(
                _tls(settings), proxy=_proxy(settings), expiry=KEEPALIVE_EXPIRY
            )
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return _AsyncClient(transport)


def new_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.Client:
    """Return a blocking client with its own connections. Raises ConfigurationError like ``new_async_client``."""
    del fresh
    # Imported here, and not above: the one for tasks imports asyncio, which takes as long as half of httpx.
    from .blocking_transport import DirectTransport

    try:
        transport = settings.transport or DirectTransport(
            _tls(settings), proxy=_proxy(settings), expiry=KEEPALIVE_EXPIRY
        )
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return _Client(transport)


def _unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the HTTP client cannot be set up: {error}; check proxy=, verify= and the variables HTTPS_PROXY, ALL_PROXY, "
        "NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
    )


def _aiohttp_transport(settings: ConnectionSettings, fresh: bool) -> httpx.AsyncBaseTransport:
    try:
        import aiohttp
        from httpx_aiohttp import AiohttpTransport
    except ImportError:
        raise ConfigurationError('transport="aiohttp" needs the extra: pip install ".[aiohttp]"') from None
    tls = _tls(settings)
    proxy = _proxy(settings)
    if proxy is not None and proxy.url.scheme not in ("http", "https"):
        raise ValueError(f"aiohttp takes no proxies of the kind {proxy.url.scheme}://")

    idle: dict[str, Any] = {"force_close": True} if fresh else {"keepalive_timeout": KEEPALIVE_EXPIRY}

    def new_session() -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls,
                limit=0,  # aiohttp's "unlimited"
                **idle,
            ),
            # aiohttp would send cookies back, and ask for compressions that httpx cannot undo.
            cookie_jar=aiohttp.DummyCookieJar(),
            # A request without a body would be called application/octet-stream.
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
        )
        # aiohttp would repeat reads and PUTs by itself, uncounted by the limits. Its own test client does the same.
        session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        return session

    return AiohttpTransport(verify=tls, proxy=proxy, client=new_session)


def _proxy(settings: ConnectionSettings) -> httpx.Proxy | None:
    address = settings.proxy or _environment_proxy(settings)
    return httpx.Proxy(address) if isinstance(address, (str, httpx.URL)) else address


def proxy_label(settings: ConnectionSettings) -> str | None:
    """Return the proxy for people: scheme, host and port, without credentials, also of an address that is not valid."""
    address = settings.proxy or _environment_proxy(settings)
    if address is None:
        return None
    text = str(address.url) if isinstance(address, httpx.Proxy) else str(address)
    scheme, _, rest = text.rpartition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}" if scheme else host


def _environment_proxy(settings: ConnectionSettings) -> str | None:
    """Return the proxy that the environment names for the API.

    It must not see unencrypted requests to this machine, which contain keys.
    """
    parts = urlsplit(settings.base_url)
    if settings.is_plain_http or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{address}" if address and "://" not in address else address


def _tls(settings: ConnectionSettings) -> ssl.SSLContext:
    if settings.is_plain_http and settings.proxy is None:
        return _no_tls()
    if isinstance(settings.verify, ssl.SSLContext):
        return settings.verify
    return _tls_context(settings.verify)


@functools.cache
def _no_tls() -> ssl.SSLContext:
    """Return a context without certificates, for connections that use no TLS: reading them takes 20 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def _tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return the context for this way of verifying, made once per process: it costs as much as importing httpx."""
    if isinstance(verify, str):
        is_folder = os.path.isdir(verify)
        return ssl.create_default_context(cafile=None if is_folder else verify, capath=verify if is_folder else None)
    return httpx.create_ssl_context(verify=verify)


def new_request(
    client: Any,
    owned: bool,
    method: str,
    base_url: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
    extensions: dict[str, Any],
) -> Any:
    """Return a request for this client.

    A client of the user's adds its own headers and cookies; ours has none, and building the request directly costs
    half.
    """
    if not owned:
        return client.build_request(method, base_url + path, headers=headers, content=body, extensions=extensions)
    url, host = _url(base_url, path)
    headers = [("Host", host), *headers]
    if body is not None or method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(body or b""))))
    # To a stream httpx adds no headers of its own; finding out which are missing would take longer than all the rest.
    request = httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body or b""), extensions=extensions)
    # Mocks expect a request whose content is at hand.
    request.read()
    return request


_PLAIN: Final = re.compile(r"(?!.*/\.)((?:/[A-Za-z0-9._~-]+)+)(?:\?([A-Za-z0-9._~=&-]+))?")
"""A path, and a query, that httpx leaves as they are."""


def response_headers(response: Any) -> Headers:
    """Return the headers of a response of httpx."""
    try:
        return Headers([(name.decode("ascii"), value.decode("ascii")) for name, value in response.headers.raw])
    except UnicodeDecodeError:
        # httpx finds out which encoding fits all of them.
        return Headers(response.headers.multi_items())


def _url(base_url: str, path: str) -> tuple[httpx.URL, str]:
    """Return a URL and its host. Parsing a URL takes as long as making the rest of a request."""
    base, host = _parsed(base_url)
    plain = _PLAIN.fullmatch(path)
    reference = getattr(base, "_uri_reference", None)
    if plain is None or reference is None or reference.query is not None:
        return _parsed(base_url + path)
    url = httpx.URL.__new__(httpx.URL)
    url._uri_reference = reference._replace(path=reference.path.rstrip("/") + plain[1], query=plain[2])  # pyright: ignore[reportPrivateUsage]
    return url, host


@functools.lru_cache(maxsize=256)
def _parsed(url: str) -> tuple[httpx.URL, str]:
    parsed = httpx.URL(url)
    return parsed, parsed.netloc.decode("ascii")
