"""Protection against pages of other sites, which must neither control nor read the sandbox through a browser.

Two attacks are refused. A page elsewhere posts to a loopback address (cross-site request forgery); the browser then
sends an ``Origin`` or a ``Sec-Fetch-Site`` that names another site. Or its own name resolves to a loopback address (DNS
rebinding); the browser then sends that name as ``Host``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from ..._core.hosts import is_loopback
from .. import assumptions
from ..errors import SandboxError
from .answers import refusal
from .connection import connection
from .request_log import RequestLog

ANY_HOST: Final = "*"
"""Allows every host."""

_HOW_TO_ALLOW: Final = "Sandbox(allowed_hosts=...) or --allow-host"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST: Final = re.compile(r"(?P<name>[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)

_Headers = Iterable[tuple[bytes, bytes]]


def host_names(value: Collection[str]) -> frozenset[str]:
    """Return names of hosts in lower case.

    Raises ``ValueError`` for one with a scheme, port or path.
    """
    if isinstance(value, str):
        raise ValueError(f"allowed_hosts is a collection of host names, not the text {value!r}; write [{value!r}].")
    for name in value:
        match = _HOST.fullmatch(name)
        if name != ANY_HOST and (match is None or match["port"] is not None):
            raise ValueError(f'{name!r} is not the name of a host; write it without scheme and port, as in "sandbox".')
    return frozenset(name.lower().removesuffix(".") for name in value)


@attrs.frozen
class OriginCheck:
    """The hosts by which the sandbox may be called besides those of this machine."""

    allowed_hosts: frozenset[str] = attrs.field(default=frozenset(), converter=host_names)

    def problem(self, method: str, headers: _Headers) -> dict[str, str] | None:
        """Return the header that makes a request inadmissible with the reason, or None."""
        values: dict[bytes, list[str]] = {}
        for name, value in headers:
            values.setdefault(name, []).append(value.decode("latin-1"))
        host = next(iter(values.get(b"host", [])), None)
        for named in values.get(b"host", []):
            if not self._is_own(named):
                return {"Host": f"{named!r} is not a host of this sandbox; allow it by {_HOW_TO_ALLOW}"}
        if method in _SAFE_METHODS:
            return None
        if any(site.lower() == "cross-site" for site in values.get(b"sec-fetch-site", [])):
            return {"Sec-Fetch-Site": "A page of another site sent this request; it must come from the sandbox's own"}
        for origin in values.get(b"origin", []):
            if not _same_site(origin, host):
                return {"Origin": f"{origin!r} is another site; requests must come from the sandbox's own pages"}
        return None

    def require(self, host: str) -> None:
        """Raise ``ValueError`` for an address to listen on that other machines reach, unless some host is allowed."""
        if not (is_loopback(host) or self.allowed_hosts):
            raise ValueError(
                f"{host} can be reached from other machines. Name the hosts by which the sandbox may be called there, "
                f"such as the name of its container, by {_HOW_TO_ALLOW}."
            )

    def _is_own(self, host: str) -> bool:
        name = _name(host)
        if name is None:
            return False
        return is_loopback(name) or name in self.allowed_hosts or ANY_HOST in self.allowed_hosts


class OriginGuard:
    """ASGI middleware that answers requests which ``OriginCheck`` refuses with 403 in the API's own form.

    Requests inside the process pass: no page can send them.
    """

    def __init__(self, app: ASGIApp, check: OriginCheck, log: RequestLog) -> None:
        self._app = app
        self._check = check
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        line = connection(scope)
        problem = None
        if scope["type"] == "http" and not (line is not None and line.is_in_process):
            problem = self._check.problem(scope["method"], scope["headers"])
        if problem is None:
            await self._app(scope, receive, send)
            return
        (reason,) = problem.values()
        self._log.add(time.time(), scope["method"], scope["path"], None, 403, 0.0, reason)
        await refusal(SandboxError(403, assumptions.FOREIGN_REQUEST_ERROR, problem)).send(send)


def origin(scope: Scope) -> str:
    """Return scheme, host and port under which a request reached the sandbox, for the links of its answer."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if _HOST.fullmatch(host):
        return f"{scope['scheme']}://{host}"
    # HTTP/1.0 has no Host.
    address, port = scope.get("server") or ("127.0.0.1", None)
    shown = f"[{address}]" if ":" in address else address
    return f"{scope['scheme']}://{shown}" + ("" if port is None else f":{port}")


def _name(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return None if match is None else match["name"].lower().removesuffix(".")


def _same_site(origin: str, host: str | None) -> bool:
    """Return whether an origin has the host of the request; the port may differ (a shop on the same machine)."""
    try:
        name = urlsplit(origin).netloc
    except ValueError:
        return False
    there = _name(name)
    return there is not None and host is not None and there == _name(host)
