"""The patterns of the URLs in requests, used by the checks and in the OpenAPI description."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ..._core.hosts import is_loopback

_BYTE: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LABEL: Final = "[0-9A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?"
_GROUP: Final = "[0-9A-Fa-f]{1,4}"
_IPV6: Final = rf"\[(::1|({_GROUP}:){{7}}{_GROUP}|({_GROUP}:){{1,6}}:{_GROUP})\]"
_HOST: Final = rf"({_LABEL}(\.{_LABEL})*\.?|{_IPV6})"
_LOOPBACK: Final = rf"(({_LABEL}\.)*[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]\.?|127(\.{_BYTE}){{3}}|\[::1\])"
_PORT: Final = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
# A path may hold letters of any language, as browsers show it; a host has to be written in ASCII.
_PATH: Final = "([/?#][!-~\u00a1-\ud7ff\ue000-\ufffd]*)?"
_HTTP: Final = "[Hh][Tt][Tt][Pp]"
_HTTPS: Final = f"{_HTTP}[Ss]://([!-.0-9;=A-Z_a-z~]*@)?{_HOST}"

HTTPS: Final = f"^{_HTTPS}{_PORT}{_PATH}$"
"""An https URL."""

CALLBACK: Final = f"^({_HTTPS}|{_HTTP}://{_LOOPBACK}){_PORT}{_PATH}$"
"""An https URL, or one of plain http to this machine."""


def is_callback(url: str) -> bool:
    """Return whether events may go to a URL: any https one, or plain http to a loopback host in any spelling."""
    if matches(CALLBACK, url):
        return True
    # The pattern cannot list every form of an IPv6 address.
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if ":" not in host or not is_loopback(host) or port == 0 or " " in url or not url.isprintable():
        return False
    return parts.scheme == "http" and parts.username is None


def matches(pattern: str, url: str) -> bool:
    """Return whether the whole of ``url`` matches the pattern."""
    return re.fullmatch(pattern, url) is not None and not url.endswith("\n")
