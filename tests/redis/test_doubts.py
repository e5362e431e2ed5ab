"""Doubts about idempotency keys that processes share: real processes, outages, and every order of steps."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    BadRequestError,
    InventPay,
    RateLimits,
    UnsettledError,
)
from inventpay._concurrency.steady_time import monotonic
from inventpay._limits.shared_doubts import DoubtReply, DoubtStep
from inventpay._transport.doubts import LIFETIME, CallDoubt, DoubtMemory, KeyName
from inventpay.redis import RedisLimiter
from inventpay.redis.doubts import SCRIPT, DoubtCommand
from tests.support import doubt_worker
from tests.support.api import ScriptedAPI, answers, fails, ok
from tests.support.clients import WITHDRAWAL_KEY, once, repeatable
from tests.support.raw_server import RawServer, answers_as_documented, never_answers, resets
from tests.support.redis_groups import cluster
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.systems import needs_fork

lost = fails(httpx.ReadError("reset"))
KEY = "pk_live_of_two_processes"
NAME = KeyName("https://api.example", "account", "key-1")


# --- real processes ---


def test_two_processes(server: RedisServer, prefix: str) -> None:
    """A withdrawal whose answer one process lost is not sent by the next; one that trusts keys settles it for all."""
    job = {"redis": server.url, "prefix": prefix, "key": "november"}
    with RawServer(resets, answers_as_documented) as api:

        def run(**more: Any) -> str:
            return doubt_worker.result(doubt_worker.start(**job, api=api.url, **more))

        assert run() == "APIConnectionError unknown"
        assert run() == "UnsettledError unknown"
        assert len(api.exchanges) == 1
        assert run(trusts=True) == "ok"
        assert run() == "ok"  # settled; the API replays it
        assert len(api.exchanges) == 3


def test_a_process_that_is_killed_leaves_its_doubt(redis_only: RedisServer, prefix: str) -> None:
    """`kill -9` between the request and its answer: no other process sends the withdrawal."""
    job = {"redis": redis_only.url, "prefix": prefix, "key": "november"}
    with RawServer(never_answers, answers_as_documented) as api:
        killed = doubt_worker.start(**job, api=api.url)
        assert api.arrived.wait(30)
        killed.kill()
        killed.communicate()
        assert doubt_worker.result(doubt_worker.start(**job, api=api.url)) == "UnsettledError unknown"
        assert len(api.exchanges) == 1


# --- one process, looked at from outside ---

NewClient = Callable[..., InventPay]


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server to break."""
    with redis_server() as running:
        yield running


@pytest.fixture
def new_client(prefix: str) -> Iterator[NewClient]:
    """Clients of processes that share nothing but Redis, with a limiter each."""
    limiters: list[RedisLimiter] = []
    clients: list[InventPay] = []

    def new(url: str, *steps: Any, timeout: float = 0.5, **options: Any) -> InventPay:
        limiters.append(RedisLimiter(url, prefix=prefix, timeout=timeout, **options))
        client = InventPay(
            KEY,
            withdrawal_key=WITHDRAWAL_KEY,
            base_url="https://api.example",
            transport=httpx.MockTransport(ScriptedAPI(*steps)),
            limiter=limiters[-1],
            rate_limits=RateLimits(withdrawals=800, payment_creation=800, other=800, window=1.0, counting="window"),
            max_retries=0,
        )
        client._transport.settling._memory = DoubtMemory()  # type: ignore[misc]
        clients.append(client)
        return client

    yield new
    for client in clients:
        client.close()
    for limiter in limiters:
        limiter.close()


def doubts_of(client: InventPay) -> Any:
    """The part of a client's limiter that sends its steps."""
    return client._transport.settling.shared


def keys(server: RedisServer, prefix: str) -> dict[bytes, Any]:
    """Return the keys in doubt as Redis holds them."""
    with server.client() as client:
        found = {name: client.get(name) for name in client.keys(f"{prefix}:doubt:*")}
        return {name: json.loads(text) for name, text in found.items() if text}


