"""An API with a ledger whose answers go wrong in every way that was ever met, on real sockets.

The ledger knows what happened: every payment and withdrawal that a request created. It honours idempotency keys, or
ignores them. Each request draws its fault from a seeded generator; a fault happens before the effect or after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import attrs


@attrs.frozen
class Late:
    """Bytes that are sent at once, and others that follow ``seconds`` later, whatever is sent in between."""

    now: bytes
    seconds: float
    then: bytes


Reply = bytes | Late | None
"""The bytes of an answer; ``None`` for none."""


@attrs.frozen
class Effect:
    """Something that a request created."""

    resource_id: str
    operation: str
    """The order id or description by which the caller knows its operation."""
    path: str
    key: str


@attrs.define
class Ledger:
    """The real effects of the requests."""

    honours_keys: bool
    effects: list[Effect] = attrs.field(factory=list)
    answers: dict[tuple[str, str], tuple[bytes, bytes]] = attrs.field(factory=dict)
    """By path and key: the body of the first request, and the answer to it."""

    def apply(self, path: str, key: str, body: bytes) -> tuple[int, bytes]:
        """Performs a request, or repeats the answer to its key; returns status and body."""
        known = self.answers.get((path, key)) if self.honours_keys else None
        if known is not None:
            if known[0] != body:
                return 409, refusal(409, "Idempotency key was already used with a different request")
            return 200, known[1]
        asked = json.loads(body)
        number = len(self.effects) + 1
        if path.endswith("withdrawal/create"):
            resource_id, operation = f"w{number}", asked["description"]
            data: dict[str, Any] = {
                "withdrawalId": resource_id,
                "amount": str(asked["amount"]),
                "currency": asked["currency"],
                "destinationAddress": asked["destinationAddress"],
                "status": "PENDING",
                "description": operation,
            }
        else:
            resource_id, operation = f"p{number}", asked["orderId"]
            data = {
                "paymentId": resource_id,
                "amount": asked["amount"],
                "currency": asked.get("currency"),
                "address": "0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb",
                "baseAmount": asked["amount"],
                "baseCurrency": asked["amountCurrency"],
                "invoiceUrl": f"https://shop.example/{resource_id}",
                "orderId": operation,
                "expiresAt": "2030-01-01T00:00:00.000Z",
                "conversionRates": {},
            }
        answer = json.dumps({"success": True, "data": data, "statusCode": 200}).encode()
        self.effects.append(Effect(resource_id, operation, path, key))
        if self.honours_keys:
            self.answers[path, key] = (body, answer)
        return 200, answer


def refusal(status: int, text: str) -> bytes:
    """A refusal in the API's own form."""
    return json.dumps({"success": False, "error": text, "statusCode": status}).encode()


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status} Said So", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@attrs.frozen
class Exchange:
    """The data of a request that a fault may use."""

    good: bytes
    """The correct answer, as bytes."""
    data: dict[str, Any]
    """The members of its ``data``."""
    other: bytes | None
    """The right answer to an earlier request on this server."""


LATE = 1.0
"""Seconds after which an answer comes that nothing waits for; the timeout of the clients is shorter."""

HTML = b"<!DOCTYPE html><title>Back soon</title>"


def _edited(**members: Any) -> Callable[[Exchange], bytes]:
    def edit(exchange: Exchange) -> bytes:
        data = {name: value for name, value in {**exchange.data, **members}.items() if value is not ...}
        return answer(200, json.dumps({"success": True, "data": data}).encode())

    return edit


def _says(status: int, body: bytes, *headers: str) -> Callable[[Exchange], bytes]:
    return lambda exchange: answer(status, body, *headers)


def _body_of(exchange: Exchange) -> bytes:
    return exchange.good.partition(b"\r\n\r\n")[2]


# Before the effect: nothing happens, and the answer says so, or something else, or is none.
BEFORE: dict[str, Callable[[Exchange], Reply]] = {
    "closes": lambda _: b"",
    "resets": lambda _: None,
    "400": _says(400, refusal(400, "Insufficient funds")),
    "401": _says(401, refusal(401, "Invalid API key")),
    "422": _says(422, refusal(422, "Invalid address")),
    "200 that says 400": _says(200, refusal(400, "Invalid amount")),
    "405": _says(405, HTML),
    "403 of a firewall": _says(403, HTML),
    "404 of a proxy": _says(404, HTML),
    "429": _says(429, refusal(429, "Too many requests"), "Retry-After: 0"),
    "429 of a proxy": _says(429, HTML, "Retry-After: 0"),
    "409 in progress": _says(409, refusal(409, "A request with this idempotency key is still being processed")),
    "500": _says(500, refusal(500, "Internal error")),
    "502 of a proxy": _says(502, HTML),
    "503": _says(503, HTML, "Retry-After: 0"),
    "a page": _says(200, HTML),
    "302": _says(302, b"", "Location: https://elsewhere.example/"),
}

