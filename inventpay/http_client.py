"""How what sends requests is made: the only module, with ``http_transports.py`` and the two connections, that knows
httpx. It is imported at the first call, because importing httpx costs more than the rest of this package."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .errors import ConfigurationError
from .http_transports import AsyncTransports, Transports
from .settings import ConnectionSettings

KEEPALIVE_EXPIRY: Final = 5.0
"""Seconds a connection may be idle; httpx's own default, below what servers usually allow."""

FRESH_EXPIRY: Final = 1.0
"""Seconds a connection may be idle before it carries a withdrawal: a stale one, closed by the server in that very
moment, would turn the withdrawal into one with an unknown outcome."""


class _NoCookies(CookieJar):
    """Keeps none: the API sets none, and what a proxy on the way sets is not sent back. Looking would cost a tenth of a
    request."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Leaves them where they are."""


_NO_COOKIES: Final = _NoCookies()


def new_async_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.AsyncClient:
    """A client with connections of its own."""
    try:
        if settings.transport == "aiohttp":
            transport = _aiohttp_transport(settings, fresh)
        else:
            transport = settings.transport or _async_transports(settings, fresh)
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return httpx.AsyncClient(transport=transport, cookies=_NO_COOKIES, timeout=None, trust_env=False)


def new_client(settings: ConnectionSettings, *, fresh: bool) -> httpx.Client:
    """The same, blocking."""
    try:
        transport = settings.transport or _transports(settings, fresh)
    except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as error:
        raise _unusable(error) from None
    return httpx.Client(transport=transport, cookies=_NO_COOKIES, timeout=None, trust_env=False)


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
    if owned:
        return httpx.Request(method, _parsed(url), headers=headers, content=body, extensions=dict(extensions))
    return client.build_request(method, url, headers=headers, content=body, extensions=dict(extensions))


@functools.lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Watchers ask for the same few over and over, and parsing one costs half of what making a request does."""
    return httpx.URL(url)
