"""Several processes on one store handle each event once, and none is lost when one of them is killed."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field, frozen

from tests.support.deliveries import flat, signed
from tests.support.redis_servers import redis_server
from tests.support.servers import ROOT, wait_until
from tests.support.webhook_worker import HANG, Log, make_receiver

LEASE = 3.0


@frozen
class Entry:
    """A line of the handlers' log."""

    at: float
    process: int
    what: str
    payment_id: str


def entries(log: Path) -> list[Entry]:
    """All lines, in order."""
    if not log.exists():
        return []
    lines = (line.split() for line in log.read_text().splitlines())
    return [Entry(float(at), int(process), what, payment_id) for at, process, what, payment_id in lines]


@define
class Worker:
    """A process that receives webhooks."""

    process: asyncio.subprocess.Process
    answers: dict[int, asyncio.Future[int | None]] = field(factory=dict)
    answered: int = 0
    unanswered: frozenset[int] = frozenset()
    """Deliveries it took, and was killed before it answered."""

    @classmethod
    async def start(cls, *arguments: object) -> Worker:
        """Starts one, and waits until it receives."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.webhook_worker", *map(str, arguments)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return cls(process)

    async def read_answers(self) -> None:
        """Pass answers to the waiting senders; ``None`` after the process died."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            answer = json.loads(line)
            self.answered += 1
            self.answers.pop(answer["number"]).set_result(answer["status"])
            self.answered += 1
        self.unanswered = frozenset(self.answers)
        for waiting in self.answers.values():
            waiting.set_result(None)
        self.answers.clear()

    async def deliver(self, number: int, body: bytes, headers: dict[str, str]) -> int | None:
        """The status of the answer, or ``None`` where none came."""
        assert self.process.stdin is not None
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.answers[number] = answer
        line = json.dumps({"number": number, "body": body.decode(), "headers": headers})
        self.process.stdin.write(f"{line}\n".encode())
        return await answer


class Sender:
    """Delivers what is there through all workers, and again what was not answered 200."""

    def __init__(self, deliveries: list[tuple[bytes, dict[str, str]]]) -> None:
        self._deliveries = deliveries
        self._open = asyncio.Queue[int]()
        for number in range(len(deliveries)):
            self._open.put_nowait(number)
        self.statuses: Counter[int | None] = Counter()

    async def send(self, worker: Worker) -> None:
        """One of the sender's connections to one worker, until everything has arrived or the worker is gone."""
        while self.statuses[200] < len(self._deliveries):
            try:
                number = self._open.get_nowait()
            except asyncio.QueueEmpty:
                await asyncio.sleep(0.01)
                continue
            status = await worker.deliver(number, *self._deliveries[number])
            self.statuses[status] += 1
            if status != 200:
                asyncio.get_running_loop().call_later(0.05, self._open.put_nowait, number)
            if status is None:
                return


def deliveries(events: int, repeats: int, seed: int) -> list[tuple[bytes, dict[str, str]]]:
    """Return each event again and again, under three ids, with separate timestamps, shuffled; one handler hangs."""
    made = []
    for number in range(events):
        order = HANG if number == 0 else f"order-{number}"
        for repeat in range(repeats):
            sent = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - repeat))
            body = flat(payment_id=f"cmh{number}", orderId=order, timestamp=sent)
            made.append((body, signed(body, X_Webhook_ID=f"whd{number}-{repeat % 3}")))
    random.Random(seed).shuffle(made)
    return made


@pytest.fixture(params=["SQLite", "redis-server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The store that the processes share."""
    if request.param == "SQLite":
        yield str(tmp_path / "seen.sqlite3")
    else:
        with redis_server(request.param) as server:
            yield server.url


@pytest.mark.real_time
@pytest.mark.parametrize(("events", "repeats"), [(60, 5), pytest.param(100, 10, marks=pytest.mark.soak)])
async def test_deliveries_over_four_processes_one_of_which_is_killed(
    tmp_path: Path, store: str, events: int, repeats: int
) -> None:
    """Every event is handled once; the one whose process died in its handler again, when the lease is over."""
    log = tmp_path / "log"
    modes = ["threads", "asyncio", "threads", "asyncio"]
    victim, *others = await asyncio.gather(
        *(
            Worker.start(store, log, LEASE, mode, *(["--hang"] if number == 0 else []))
            for number, mode in enumerate(modes)
        )
    )
    sender = Sender(deliveries(events, repeats, seed=1))
    # The hanging event is sent to the victim first, so that it is killed during its handler.
    hanging = next(each for each in sender._deliveries if HANG.encode() in each[0])
    readers = [asyncio.create_task(worker.read_answers()) for worker in (victim, *others)]
    lost = asyncio.create_task(victim.deliver(-1, *hanging))
    await asyncio.to_thread(wait_until, lambda: bool(entries(log)))

    connections = [asyncio.create_task(sender.send(worker)) for worker in (victim, *others) for _ in range(4)]
    await asyncio.to_thread(wait_until, lambda: sender.statuses[200] >= events * repeats / 4)
    victim.process.kill()
    assert await lost is None
    async with asyncio.timeout(30):
        await asyncio.gather(*connections)
    for worker in others:
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert await worker.process.wait() == 0
    await victim.process.wait()
    await asyncio.gather(*readers)

    found = entries(log)
    ended = Counter(entry.payment_id for entry in found if entry.what == "end")
    begun: dict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        if entry.what == "begin":
            begun[entry.payment_id].append(entry)
    assert set(ended) == {f"cmh{number}" for number in range(events)}
    died_before_it_was_noted = {
        json.loads(sender._deliveries[number][0])["paymentId"] for number in victim.unanswered if number >= 0
    }
    finished = {(entry.process, entry.payment_id) for entry in found if entry.what == "end"}
    for payment_id, times in begun.items():
        cut_off = [entry for entry in times if (entry.process, payment_id) not in finished]
        assert {entry.process for entry in cut_off} <= {victim.process.pid}
        # Once by a process that finished, besides the victim that did not; and not before the victim's lease was over.
        assert len(times) - len(cut_off) == ended[payment_id]
        assert ended[payment_id] == 1 or payment_id in died_before_it_was_noted
        for entry in cut_off:
            assert times[-1].at - entry.at >= LEASE * 0.95
    assert len(begun["cmh0"]) >= 2
    assert sender.statuses[200] == events * repeats
    assert all(worker.answered for worker in (victim, *others))


@pytest.mark.real_time
async def test_what_was_answered_first_outlives_its_process(tmp_path: Path, store: str) -> None:
    """An event that was answered first is handled by another process after its own was killed in the handler."""
    log = tmp_path / "log"
    victim = await Worker.start(store, log, LEASE, "first", "--hang")
    reader = asyncio.create_task(victim.read_answers())
    body = flat(payment_id="cmh0", orderId=HANG)
    assert await victim.deliver(0, body, signed(body)) == 200
    await asyncio.to_thread(wait_until, lambda: bool(entries(log)))
    victim.process.kill()
    await asyncio.gather(victim.process.wait(), reader)

    successor = make_receiver(store, Log(str(log)), LEASE, respond="first")
    await asyncio.to_thread(wait_until, lambda: successor.recover() == 1)
    first, second, end = entries(log)
    assert (first.what, second.what, end.what) == ("begin", "begin", "end")
    # Each time is noted after its claim, on a busy machine some tenths of a second later.
    assert second.at - first.at >= LEASE * 0.8
    assert successor.handle(body, signed(body)).outcome == "duplicate"
