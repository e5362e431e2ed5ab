"""A process that receives webhooks on its standard input, on a store it shares with others.

    python -m tests.support.webhook_worker STORE LOG LEASE threads|asyncio|first [--hang]

STORE is a file for SQLite, or the address of a Redis. It says ``ready``. A line is a delivery, ``{"number": 7, "body":
"...", "headers": {...}}``; an answer is ``{"number": 7, "status": 200}``. Four deliveries are handled at the same time.
The handler writes ``begin`` and ``end`` to the log, with the time, the process and the payment, and between them waits
a few milliseconds, or with ``--hang`` for ever where the order is ``hang``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inventpay.redis import RedisSeenStore
from inventpay.webhooks import PaymentCompletedEvent, SQLiteSeenStore, WebhookReceiver

from .deliveries import SECRET

HANG = "hang"


class Log:
    """Lines of several processes in one file: each is one write to its end."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, what: str, payment_id: str) -> None:
        """One line."""
        os.write(self._file, f"{time.time()} {os.getpid()} {what} {payment_id}\n".encode())


def make_receiver(store: str, log: Log, lease: float, **options: Any) -> WebhookReceiver:
    """The receiver every process has."""
    seen = RedisSeenStore(store, persistent=True) if store.startswith("redis:") else SQLiteSeenStore(store)
    receiver = WebhookReceiver(SECRET, seen=seen, lease=lease, **options)

    @receiver.on("payment.completed")
    def fulfil(event: PaymentCompletedEvent) -> None:
        log.write("begin", event.payment_id)
        time.sleep(600 if event.order_id == HANG and "--hang" in sys.argv else 0.003)
        log.write("end", event.payment_id)

    return receiver


def say(number: int, status: int) -> None:
    """An answer."""
    os.write(1, json.dumps({"number": number, "status": status}).encode() + b"\n")


def in_threads(receiver: WebhookReceiver, *, first: bool) -> None:
    """As a WSGI server does."""

    def deliver(line: str) -> None:
        delivery = json.loads(line)
        answer = receiver.handle(delivery["body"].encode(), delivery["headers"])
        say(delivery["number"], answer.status)
        if first:
            receiver.recover()

    with ThreadPoolExecutor(4) as pool:
        for line in sys.stdin:
            pool.submit(deliver, line)


async def in_tasks(receiver: WebhookReceiver) -> None:
    """As an ASGI server does."""
    places = asyncio.Semaphore(4)

    async def deliver(line: str) -> None:
        async with places:
            delivery = json.loads(line)
            answer = await receiver.handle_async(delivery["body"].encode(), delivery["headers"])
            say(delivery["number"], answer.status)

    async with asyncio.TaskGroup() as group:
        while line := await asyncio.to_thread(sys.stdin.readline):
            group.create_task(deliver(line))


def main() -> None:
    store, log, lease, mode = sys.argv[1:5]
    options: dict[str, Any] = {"respond": "first"} if mode == "first" else {}
    receiver = make_receiver(store, Log(log), float(lease), **options)
    print("ready", flush=True)
    if mode == "asyncio":
        asyncio.run(in_tasks(receiver))
    else:
        in_threads(receiver, first=mode == "first")


if __name__ == "__main__":
    main()