# After the effect: it happened, whatever the answer says.
AFTER: dict[str, Callable[[Exchange], Reply]] = {
    "closes": lambda _: b"",
    "resets": lambda _: None,
    "half a head": lambda exchange: exchange.good[:20],
    "half a body": lambda exchange: exchange.good[:-30],
    "half a document": lambda exchange: answer(200, _body_of(exchange)[:-30]),
    "408": _says(408, HTML),
    "499": _says(499, b""),
    "400 of a proxy": _says(400, HTML),
    "404 of a proxy": _says(404, HTML),
    "500": _says(500, refusal(500, "Internal error")),
    "502 of a proxy": _says(502, HTML),
    "504": _says(504, refusal(504, "Gateway timeout")),
    "200 that says 504": _says(200, refusal(504, "Gateway timeout")),
    "200 that says no": _says(200, json.dumps({"success": False, "error": "?"}).encode()),
    "400 that says 504": _says(400, refusal(504, "Gateway timeout")),
    "303": _says(303, b"", "Location: /done"),
    "204": lambda _: b"HTTP/1.1 204 No Content\r\n\r\n",
    "an empty body": _says(200, b""),
    "a page": _says(200, HTML),
    "no UTF-8": _says(200, b'{"success": true, "data": "\xff\xfe"}'),
    "gzip that is none": lambda exchange: answer(200, _body_of(exchange), "Content-Encoding: gzip"),
    "gzip": lambda exchange: answer(200, zlib.compress(_body_of(exchange), wbits=31), "Content-Encoding: gzip"),
    "broken chunks": lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    "early hints": lambda exchange: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + exchange.good,
    "odd decoration": _edited(estimatedCompletion="Within 30 minutes", expiresAt="soon"),
    "no amount": _edited(amount=..., baseAmount=...),
    "an odd state": _edited(status=["PENDING"]),
    "an empty id": _edited(withdrawalId="", paymentId=""),
    "another amount": _edited(amount="1000000.01", baseAmount="1000000.01"),
    "the answer twice": lambda exchange: exchange.good * 2,
    "another call's answer": lambda exchange: exchange.other or exchange.good,
    "another call's answer first": lambda exchange: (exchange.other or b"") + exchange.good,
    # Behind the next request on this connection, if there is one so soon.
    "the answer twice, late": lambda exchange: Late(exchange.good, 0.002, exchange.good),
    "another call's answer, late": lambda exchange: Late(exchange.good, 0.002, exchange.other or exchange.good),
    "an answer that takes a while": lambda exchange: Late(b"", 0.1, exchange.good),
    "an answer in two parts": lambda exchange: Late(exchange.good[:40], 0.1, exchange.good[40:]),
}


class Request(NamedTuple):
    """One request, as far as a server of the tests looks at it."""

    method: str
    path: str
    key: str
    """The idempotency key, empty without one."""
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read the next request of a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    key = re.search(rb"(?i)idempotency-key: *([^\r\n]+)", head)
    return Request(method, path, key[1].decode() if key else "", body)


async def serve_connection(
    exchange: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer the requests of one connection until ``exchange`` returns False or the client leaves."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        try:
            while await exchange(reader, writer):
                pass
        finally:
            writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, which the other side sees in the middle of its reading."""
    connected = writer.transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class ChaosServer:
    """Serves on a free loopback port in a thread of its own."""

    def __init__(self, *, honours_keys: bool, share: float = 0.3, silence: float = 0.01, seed: int = 1) -> None:
        """``share`` of the requests meet a fault; of these ``silence`` get no answer in time."""
        self.ledger = Ledger(honours_keys)
        self.met: Counter[str] = Counter()
        """The faults that happened, by name."""
        self.requests = 0
        self._share = share
        self._silence = silence
        self._random = random.Random(seed)
        self._last: bytes | None = None
        self._faults = [("before", name) for name in BEFORE] + [("after", name) for name in AFTER]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024), self._loop
        )
        self._server = starting.result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_connection(self._exchange, reader, writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        method, path, key, body = await read_request(reader)
        self.requests += 1
        if method != "POST":
            writer.write(answer(200, b'{"success": true, "data": {}}'))
            return True
        reply, closes = self._reply(path, key, body)
        return await self.write(writer, reply) and not closes

    async def write(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        """Writes an answer; returns whether the connection goes on."""
        if reply is None:
            reset(writer)
            return False
        if isinstance(reply, Late):
            self._loop.call_later(reply.seconds, writer.write, reply.then)
            reply = reply.now
        writer.write(reply)
        await writer.drain()
        return True

    def _reply(self, path: str, key: str, body: bytes) -> tuple[Reply, bool]:
        """The bytes to send, ``None`` for a reset, and whether the connection ends with them."""
        draw = self._random.random()
        if draw >= self._share:
            status, right = self.ledger.apply(path, key, body)
            return self._remember(answer(status, right)), False
        if draw < self._share * self._silence:
            happens = self._random.random() < 0.5
            self.met["an answer after the timeout" if happens else "no answer"] += 1
            # The client has closed its connection by then.
            return Late(b"", LATE, answer(*self.ledger.apply(path, key, body)) if happens else b""), False
        when, name = self._random.choice(self._faults)
        self.met[f"{name} ({when} the effect)"] += 1
        if when == "before":
            reply = BEFORE[name](Exchange(b"", {}, None))
            return reply, name == "closes"
        status, right = self.ledger.apply(path, key, body)
        good = answer(status, right)
        data = json.loads(right).get("data", {})
        other, self._last = self._last, good if status == 200 else self._last
        reply = AFTER[name](Exchange(good, data, other)) if status == 200 else good
        return reply, name in ("closes", "half a head", "half a body", "broken chunks")

    def _remember(self, good: bytes) -> bytes:
        self._last = good
        return good