def test_redis_holds_no_secret_and_forgets(redis_only: RedisServer, prefix: str, new_client: NewClient) -> None:
    """A doubt is kept for 24 hours; neither the keys nor the request can be read there."""
    one = new_client(redis_only.url, lost)
    with pytest.raises(APIConnectionError):
        once(one, idempotency_key="november-1", description="to the landlord")
    ((name, state),) = keys(redis_only, prefix).items()
    shown = f"{name!r} {state}"
    for secret in (KEY, WITHDRAWAL_KEY, "november", "landlord", "0x1E3D", "api.example"):
        assert secret not in shown
    with redis_only.client() as client:
        assert LIFETIME - 60 < client.pttl(name) / 1000 <= LIFETIME
        assert len(name) < 100


def test_the_documented_rights_are_sufficient(redis_only: RedisServer, prefix: str, new_client: NewClient) -> None:
    """A user who may share the limit may share doubts."""
    rights = ("+get", "+set", "+time", "+eval", "+evalsha")
    with redis_only.client() as client:
        client.execute_command("ACL", "SETUSER", prefix, "reset", "on", ">secret", f"~{prefix}:*", *rights)
    one = new_client(redis_only.url.replace("redis://", f"redis://{prefix}:secret@"), lost, answers(400), ok)
    with pytest.raises(APIConnectionError):
        repeatable(one, idempotency_key="november")
    assert len(keys(redis_only, prefix)) == 1
    with pytest.raises(BadRequestError):
        repeatable(one, idempotency_key="november")
    repeatable(one, idempotency_key="november")
    one._transport._limiter._limiter.worker.flush()  # type: ignore[attr-defined]
    assert keys(redis_only, prefix) == {}


