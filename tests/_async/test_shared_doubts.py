# The source of tests/_sync/test_shared_doubts.py; after a change run: python tools/generate_sync.py
"""A key in doubt in one process is in doubt in all that share a `RedisLimiter`, and settled in all by a success."""

from __future__ import annotations

import pickle
import time
import uuid
from collections.abc import AsyncIterator, Callable, Generator
from datetime import timedelta
from typing import Any

import attrs
import httpx
import pytest

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    BadRequestError,
    ConfigurationError,
    IdempotencyConflictError,
    InvalidArgumentError,
    InventPayError,
    RateLimitedError,
    RateLimits,
    RateLimitTimeoutError,
    RetryPolicy,
    UnsettledError,
)
from inventpay._limits.shared_doubts import DoubtStep
from inventpay._transport.doubts import DoubtMemory
from inventpay.hooks import AttemptSent, CallFinished, Event
from inventpay.redis import RedisLimiter
from inventpay.sandbox import Sandbox
from tests.support.api import INTERRUPTS, ScriptedAPI, Step, answers, fails, ok
from tests.support.clients import WITHDRAWAL_KEY, new_key, once, repeatable
from tests.support.redis_servers import RedisServer, redis_server

TRUSTED = RetryPolicy(trust_idempotency=True)
KEY = "pk_live_of_two_processes"
PAYOUT = {
    "amount": 1,
    "currency": "USDT_BEP20",
    "destination_address": "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
}

lost = fails(httpx.ReadError("reset"))


@pytest.fixture(scope="module")
def server() -> Generator[RedisServer, None, None]:
    with redis_server() as running:
        yield running


class Process:
    """A client that knows of others through Redis alone, as one of another process does."""

    def __init__(self, url: str, prefix: str, steps: tuple[Step, ...], options: dict[str, Any]) -> None:
        self.limiter = RedisLimiter(url, prefix=prefix, timeout=5.0)
        self.api = ScriptedAPI(*steps)
        self.client = AsyncInventPay(
            **{
                "api_key": KEY,
                "withdrawal_key": WITHDRAWAL_KEY,
                "base_url": "https://api.example",
                "transport": httpx.MockTransport(self.api),
                "limiter": self.limiter,
                "max_retries": 0,
                **options,
            }
        )
        self.memory = DoubtMemory()
        self.client._transport.settling._memory = self.memory  # type: ignore[misc]
        self.steps: list[str] = []
        doubts = self.limiter.shared_doubts
        join = doubts._join

        def noted(step: DoubtStep) -> bool:
            self.steps.append(step.step)
            return join(step)

        doubts._join = noted  # type: ignore[method-assign]

    @property
    def sent(self) -> int:
        """The number of requests that the API received from it."""
        return len(self.api.requests)

    async def withdraw(self, key: str | None = "november", **options: Any) -> Any:
        """Make a withdrawal under a key."""
        return await once(self.client, idempotency_key=key, **options)

    async def pay(self, key: str | None = "november") -> Any:
        """Make a payment under a key."""
        return await repeatable(self.client, idempotency_key=key)


