"""Kill webhook servers at every stage of a delivery: ``python -m tests.soak.webhook_kills``. Takes some minutes.

Four server processes over HTTP, two of ASGI and two of WSGI, receive payments in any order, with repeats, and each is
killed with SIGKILL again and again: before the claim, in the handler, before and after the note, before and after the
answer, and at any time from outside. What is not answered 200 is delivered again, as the API does. In the end every
payment must have been shipped: once where the note is in the transaction of the handler, and elsewhere twice at most
where a process died between the handler's work and the note. Ends with 1 if it is otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import queue
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from inventpay.webhooks import SQLAlchemySeenStore
from tests.support.deliveries import flat, signed
from tests.support.kill_servers import STAGES, Log, Setting, Stages, make_receiver, preload, supervise

SERVERS: Final = 4
SENDERS: Final = 8
STORES: Final = ("transactional", "sqlite", "redis", "sqlite-first", "redis-first")
"""``-first`` answers before the handler runs."""


@frozen(kw_only=True)
class Report:
    """The result of a run on one store."""

    store: str
    kills: int
    by_stage: dict[str, int]
    payments: int
    deliveries: int
    lost: int
    """Payments that were answered 200 and not shipped."""
    twice: int
    """Payments that were shipped more than once."""
    in_the_window: int
    """Servers that died between the beginning of a handler's work and its note, by payment."""
    late: int
    """Handlers that outlasted their lease on a busy machine, so that another delivery took over."""
    outside_the_window: int
    """Payments that were shipped more often than these two explain."""
    half_done: int
    """Difference between shipments and the stock: a shipment of which one write is missing."""
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the store has kept its promise."""
        wrong = self.lost + self.outside_the_window + self.half_done
        return not wrong and (self.store != "transactional" or not self.twice)


class Senders:
    """Deliver payments to the servers until stopped, and then until each one was answered 200."""

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self._ports = ports
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._number = 0
        self._again = queue.PriorityQueue[tuple[float, int]]()
        self.is_over = False
        self.deliveries = 0
        self.answered = Counter[int]()
        self._threads = [threading.Thread(target=self._run) for _ in range(SENDERS)]

    @property
    def payments(self) -> int:
        """Number of payments so far."""
        return self._number

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Make no new payments, and wait until every one was answered 200."""
        self.is_over = True
        for thread in self._threads:
            thread.join()

    def _next(self) -> int | None:
        with self._lock:
            with contextlib.suppress(queue.Empty):
                due, number = self._again.get_nowait()
                if due <= time.monotonic():
                    return number
                self._again.put((due, number))
            if not self.is_over:
                self._number += 1
                return self._number - 1
        return None

    def _run(self) -> None:
        while True:
            number = self._next()
            if number is None:
                with self._lock:
                    if self.is_over and len(self.answered) == self._number:
                        return
                time.sleep(0.01)
                continue
            status = self._deliver(number)
            with self._lock:
                self.deliveries += 1
                if status == 200:
                    self.answered[number] += 1
                # The API repeats what failed; a fifth of the rest comes again by itself.
                if status != 200 or (not self.is_over and self._chance.random() < 0.2):
                    self._again.put((time.monotonic() + self._chance.uniform(0.02, 0.1), number))

    def _deliver(self, number: int) -> int | None:
        body = flat(self._chance.choice(("payment.completed", "payment.confirmed")), f"cmh{number}")
        connection = http.client.HTTPConnection("127.0.0.1", self._chance.choice(self._ports), timeout=10)
        try:
            connection.request("POST", "/", body, signed(body))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        else:
            return answer.status
        finally:
            connection.close()


def plans(kills: int, seed: int) -> list[list[str]]:
    """Return the stages at which each server is killed: every stage as often as any other."""
    stages = [STAGES[number % len(STAGES)] for number in range(kills)]
    random.Random(seed).shuffle(stages)
    return [stages[number::SERVERS] for number in range(SERVERS)]


@contextlib.contextmanager
def seen_of(store: str, folder: Path) -> Iterator[str]:
    """The place of the store."""
    if store.startswith("redis"):
        from tests.support.redis_servers import redis_server

        with redis_server() as server:
            yield server.url
    else:
        yield str(folder / "seen.sqlite3")


