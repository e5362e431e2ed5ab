"""A loopback HTTP server that writes down when requests arrive, and does nothing else with them.

Every status call is answered with 200, so that no refusal changes what a client does next; what a policy would have
refused is worked out afterwards from the arrivals. A request travels for a random time before it counts as arrived, and
its answer for another. Runs in a process of its own until its standard input ends:

    python benchmarks/harness/arrivals_server.py     prints its port
    GET /begin?seed=1&fastest=0.00025&slowest=0.0125      forgets everything; one-way latency in seconds
    GET /v1/invoice/{id}/status               what is counted
    GET /arrivals                             {"arrivals": [...], "late": most seconds a timer was late}
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import cast
from urllib.parse import parse_qs, urlsplit

STATUS_PREFIX = "/v1/invoice/"


class Journal:
    """The arrivals since the last ``/begin``, and the latency of the network."""

    def __init__(self) -> None:
        self.begin({})

    def begin(self, wanted: dict[str, list[str]]) -> None:
        self._random = random.Random(int(wanted.get("seed", ["0"])[0]))
        self._fastest = float(wanted.get("fastest", ["0"])[0])
        self._slowest = float(wanted.get("slowest", ["0"])[0])
        self.arrivals: list[float] = []
        self.late = 0.0

    def latency(self) -> float:
        return self._random.uniform(self._fastest, self._slowest)


class Connection(asyncio.Protocol):
    """One client connection. HTTP/1.1, keep-alive, requests without a body."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        target = self._received.split(b" ", 2)[1].decode()
        self._received = b""
        url = urlsplit(target)
        if url.path.startswith(STATUS_PREFIX):
            due = self._loop.time() + self._journal.latency()
            self._loop.call_at(due, self._arrive, due, url.path.split("/")[3])
        elif url.path == "/begin":
            self._journal.begin(parse_qs(url.query))
            self._answer({})
        else:
            self._answer({"arrivals": self._journal.arrivals, "late": self._journal.late})

    def _arrive(self, due: float, payment_id: str) -> None:
        now = self._loop.time()
        self._journal.arrivals.append(now)
        self._journal.late = max(self._journal.late, now - due)
        answer = {"paymentId": payment_id, "status": "PENDING", "currentBalance": "0", "confirmations": 0}
        self._loop.call_later(self._journal.latency(), self._answer, answer)

    def _answer(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve() -> None:
    journal = Journal()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(journal), "127.0.0.1", 0, backlog=4096)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