class Processes:
    """Processes that share a Redis, and nothing else."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._prefix = uuid.uuid4().hex
        self._all: list[Process] = []

    def start(self, *steps: Step, **options: Any) -> Process:
        """Return one more process, for which the API plays these steps."""
        self._all.append(Process(self._server.url, self._prefix, steps, options))
        return self._all[-1]

    def doubts(self) -> int:
        """Return the number of keys in doubt, after everything that is on its way has arrived."""
        for process in self._all:
            process.limiter.worker.flush()
        with self._server.client() as client:
            return sum(client.get(name) not in (b"", None) for name in client.keys(f"{self._prefix}:doubt:*"))

    async def close(self) -> None:
        """End all."""
        for process in self._all:
            await process.client.aclose()
            process.limiter.close()


@pytest.fixture
async def processes(server: RedisServer) -> AsyncIterator[Processes]:
    found = Processes(server)
    yield found
    await found.close()


async def fails_with(kind: type[InventPayError], call: Callable[[], Any]) -> Any:
    with pytest.raises(kind) as caught:
        await call()
    return caught.value


async def test_a_withdrawal_in_doubt_is_not_sent_by_another_process(processes: Processes) -> None:
    """Without proof it is sent once, whichever process is asked again; the error says where to look."""
    one, two = processes.start(lost), processes.start(ok)
    await fails_with(APIConnectionError, one.withdraw)
    for _ in range(2):
        error = await fails_with(UnsettledError, two.withdraw)
        assert (error.outcome, error.safe_to_repeat, two.sent) == ("unknown", False, 0)
        assert "locked balance" in error.evidence_hint
        assert error.request.sent_at.timestamp() == pytest.approx(time.time(), abs=5.0)
    await two.withdraw("december")
    stranger = processes.start(ok, api_key="pk_live_of_another_account")
    await stranger.withdraw()
    assert processes.doubts() == 1


async def test_a_refusal_after_a_doubt_elsewhere_stays_unknown(processes: Processes) -> None:
    """A 400, a 429 and a failed connection do not undo the request of another process."""
    refused = fails(httpx.ConnectError("refused"))
    one, two = processes.start(lost), processes.start(answers(400), refused, answers(429), retry=TRUSTED)
    await fails_with(APIConnectionError, one.withdraw)
    for kind in (BadRequestError, APIConnectionError, RateLimitedError):
        error = await fails_with(kind, two.withdraw)
        assert (error.outcome, error.safe_to_repeat) == ("unknown", True)
    assert two.sent == 3
    assert processes.doubts() == 1


async def test_nothing_sent_here_is_not_nothing_sent(processes: Processes) -> None:
    """A full queue, a missing key and a refused argument claim no "not_sent" for a key that another process sent."""
    one = processes.start(lost)
    await fails_with(APIConnectionError, one.withdraw)
    full = processes.start(ok, rate_limits=RateLimits(withdrawals=1, window=59.0), max_wait=0.0)
    await full.withdraw("another")
    bare = processes.start(ok, withdrawal_key=None)
    cases: list[tuple[type[InventPayError], Callable[[], Any]]] = [
        (RateLimitTimeoutError, full.withdraw),
        (ConfigurationError, bare.withdraw),
        (InvalidArgumentError, lambda: bare.withdraw(description=1)),
    ]
    for kind, call in cases:
        error = await fails_with(kind, call)
        assert (error.outcome, error.safe_to_repeat) == ("unknown", False)
        assert error.evidence_hint is not None
    error = await fails_with(InvalidArgumentError, lambda: bare.withdraw("unused", description=1))
    assert error.outcome == "not_sent"


async def test_other_data_under_a_key_in_doubt_elsewhere_is_stopped_here(processes: Processes) -> None:
    """A key that another process used with other data is a conflict before anything is sent."""
    one, two = processes.start(lost), processes.start(ok, retry=TRUSTED)
    await fails_with(APIConnectionError, lambda: one.withdraw(description="one"))
    error = await fails_with(IdempotencyConflictError, lambda: two.withdraw(description="two"))
    assert (error.outcome, error.status, two.sent) == ("unknown", None, 0)
    await two.withdraw(description="one")
    assert processes.doubts() == 0


async def test_a_key_that_the_api_knows_from_other_data_is_known_to_all(processes: Processes) -> None:
    """After a 409 that says so, no process sends a request under the key."""
    conflict = answers(409, {"success": False, "error": "Idempotency key was already used with different data"})
    one, two = processes.start(conflict), processes.start(ok, retry=TRUSTED)
    await fails_with(IdempotencyConflictError, one.pay)
    assert processes.doubts() == 1  # the first call does not wait until the others can know it
    await fails_with(IdempotencyConflictError, two.pay)
    assert (one.sent, two.sent) == (1, 0)


async def test_a_success_settles_for_all(processes: Processes) -> None:
    """What one process settles is free in the others: a refusal is a refusal again, and other data may be sent."""
    one, two, three = processes.start(lost), processes.start(answers(400), ok), processes.start(answers(400))
    await fails_with(APIConnectionError, one.pay)
    assert (await fails_with(BadRequestError, two.pay)).outcome == "unknown"
    assert (await fails_with(BadRequestError, three.pay)).outcome == "unknown"
    await two.pay()
    assert processes.doubts() == 0
    error = await fails_with(BadRequestError, three.pay)
    assert error.outcome == "refused"
    assert len(three.memory) == 0


async def test_a_refusal_frees_the_key_for_all(processes: Processes) -> None:
    """A key whose only request was provably refused may carry another request, in any process."""
    one, two = processes.start(answers(400)), processes.start(ok)
    assert (await fails_with(BadRequestError, one.withdraw)).outcome == "refused"
    assert processes.doubts() == 0
    await two.withdraw(description="corrected")


async def test_a_retry_in_one_call_asks_once(processes: Processes) -> None:
    """A 429 that is waited out is part of the call: one step at its beginning, one at its end."""
    one = processes.start(answers(429, headers={"Retry-After": "0.1"}), ok, max_retries=1)
    await one.withdraw()
    assert (one.sent, processes.doubts()) == (2, 0)
    assert one.steps == ["begin", "settle"]


@pytest.mark.parametrize("key", ["november", None])
async def test_a_retry_that_is_refused_takes_no_doubt_back(processes: Processes, key: str | None) -> None:
    """A 400 to the second request of a call does not undo the first one, here or elsewhere."""
    one, two = processes.start(answers(500), answers(400), max_retries=1), processes.start(answers(400))
    error = await fails_with(BadRequestError, lambda: one.pay(key))
    assert (error.outcome, one.sent, processes.doubts()) == ("unknown", 2, 1)
    error = await fails_with(BadRequestError, lambda: two.pay(error.idempotency_key))
    assert error.outcome == "unknown"


async def test_a_key_of_the_package_costs_nothing_until_it_is_in_doubt(processes: Processes) -> None:
    """A generated key is unknown elsewhere; once an error shows it, every process knows of the doubt."""
    one, two = processes.start(ok, lost, answers(400)), processes.start(ok)
    await one.withdraw(None)
    assert (one.steps, processes.doubts()) == ([], 0)
    error = await fails_with(APIConnectionError, lambda: one.withdraw(None))
    assert processes.doubts() == 1
    copied = await fails_with(IdempotencyConflictError, lambda: two.withdraw(error.idempotency_key, description="x"))
    assert copied.outcome == "unknown"
    assert (await fails_with(BadRequestError, lambda: one.withdraw(None))).outcome == "refused"
    assert (one.steps, processes.doubts()) == (["publish"], 1)


async def test_an_error_carries_its_doubt_into_redis(processes: Processes) -> None:
    """A pickled error that is repeated in a process with Redis is known to all of them, with its age."""
    alone = processes.start(lost, limiter=None, rate_limits=RateLimits())
    error = pickle.loads(pickle.dumps(await fails_with(APIConnectionError, lambda: alone.withdraw(None))))
    error.request = attrs.evolve(error.request, sent_at=error.request.sent_at - timedelta(hours=3))
    two, three = processes.start(answers(400), ok, retry=TRUSTED), processes.start(ok)
    repeated = await fails_with(BadRequestError, lambda: two.client.repeat(error))
    assert repeated.outcome == "unknown"
    assert repeated.request.sent_at == pytest.approx(error.request.sent_at, abs=timedelta(seconds=5))
    found = await fails_with(
        IdempotencyConflictError, lambda: three.withdraw(error.idempotency_key, description="other data")
    )
    assert found.request.sent_at == pytest.approx(error.request.sent_at, abs=timedelta(seconds=5))
    await two.client.repeat(repeated)
    assert processes.doubts() == 0


async def test_a_withdrawal_is_not_repeated_after_twenty_hours_anywhere(processes: Processes) -> None:
    """The age of a doubt is that of its first request, whichever process sent it."""
    one, two = processes.start(lost, retry=TRUSTED), processes.start(ok, retry=TRUSTED)
    error = await fails_with(APIConnectionError, one.withdraw)
    error.request = attrs.evolve(error.request, sent_at=error.request.sent_at - timedelta(hours=20.5))
    await fails_with(UnsettledError, lambda: two.client.repeat(error))
    first = await fails_with(APIConnectionError, lambda: one.withdraw("december"))
    old = attrs.evolve(first.request, sent_at=first.request.sent_at - timedelta(hours=19.9))
    first.request = old
    three = processes.start(answers(400), retry=TRUSTED)
    await fails_with(BadRequestError, lambda: three.client.repeat(first))
    found = await fails_with(BadRequestError, lambda: processes.start(answers(400), retry=TRUSTED).withdraw("december"))
    assert found.request.sent_at == pytest.approx(old.sent_at, abs=timedelta(seconds=5))


@pytest.mark.parametrize("interrupt", INTERRUPTS)
async def test_an_interrupted_call_is_known_to_all(processes: Processes, interrupt: type[BaseException]) -> None:
    """Ctrl-C or a cancellation while a withdrawal is under way leaves its key in doubt, one before it does not."""
    one, two = processes.start(fails(interrupt())), processes.start(ok)
    with pytest.raises(interrupt):
        await one.withdraw("sent")
    await fails_with(UnsettledError, lambda: two.withdraw("sent"))
    before = one.client._transport._connection

    async def cut_off(*args: Any, **options: Any) -> Any:
        raise interrupt

    before.exchange = cut_off  # type: ignore[method-assign]
    with pytest.raises(interrupt):
        await one.withdraw("unsent")
    assert processes.doubts() == 1
    await two.withdraw("unsent")


async def test_a_bug_in_a_hook_leaves_no_doubt(processes: Processes) -> None:
    """An exception after the step and before the request takes the step back."""

    def broken(event: Event) -> None:
        if isinstance(event, AttemptSent):
            raise KeyboardInterrupt

    one, two = processes.start(ok, hooks=[broken]), processes.start(ok)
    with pytest.raises(KeyboardInterrupt):
        await one.withdraw()
    assert (one.sent, processes.doubts()) == (0, 0)
    await two.withdraw()


async def test_a_result_that_an_interrupt_took_away(processes: Processes) -> None:
    """Ctrl-C while a hook hears of the success leaves the key in doubt in every process."""

    def interrupts(event: Event) -> None:
        if isinstance(event, CallFinished):
            raise KeyboardInterrupt

    one, two = processes.start(ok, hooks=[interrupts]), processes.start(ok)
    with pytest.raises(KeyboardInterrupt):
        await one.withdraw()
    assert processes.doubts() == 1
    await fails_with(UnsettledError, two.withdraw)


async def test_siblings_share_their_doubts(processes: Processes) -> None:
    """A client with other options is the same process; its calls settle and leave doubts as those of its sibling."""
    one, two = processes.start(lost, ok, retry=TRUSTED), processes.start(ok)
    sibling = one.client.with_options(timeout=20.0)
    await fails_with(APIConnectionError, lambda: once(sibling, idempotency_key="november"))
    await fails_with(UnsettledError, two.withdraw)
    await one.withdraw()
    assert processes.doubts() == 0
    await two.withdraw()


@pytest.mark.parametrize("honoured", [True, False])
async def test_a_proof_is_made_as_before(server: RedisServer, honoured: bool) -> None:
    """`check(idempotency=)` sends the same key twice on purpose."""
    sandbox = Sandbox(api_key=new_key(), withdrawal_key=WITHDRAWAL_KEY)
    sandbox.deposit("USDT_BEP20", 100)
    sandbox.idempotency.honoured = honoured
    with sandbox.run() as api, RedisLimiter(server.url, prefix=uuid.uuid4().hex) as limiter:
        async with AsyncInventPay(
            sandbox.api_key, withdrawal_key=WITHDRAWAL_KEY, base_url=api.url, limiter=limiter
        ) as client:
            for arguments in ({"idempotency": True}, {"idempotency": "withdrawal", **PAYOUT}):
                result = await client.check(**arguments)  # type: ignore[arg-type]
                assert result.idempotency == ("honoured" if honoured else "ignored")