def run(store: str, kills: int, seed: int, lease: float) -> Report:
    """Kill servers on one store."""
    assert sys.platform != "win32"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, seen_of(store, Path(name)) as seen:
        folder = Path(name)
        kind, _, first = store.partition("-")
        setting = Setting(
            store=kind,
            respond="first" if first else "last",
            database=folder / "shop.sqlite3",
            seen=seen,
            lease=lease,
            log=folder / "log",
        )
        engine = create_engine(f"sqlite:///{setting.database}", connect_args={"timeout": 20})
        with engine.begin() as connection:
            connection.execute(text("PRAGMA journal_mode = WAL"))
            connection.execute(text("CREATE TABLE shipped (payment TEXT)"))
            connection.execute(text("CREATE TABLE stock (left INTEGER)"))
            connection.execute(text("INSERT INTO stock VALUES (0)"))
        SQLAlchemySeenStore(sessionmaker(engine)).create_tables()
        engine.dispose()
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(SERVERS)]
        supervisors = []
        for number, plan in enumerate(plans(kills, seed)):
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                supervise(listeners[number], setting, plan, seed + number, asgi=number % 2 == 0)
                os._exit(1)
            with contextlib.suppress(PermissionError):
                os.setpgid(child, child)
            supervisors.append(child)
        senders = Senders([listener.getsockname()[1] for listener in listeners], seed)
        try:
            senders.start()
            while _killed(setting.log).total() < kills:
                time.sleep(0.05)
                _check(supervisors)
            senders.finish()
            if first:
                _recover(setting)
        finally:
            senders.is_over = True
            for child in supervisors:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            for listener in listeners:
                listener.close()
        return _judge(store, setting, senders, time.monotonic() - began)


def _check(supervisors: Sequence[int]) -> None:
    assert sys.platform != "win32"
    for child in supervisors:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            raise RuntimeError(f"a server ended by itself ({status})")


def _recover(setting: Setting) -> None:
    """Handle what was answered before it was handled, when the leases of the dead have ended."""
    log = Log(setting.log)
    receiver = make_receiver(setting, Stages("never", 0, log), log)
    time.sleep(setting.lease * 1.5)
    while receiver.recover():
        time.sleep(setting.lease * 1.5)


def _lines(log: Path) -> list[list[str]]:
    return [line.split(maxsplit=2) for line in log.read_text().splitlines()] if log.exists() else []


def _killed(log: Path) -> Counter[str]:
    return Counter(line[2] for line in _lines(log) if line[1] == "killed")


def _judge(store: str, setting: Setting, senders: Senders, seconds: float) -> Report:
    engine = create_engine(f"sqlite:///{setting.database}")
    with engine.begin() as connection:
        shipped = Counter(connection.scalars(text("SELECT payment FROM shipped")))
        stock: int = connection.execute(text("SELECT left FROM stock")).scalar_one()
    engine.dispose()
    begun: dict[str, Counter[str]] = {"working": Counter(), "noted": Counter(), "late": Counter()}
    for line in _lines(setting.log):
        if line[1] in begun:
            begun[line[1]][line[2]] += 1
    unfinished = begun["working"] - begun["noted"]
    killed = _killed(setting.log)
    return Report(
        store=store,
        kills=killed.total(),
        by_stage={stage: killed[stage] for stage in STAGES},
        payments=senders.payments,
        deliveries=senders.deliveries,
        lost=sum(f"cmh{number}" not in shipped for number in senders.answered),
        twice=sum(times > 1 for times in shipped.values()),
        in_the_window=unfinished.total() - begun["late"].total(),
        late=begun["late"].total(),
        outside_the_window=sum(times - 1 > unfinished[payment] for payment, times in shipped.items()),
        half_done=abs(shipped.total() + stock),
        seconds=round(seconds, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lease", type=float, default=2.0, help="seconds after which a dead server's claim is free")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    preload()
    reports = [run(store, options.kills, options.seed, options.lease) for store in options.stores]
    if options.json:
        json.dump([{**asdict(report), "holds": report.holds} for report in reports], sys.stdout)
    else:
        print("| store | kills | payments | deliveries | lost | shipped twice | died in the window | late | seconds |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for report in reports:
            cells: list[Any] = [report.store, report.kills, f"{report.payments:,}", f"{report.deliveries:,}"]
            cells += [report.lost, report.twice, report.in_the_window, report.late, report.seconds]
            print("|", " | ".join(map(str, cells)), "|")
            print(f"  {'holds' if report.holds else 'DOES NOT HOLD'}: {report.by_stage}", file=sys.stderr)
    sys.exit(not all(report.holds for report in reports))


if __name__ == "__main__":
    main()
