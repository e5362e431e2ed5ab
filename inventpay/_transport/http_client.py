"""How what sends requests is made: the only module, with ``http_pool.py`` and the two connections, that knows
httpx. It is imported at the first call, because importing httpx costs more than the rest of this package."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ..errors import ConfigurationError
from .http_pool import AsyncTransports, Transports
from .settings import ConnectionSettings

KEEPALIVE_EXPIRY: Final = 5.0
"""Seconds a connection may be idle; httpx's own default, below what servers usually allow."""

FRESH_EXPIRY: Final = 1.0
"""Seconds a connection may be idle before it carries a withdrawal: a stale one, closed by the server in that very
moment, would turn the withdrawal into one with an unknown outcome."""


class _AsyncClient(httpx.AsyncClient):
    """Hands requests straight to its transport: of what httpx does in between, for authentication, redirects and
    cookies, this package uses nothing, and it costs as much as the rest of a call."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, timeout=None, trust_env=False)
        self._straight_to = transport

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The answer, its body still to be read."""
        if _is_watched(httpx.AsyncClient):
            return await super().send(request, **options)
        return await self._straight_to.handle_async_request(request)


class _Client(httpx.Client):
    """The same, blocking."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        super().__init__(transport=transport, timeout=None, trust_env=False)
        self._straight_to = transport

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The answer, its body still to be read."""
        if _is_watched(httpx.Client):
            return super().send(request, **options)
        return self._straight_to.handle_request(request)


def _is_watched(kind: type[httpx.Client | httpx.AsyncClient]) -> bool:
    """Whether somebody, such as a monitoring or a recording library, put his own ``send`` in the place of httpx's."""
    home = kind.build_request.__globals__
    # The second is private to httpx, but recorders of requests have replaced it for years.
    for method in (kind.send, getattr(kind, "_send_single_request", kind.send)):
        # A wrapper may have the name, and show the attributes, of what it wraps.
        if type(method) is not FunctionType or method.__globals__ is not home:
            return True
    return False


def new_async_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.AsyncClient:
    """A client with connections of its own."""
    try:
        if settings.transport == "aiohttp":
            transport = _aiohttp_transport(settings, fresh)
        else:
            transport = settings.transport or _async_transports(settings, fresh)
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return _AsyncClient(transport)


def new_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.Client:
    """The same, blocking."""
    try:
        transport = settings.transport or _transports(settings, fresh)
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return _Client(transport)


def _unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the HTTP client cannot be set up: {error}; check proxy=, verify= and the variables HTTPS_PROXY, ALL_PROXY, "
        "NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
    )


def _options(settings: ConnectionSettings, fresh: bool) -> dict[str, Any]:
    return {
        "verify": _tls(settings),
        "proxy": settings.proxy or _environment_proxy(settings),
        "limits": _limits(fresh),
        "trust_env": not settings.is_plain_http,
    }


def _async_transports(settings: ConnectionSettings, fresh: bool) -> AsyncTransports:
    options = _options(settings, fresh)
    return AsyncTransports(lambda: httpx.AsyncHTTPTransport(**options), _expiry(fresh))


def _transports(settings: ConnectionSettings, fresh: bool) -> Transports:
    options = _options(settings, fresh)
    return Transports(lambda: httpx.HTTPTransport(**options), _expiry(fresh))


def _limits(fresh: bool) -> httpx.Limits:
    # Places are counted before the pool (see connection.py): httpx's own count loses some when requests are cancelled.
    return httpx.Limits(
        max_connections=None,
        max_keepalive_connections=None,
        keepalive_expiry=_expiry(fresh),
    )


def _expiry(fresh: bool) -> float:
    return FRESH_EXPIRY if fresh else KEEPALIVE_EXPIRY


def _aiohttp_transport(settings: ConnectionSettings, fresh: bool) -> httpx.AsyncBaseTransport:
    try:
        import aiohttp
        from httpx_aiohttp import AiohttpTransport
    except ImportError:
        raise ConfigurationError('transport="aiohttp" needs the extra: pip install ".[aiohttp]"') from None
    tls = _tls(settings)
    address = settings.proxy or _environment_proxy(settings)
    proxy = httpx.Proxy(address) if isinstance(address, str) else address
    if proxy is not None and proxy.url.scheme not in ("http", "https"):
        raise ValueError(f"aiohttp takes no proxies of the kind {proxy.url.scheme}://")

    def new_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls,
                limit=0,  # aiohttp's "unlimited"
                keepalive_timeout=_expiry(fresh),
            ),
            # aiohttp would send cookies back, and ask for compressions that httpx cannot undo.
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
        )

    return AiohttpTransport(verify=tls, proxy=proxy, client=new_session)


def _environment_proxy(settings: ConnectionSettings) -> str | None:
    """The proxy that the environment names for the API. It must not see what goes to this machine unencrypted, keys
    included."""
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
    """A context that trusts nobody, for connections that use no TLS: reading the system's certificates takes 20 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def _tls_context(verify: bool | str) -> ssl.SSLContext:
    """Once per process: it costs as much as importing httpx."""
    if isinstance(verify, str):
        is_folder = os.path.isdir(verify)
        return ssl.create_default_context(cafile=None if is_folder else verify, capath=verify if is_folder else None)
    return httpx.create_ssl_context(verify=verify)


def new_request(
    client: Any,
    owned: bool,
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
    extensions: Mapping[str, Any],
) -> Any:
    """A request for this client. A client of the user's adds its own headers and cookies; ours has none, and building
    the request directly costs half."""
    if not owned:
        return client.build_request(method, url, headers=headers, content=body, extensions=dict(extensions))
    address, host = _parsed(url)
    headers = [("Host", host), *headers]
    if body is not None or method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(body or b""))))
    # To a stream httpx adds no headers of its own; finding out which are missing would take longer than all the rest.
    request = httpx.Request(
        method, address, headers=headers, stream=httpx.ByteStream(body or b""), extensions=dict(extensions)
    )
    # Mocks expect a request whose content is at hand.
    request.read()
    return request


@functools.lru_cache(maxsize=256)
def _parsed(url: str) -> tuple[httpx.URL, str]:
    """A URL and its host. Watchers ask for the same few over and over, and parsing one costs half of what making a
    request does."""
    parsed = httpx.URL(url)
    return parsed, parsed.netloc.decode("ascii")
