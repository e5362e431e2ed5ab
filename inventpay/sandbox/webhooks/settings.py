"""The operator's settings for webhook deliveries, as opposed to those that API calls change."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs
import httpx

from ..._core.hosts import is_loopback
from .. import assumptions

Shape: TypeAlias = Literal["nested", "flat"]
"""The layout of bodies.

``nested``: ``{event, data: {...}, timestamp, test}`` (page webhooks/events). ``flat``: all members at the top level
(official JS client's README).
"""

ANY_HOST = "*"


def _one_of(*allowed: str) -> Any:
    def check(settings: WebhookSettings, attribute: attrs.Attribute[str], value: object) -> None:
        if value not in allowed:
            raise ValueError(f"{attribute.name} must be one of {', '.join(map(repr, allowed))}, not {value!r}.")

    return check


@attrs.frozen(kw_only=True)
class WebhookSettings:
    """The settings of webhook deliveries.

    - ``url``: receives every event, until an API call sets another URL. Its host is allowed, and it may be plain http.
    - ``secret``: signs bodies.
    - ``shape``: the layout of bodies.
    - ``allowed_hosts``: hosts other than this machine to which URLs from API calls (``callbackUrl``, ``webhookUrl``)
      may lead; ``"*"`` is any. Deliveries elsewhere are logged as failed, and nothing is sent: a production URL in a
      test must not get made-up payments.
    - ``automatic``: whether a running server delivers in the background. Without it only ``deliver_due()`` delivers.
    - ``transport``: an httpx transport instead of the network, such as ``httpx.ASGITransport(app)``.

    Raises ``ValueError`` for an invalid value.
    """

    url: str | None = None
    secret: str = attrs.field(default=assumptions.WEBHOOK_SECRET, repr=False)
    shape: Shape = attrs.field(default="nested", validator=_one_of("nested", "flat"))
    allowed_hosts: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)
    automatic: bool = True
    transport: httpx.AsyncBaseTransport | None = attrs.field(default=None, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not self.secret:
            raise ValueError("secret must not be empty.")
        if self.url is not None and host_of(self.url) is None:
            raise ValueError(f"url must be an http or https URL with a host, not {self.url!r}.")

    def allows(self, url: str) -> bool:
        """Return whether deliveries to that URL are allowed."""
        host = host_of(url)
        if host is None:
            return False
        own = None if self.url is None else host_of(self.url)
        return is_loopback(host) or host == own or host in self.allowed_hosts or ANY_HOST in self.allowed_hosts


def host_of(url: str) -> str | None:
    """Return the host of an http or https URL, in lower case; ``None`` for anything else."""
    # urlsplit drops tabs and line ends silently; a URL with them is refused here.
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return host if host and port != 0 and parts.scheme in ("http", "https") else None
