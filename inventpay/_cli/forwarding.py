"""Deliver webhooks to an endpoint of your own, signed with your secret."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import frozen

from ..version import VERSION
from .exit_codes import ExitCode
from .output import plain

if TYPE_CHECKING:
    from .._sync.client import InventPay
    from ..webhooks.secrets import Secrets

TIMEOUT: Final = 5.0
"""Seconds in which an endpoint must answer (docs: webhooks/setup)."""

_SHOWN: Final = 500
"""Characters of an endpoint's answer that are kept."""


@frozen(kw_only=True)
class Forwarded:
    """One attempt to deliver an event."""

    event: str
    url: str
    delivery_id: str
    seconds: float
    status: int | None = None
    """HTTP status of the answer; ``None`` where there was none."""
    response: str | None = None
    error: str | None = None
    code: ExitCode = ExitCode.DONE
    """The exit code of this attempt."""

    def to_json(self) -> str:
        """Return the attempt as JSON text."""
        members = {
            "event": self.event,
            "deliveryId": self.delivery_id,
            "url": self.url,
            "status": self.status,
            "success": self.code is ExitCode.DONE,
            "milliseconds": round(self.seconds * 1000),
            "response": self.response,
            "error": self.error,
        }
        return json.dumps({name: value for name, value in members.items() if value is not None})

    def __str__(self) -> str:
        result = self.error if self.status is None else f"{self.status} in {self.seconds * 1000:.0f} ms"
        text = f"{plain(self.event)} -> {plain(self.url)}  {plain(result)}"
        refused = self.status is not None and self.code is not ExitCode.DONE and self.response
        return f"{text}  {plain(self.response)}" if refused else text


class Forwarder:
    """Signs bodies and posts them to one URL."""

    def __init__(self, url: str, secrets: Secrets) -> None:
        import httpx

        self.url = url
        self._secrets = secrets
        # Neither a proxy of the environment nor a redirect: the endpoint is the one that was named.
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def deliver(self, event: str, body: bytes, delivery_id: str) -> Forwarded:
        """Post a body; return the result, also where nothing answered."""
        import httpx

        from ..webhooks.request_headers import DELIVERY_ID_HEADER, EVENT_HEADER, SIGNATURE_HEADER

        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"inventpay-cli/{VERSION}",
            EVENT_HEADER: event,
            DELIVERY_ID_HEADER: delivery_id,
            SIGNATURE_HEADER: self._secrets.sign(body),
        }
        facts: dict[str, Any] = {"event": event, "url": self.url, "delivery_id": delivery_id}
        began = time.perf_counter()
        try:
            # Header values are ASCII; an unknown event may have any name.
            safe = {name: value.encode("ascii", "replace").decode() for name, value in headers.items()}
            answer = self._http.post(self.url, content=body, headers=safe)
        except httpx.HTTPError as error:
            is_unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            problem = f"not reached: {error}" if is_unsent else f"no answer: {error or type(error).__name__}"
            code = ExitCode.NOT_SENT if is_unsent else ExitCode.UNKNOWN
            return Forwarded(**facts, seconds=time.perf_counter() - began, error=problem, code=code)
        return Forwarded(
            **facts,
            seconds=time.perf_counter() - began,
            status=answer.status_code,
            response=answer.text[:_SHOWN] or None,
            code=ExitCode.DONE if answer.is_success else ExitCode.ENDED_OTHERWISE,
        )


class MissedEvents:
    """The events of the API's delivery log that no receiver accepted, each of them once."""

    def __init__(self, client: InventPay, *, since: timedelta, all_deliveries: bool) -> None:
        self._client = client
        self._since = since
        self._wanted = "all" if all_deliveries else "failed"
        self._known: set[str] = set()
        self.unavailable: list[str] = []
        """Ids of deliveries whose body cannot be fetched or read."""

    def take(self, now: float) -> list[tuple[str, bytes, str]]:
        """Return name, body and delivery id of the events that were not returned before, oldest first.

        Raises the errors of ``client.webhooks.deliveries``.
        """
        from ..errors import DecodeError, InventPayError
        from ..webhooks.reconciling import Reconciliation, delivery_in, delivery_of
        from ..webhooks.replays import read_replay

        walk = Reconciliation(self._since, now)
        listing = self._client.webhooks.deliveries(
            success=walk.filter_of("all" if self._wanted == "all" else "failed"), on_unread="skip"
        )
        for page in listing.pages():
            if not walk.add_page(page.items, page.unread):
                break
        found: list[tuple[str, bytes, str]] = []
        for row in walk.rows():
            row_id = str(row.id or "")
            if row_id in self._known:
                continue
            try:
                delivery = delivery_in(row)
                if delivery is None:
                    try:
                        delivery = self._client.webhooks.delivery(row_id)
                    except DecodeError as error:
                        delivery = delivery_of(error, row)
                replay = read_replay(delivery)
            except InventPayError:
                self.unavailable.append(row_id)
            else:
                found.append((replay.event.event, replay.body, row_id))
            if row_id:
                self._known.add(row_id)
        return found


def parse_since(text: str) -> timedelta:
    """Return a span of time such as ``90s``, ``30m``, ``12h`` or ``7d``. Raises ValueError."""
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isascii() or not number.isdigit() or not 0 < int(number) < 10**6:
        raise ValueError(f"{text!r} must be a number with a unit, such as 90s, 30m, 12h or 7d")
    return timedelta(seconds=int(number) * units[unit])


def moment() -> datetime:
    """Return the present time, UTC."""
    from datetime import UTC

    return datetime.now(UTC)
