"""A webhook receiver on a real socket: answers what a test says, and shows what arrived."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Self

from .raw_server import Deed, Exchange, RawServer


def answers(status: int, body: bytes = b"") -> Deed:
    """Answers so."""
    return lambda exchange: exchange.say(status, body)


class Received:
    """One delivery as it arrived."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.body = exchange.request.partition(b"\r\n\r\n")[2]
        self.document: dict[str, Any] = json.loads(self.body)

    @property
    def event(self) -> str:
        """The name in the body."""
        return str(self.document["event"])

    @property
    def delivery_id(self) -> str:
        """The identity of a delivery."""
        return self.exchange.header("X-Webhook-ID")

    @property
    def path(self) -> str:
        """Where it arrived."""
        return self.exchange.line.split(" ")[1]

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature is the documented one, made here from the bytes on the wire."""
        expected = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return self.exchange.header("X-Webhook-Signature") == expected


class Receiver:
    """Answers 200, or does a deed for each delivery, the last one for ever."""

    def __init__(self, *deeds: Deed) -> None:
        self._server = RawServer(*(deeds or (answers(200, b"OK"),)))

    def __enter__(self) -> Self:
        self._server.__enter__()
        self.url = f"{self._server.url}/hooks"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.__exit__(*exc_info)

    @property
    def received(self) -> list[Received]:
        """Deliveries that arrived, in order."""
        return [Received(exchange) for exchange in self._server.exchanges]

    @property
    def events(self) -> list[str]:
        """The names of what arrived."""
        return [received.event for received in self.received]
