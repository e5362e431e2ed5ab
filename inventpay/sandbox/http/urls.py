"""Which URLs a request may name: one pattern for each kind, for the check and for the OpenAPI description alike."""

from __future__ import annotations

import re
from typing import Final

_BYTE: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LABEL: Final = "[0-9A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?"
_GROUP: Final = "[0-9A-Fa-f]{1,4}"
_IPV6: Final = rf"\[(::1|({_GROUP}:){{7}}{_GROUP}|({_GROUP}:){{1,6}}:{_GROUP})\]"
_HOST: Final = rf"({_LABEL}(\.{_LABEL})*\.?|{_IPV6})"
_LOOPBACK: Final = rf"([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\.{_BYTE}){{3}}|\[::1\])"
_PORT: Final = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
# A path may hold letters of any language, as browsers show it; a host has to be written in ASCII.
_PATH: Final = "([/?#][!-~\u00a1-\ud7ff\ue000-\ufffd]*)?"
_HTTP: Final = "[Hh][Tt][Tt][Pp]"
_HTTPS: Final = f"{_HTTP}[Ss]://([!-.0-9;=A-Z_a-z~]*@)?{_HOST}"

HTTPS: Final = f"^{_HTTPS}{_PORT}{_PATH}$"
"""An https URL."""

CALLBACK: Final = f"^({_HTTPS}|{_HTTP}://{_LOOPBACK}){_PORT}{_PATH}$"
"""An https URL, or one of plain http to this machine."""


def matches(pattern: str, url: str) -> bool:
    """Whether the whole of `url` is of that kind."""
    return re.fullmatch(pattern, url) is not None and not url.endswith("\n")