def test_an_outage_in_the_middle_loses_nothing(
    own_server: RedisServer, new_client: NewClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A result arrives although Redis ended after the request; the step follows when Redis is back."""

    def goes_away(request: httpx.Request, clock: Any) -> httpx.Response:
        own_server.stop()
        return ok(request, clock)

    one = new_client(own_server.url, ok, goes_away, lost, ok, timeout=0.3)
    once(one, idempotency_key="first")
    began = time.monotonic()
    assert once(one, idempotency_key="second").status == "PENDING"
    with pytest.raises(APIConnectionError):
        once(one, idempotency_key="in the outage")
    with pytest.raises(UnsettledError):
        once(one, idempotency_key="in the outage")
    assert time.monotonic() - began < 5.0
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    own_server.start()
    # Any call reaches Redis again; the doubt goes with it.
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and doubts_of(one).has_news:
        one.balances.get("USDT_BEP20")
        time.sleep(0.1)
    two = new_client(own_server.url, ok)
    with pytest.raises(UnsettledError):
        once(two, idempotency_key="in the outage")
    once(two, idempotency_key="second")


def test_a_redis_that_says_nothing(own_server: RedisServer, new_client: NewClient) -> None:
    """A call waits for one timeout at most, and sends under the doubts of its own process."""
    one = new_client(own_server.url, ok, timeout=0.4)
    once(one, idempotency_key="first")
    one._transport._limiter._limiter.worker.flush()  # type: ignore[attr-defined]
    step = doubts_of(one)
    serve, naps = step._owner.serve, []

    def nap() -> None:
        with own_server.client() as client:
            client.execute_command("DEBUG", "SLEEP", "1.5")

    def serve_late(part: Any, *, may_block: bool) -> None:
        if part is step and not naps:
            naps.append(threading.Thread(target=nap))
            naps[0].start()
            time.sleep(0.1)
        serve(part, may_block=may_block)

    step._owner.serve = serve_late
    began = time.monotonic()
    once(one, idempotency_key="second")
    assert 0.3 < time.monotonic() - began < 1.4
    naps[0].join()
    one._transport._limiter._limiter.worker.flush()  # type: ignore[attr-defined]
    once(one, idempotency_key="third")
    two = new_client(own_server.url, ok)
    # The step of "second" may have arrived late; its end followed it.
    once(two, idempotency_key="second")


def test_a_memory_that_cannot_be_reached_is_that_of_the_process(new_client: NewClient) -> None:
    """What Redis said before an outage is remembered in it."""
    with redis_server() as server:
        one, two = new_client(server.url, lost), new_client(server.url, ok)
        with pytest.raises(APIConnectionError):
            once(one, idempotency_key="november")
        with pytest.raises(UnsettledError):
            once(two, idempotency_key="november")
    with pytest.raises(UnsettledError):
        once(two, idempotency_key="november")


def test_a_limiter_that_was_closed(redis_only: RedisServer, prefix: str, new_client: NewClient) -> None:
    """Closing sends the last steps; a later call connects again."""
    one = new_client(redis_only.url, ok, answers(400))
    once(one, idempotency_key="first")
    limiter = one._transport._limiter._limiter  # type: ignore[attr-defined]
    limiter.close()
    assert keys(redis_only, prefix) == {}
    with pytest.raises(BadRequestError) as caught:
        once(one, idempotency_key="second")
    assert caught.value.outcome == "refused"
    limiter.close()
    assert keys(redis_only, prefix) == {}


def test_many_threads_under_one_key(redis_only: RedisServer, prefix: str, new_client: NewClient) -> None:
    """Of twenty payments under one key in two processes each is settled or refused for certain at the end."""
    clients = [new_client(redis_only.url, answers(400), timeout=10.0) for _ in range(2)]

    def pay(number: int) -> str:
        with pytest.raises(BadRequestError) as caught:
            repeatable(clients[number % 2], idempotency_key="one")
        return str(caught.value.outcome)

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(pay, range(20)))
    assert set(outcomes) <= {"unknown", "refused"}
    for client in clients:
        client._transport._limiter._limiter.worker.flush()  # type: ignore[attr-defined]
        with pytest.raises(BadRequestError) as caught:
            repeatable(client, idempotency_key="one")
        assert caught.value.outcome == "refused"
    assert keys(redis_only, prefix) == {}


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_in_the_middle(redis_only: RedisServer, prefix: str, new_client: NewClient) -> None:
    """A child neither ends the call of its parent nor forgets it; its own calls are those of another process."""
    children: list[int] = []

    def forks(request: httpx.Request, clock: Any) -> httpx.Response:
        child = os.fork()
        if not child:
            # The answer that the parent gets reaches the child's copy of the call as well.
            return ok(request, clock)
        children.append(child)
        raise httpx.ReadError("reset")

    client = new_client(redis_only.url, forks, timeout=5.0)
    parent = os.getpid()
    try:
        once(client, idempotency_key="november")
    except APIConnectionError:
        assert os.getpid() == parent
    if os.getpid() != parent:
        try:
            client._transport._limiter._limiter.close()  # type: ignore[attr-defined]
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
    assert len(keys(redis_only, prefix)) == 1
    with pytest.raises(UnsettledError):
        once(new_client(redis_only.url, ok), idempotency_key="november")


def test_tasks_of_trio(redis_only: RedisServer, prefix: str) -> None:
    """Under trio too; a cancelled call takes its step back."""
    limiter = RedisLimiter(redis_only.url, prefix=prefix)

    async def main() -> None:
        async with AsyncInventPay(
            KEY,
            withdrawal_key=WITHDRAWAL_KEY,
            base_url="https://api.example",
            transport=httpx.MockTransport(ScriptedAPI(lost, ok)),
            limiter=limiter,
            max_retries=0,
        ) as client:
            with pytest.raises(APIConnectionError):
                await once(client, idempotency_key="trio-1")
            submit = limiter.shared_doubts.submit
            with trio.CancelScope() as scope:

                def cancels(step: DoubtStep, *, may_block: bool) -> None:
                    submit(step, may_block=may_block)
                    scope.cancel()

                limiter.shared_doubts.submit = cancels  # type: ignore[method-assign]
                await once(client, idempotency_key="trio-2")
            assert scope.cancelled_caught
            limiter.shared_doubts.submit = submit  # type: ignore[method-assign]
            await once(client, idempotency_key="trio-2")

    trio.run(main)
    limiter.close()
    assert len(keys(redis_only, prefix)) == 1


@pytest.mark.real_time
def test_a_cluster(tmp_path: Path, new_client: NewClient) -> None:
    """In a cluster each key is on the node of its own slot."""
    with cluster(tmp_path) as nodes:
        one, two = (new_client(f"redis+cluster://127.0.0.1:{node.port}", lost, timeout=5.0) for node in nodes[:2])
        for number in range(6):
            with pytest.raises(APIConnectionError):
                once(one, idempotency_key=f"key-{number}")
            with pytest.raises(UnsettledError):
                once(two, idempotency_key=f"key-{number}")


# --- the script ---


class Direct:
    """The shared memory of one process, whose steps are sent when a test wants."""

    patience = 1.0

    def __init__(self, client: redis.Redis, key: str, name: str) -> None:
        self._client = client
        self._key = key
        self._name = name
        self._tickets = 0
        self.steps: list[DoubtStep] = []

    def new_ticket(self) -> str:
        self._tickets += 1
        return f"{self._name}.{self._tickets}"

    def post(self, step: DoubtStep) -> None:
        self.steps.append(step)

    def submit(self, step: DoubtStep, *, may_block: bool) -> None:
        del may_block
        self.steps.append(step)

    def leave(self, step: DoubtStep) -> None:
        step.waiter = None

    def send(self, *, replies: int = 1) -> DoubtStep:
        """Send the first step; it arrives, and its reply is applied the last time it does."""
        step = self.steps.pop(0)
        for number in range(replies):
            reply = ask(self._client, self._key, step)
            if number == replies - 1:
                step.on_reply(reply)
        return step


def ask(client: redis.Redis, key: str, step: DoubtStep) -> DoubtReply:
    command = DoubtCommand(step, monotonic())
    message: Any = client.eval(SCRIPT.text, 1, key, command.encode(monotonic()))
    return command.decode(message)


def new_step(step: Any, ticket: str = "a.1", digest: bytes = b"\1", **more: Any) -> DoubtStep:
    facts: dict[str, Any] = {"age": 0.0, "lifetime": LIFETIME, "may_join": True, "on_reply": lambda reply: None, **more}
    return DoubtStep(step=step, key="", ticket=ticket, digest=digest, **facts)


rarely = st.integers(0, 4).map(lambda number: number == 4)


class OneKey(RuleBasedStateMachine):
    """Calls of three processes under one key, whose steps are late, repeated, or lost with their process.

    The model is a set: the tickets that Redis has, and the digest that they share.
    """

    client: redis.Redis
    key: str

    def __init__(self) -> None:
        super().__init__()
        self.client.delete(self.key)
        self.tickets: set[str] = set()
        self.digest = b""
        self.starts = 0
        self.retried: set[CallDoubt] = set()
        self.processes = [self.new_process() for _ in range(3)]

    def new_process(self) -> tuple[DoubtMemory, Direct, list[CallDoubt]]:
        self.starts += 1
        return DoubtMemory(), Direct(self.client, self.key, f"p{self.starts}"), []

    def model(self, step: DoubtStep) -> set[str]:
        """Take a step in the model; return the tickets of other calls after it."""
        digest = step.digest
        if step.step == "begin" and (not self.tickets or (step.may_join and self.digest == digest)):
            self.digest = digest
            self.tickets.add(step.ticket)
        elif step.step == "publish":
            self.digest = digest if not self.tickets or self.digest == digest else b""
            self.tickets.add(step.ticket)
        elif step.step == "take back":
            self.tickets.discard(step.ticket)
        elif step.step == "settle" and step.ticket in self.tickets:
            self.tickets.clear()
        return self.tickets - {step.ticket}

    def arrive(self, shared: Direct, *, replies: int = 1) -> None:
        """Let the first step of a process arrive, and compare the replies."""
        (step, others) = (shared.steps[0], self.model(shared.steps[0]))
        learn, seen = step.on_reply, []
        step.on_reply = lambda reply: (seen.append(reply), learn(reply))
        shared.send(replies=replies)
        if step.step != "begin" or step.ticket in self.tickets:
            assert seen[0].others == len(others)
        assert seen[0].digest == (self.digest if self.tickets else b"")

    @rule(process=st.integers(0, 2), other_data=rarely, may_join=rarely.map(lambda rare: not rare))
    def begin(self, process: int, other_data: bool, may_join: bool) -> None:
        """A call begins; it sends its request where nothing forbids it."""
        memory, shared, calls = self.processes[process]
        digest = b"\2" if other_data else b"\1"
        call = CallDoubt(NAME, digest, memory, shared)
        step = call.begin(0.0, may_join=may_join)
        assert step is not None
        shared.submit(step, may_block=False)
        while shared.steps:
            self.arrive(shared)
        call.begun()
        others = self.tickets - {step.ticket}
        known = call.earlier(0.0)
        assert (known is not None) or not others
        if known is not None and (call.conflicts(known) or not may_join):
            self.end(call, shared, claims_nothing=False)
            return
        assert step.ticket in self.tickets or not others
        assert call.sending(0.0) is None
        calls.append(call)

    def end(self, call: CallDoubt, shared: Direct, *, claims_nothing: bool = True) -> None:
        """End a call without success, and compare its claim with the model."""
        step = call.ended(0.0, needs_reply=claims_nothing)
        if step is not None:
            shared.submit(step, may_block=False)
            while shared.steps:
                self.arrive(shared)
            call.earlier(0.0)
            if self.tickets:
                assert call.exists

    def pick(self, which: int) -> tuple[list[CallDoubt], CallDoubt, Direct]:
        """Choose a call that is under way."""
        under_way = [(calls, call, shared) for _, shared, calls in self.processes for call in calls]
        return under_way[which % len(under_way)]

    @precondition(lambda self: any(calls for _, _, calls in self.processes))
    @rule(which=st.integers(0, 20))
    def retry(self, which: int) -> None:
        """A call whose answer was lost sends its request again: the first one stays in doubt."""
        _, call, _ = self.pick(which)
        if call.sending(0.0) is None:
            self.retried.add(call)

    @precondition(lambda self: any(calls for _, _, calls in self.processes))
    @rule(which=st.integers(0, 20))
    def refuse(self, which: int) -> None:
        """The last request of a call is refused."""
        calls, call, shared = self.pick(which)
        calls.remove(call)
        call.had_no_effect()
        ticket = call._ticket
        is_known = ticket in self.tickets and all(step.step != "settle" for step in shared.steps)
        self.end(call, shared)
        assert call not in self.retried or call.exists
        if is_known:
            assert (ticket in self.tickets) == (call in self.retried)
        if not self.tickets:
            assert self.client.get(self.key) in (None, b"")

    @precondition(lambda self: any(calls for _, _, calls in self.processes))
    @rule(which=st.integers(0, 20))
    def lose(self, which: int) -> None:
        """The answer to one request is lost; its ticket stays."""
        calls, call, shared = self.pick(which)
        calls.remove(call)
        assert call.exists
        self.end(call, shared)

    @precondition(lambda self: any(calls for _, _, calls in self.processes))
    @rule(which=st.integers(0, 20))
    def succeed(self, which: int) -> None:
        """One request succeeds; nothing waits for the step."""
        calls, call, _ = self.pick(which)
        calls.remove(call)
        call.succeeded()

    @rule(process=st.integers(0, 2), replies=st.integers(1, 3))
    def deliver(self, process: int, replies: int) -> None:
        """A step that was not waited for arrives, or arrives several times because its replies are lost."""
        _, shared, _ = self.processes[process]
        if shared.steps and (replies == 1 or shared.steps[0].step == "publish"):
            self.arrive(shared, replies=replies)

    @rule(process=st.integers(0, 2))
    def kill(self, process: int) -> None:
        """A process is killed with its unsent steps; what it began stays in doubt."""
        self.processes[process] = self.new_process()


def test_steps_in_every_order(redis_only: RedisServer, prefix: str) -> None:
    """Redis and a plain set of tickets agree after every step, and no call claims less than the set allows."""
    with redis_only.client() as client:
        OneKey.client, OneKey.key = client, f"{prefix}:doubt:machine"
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            OneKey,
            settings=settings(
                max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )


@pytest.mark.parametrize("step", ["publish", "take back", "settle"])
def test_a_step_that_arrives_twice(server: RedisServer, prefix: str, step: Any) -> None:
    """A step that must arrive may be sent again after an outage: of another call it changes nothing."""
    with server.client() as client:
        key = f"{prefix}:doubt:x"
        ask(client, key, new_step("begin", "a.1"))
        ask(client, key, new_step(step, "a.1"))
        ask(client, key, new_step("begin", "b.1"))
        ask(client, key, new_step(step, "a.1"))
        found = ask(client, key, new_step("look", ""))
        assert found.others == (2 if step == "publish" else 1)


def test_a_late_success_settles_no_other_doubt(server: RedisServer, prefix: str) -> None:
    """The key was freed and used again before the step of an earlier call arrived."""
    with server.client() as client:
        key = f"{prefix}:doubt:x"
        ask(client, key, new_step("begin", "a.1"))
        client.delete(key)
        ask(client, key, new_step("begin", "b.1", b"\2"))
        ask(client, key, new_step("settle", "a.1"))
        assert ask(client, key, new_step("look", "")).digest == b"\2"


def test_a_doubt_has_the_age_of_its_first_request(server: RedisServer, prefix: str) -> None:
    """Ages are seconds on the clock of Redis; the doubt is forgotten when the first request is a day old."""
    with server.client() as client:
        key = f"{prefix}:doubt:x"
        ask(client, key, new_step("begin", "a.1", age=3600.0))
        found = ask(client, key, new_step("begin", "b.1"))
        assert 3599 < found.age < 3610
        assert LIFETIME - 3610 < client.pttl(key) / 1000 < LIFETIME - 3590
        ask(client, key, new_step("begin", "c.1", age=2 * LIFETIME))
        assert 0 < client.pttl(key) <= 1000


def test_a_key_with_very_many_doubts(server: RedisServer, prefix: str) -> None:
    """Its entry stays small, and it is in doubt until one call succeeds."""
    with server.client() as client:
        key = f"{prefix}:doubt:x"
        for number in range(200):
            ask(client, key, new_step("begin", f"a.{number}"))
        assert client.strlen(key) < 2000
        for number in range(200):
            found = ask(client, key, new_step("take back", f"a.{number}"))
        assert found.others > 0
        ask(client, key, new_step("begin", "b.1"))
        ask(client, key, new_step("settle", "a.0"))
        assert ask(client, key, new_step("look", "")).others > 0
        assert ask(client, key, new_step("settle", "b.1")).others == 0


POISONS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\x00",
    b'{"digest": 1, "sent": 1, "tickets": {}}',
    b'{"digest": "zz", "sent": 1, "tickets": {}}',
    b'{"digest": "012", "sent": 1800000000, "tickets": {"a": 1}}',
    b'{"digest": "01", "sent": "x", "tickets": {}}',
    b'{"digest": "01", "sent": nan, "tickets": {}}',
    b'{"digest": "01", "sent": -1e308, "tickets": {"a": 1}}',
    b'{"digest": "01", "sent": 1e308, "tickets": {"a": 1}}',
    b'{"digest": "01", "sent": 1800000000, "tickets": [1, 2]}',
    b'{"digest": "01", "sent": 1800000000, "tickets": "x"}',
    b'{"digest": "01", "sent": 1800000000, "tickets": {"a": {"b": 1}}, "many": "x"}',
]


@pytest.mark.parametrize("poison", [*POISONS, None])
def test_values_of_another_program(server: RedisServer, prefix: str, poison: bytes | None) -> None:
    """A damaged value is as good as none or as a doubt; every step has a reply, and a success ends it."""
    with server.client() as client:
        key = f"{prefix}:doubt:x"
        for step in ("look", "begin", "publish", "take back", "settle"):
            client.delete(key)
            if poison is None:
                client.lpush(key, "theirs")
            else:
                client.set(key, poison)
            ask(client, key, new_step(step))
            ask(client, key, new_step("publish", "b.1"))
            assert ask(client, key, new_step("settle", "b.1")).others == 0
            assert ask(client, key, new_step("look", "")).others == 0
            assert client.pttl(key) < LIFETIME * 1000
