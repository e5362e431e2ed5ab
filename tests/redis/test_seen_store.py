"""The Redis store keeps the contract of all stores, on Redis and on Valkey, across connections, restarts and forks."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from inventpay import ConfigurationError
from inventpay.redis import RedisLimiter, RedisSeenStore
from inventpay.redis import seen as seen_module
from inventpay.webhooks import MemorySeenStore, WebhookReceiver
from inventpay.webhooks.seen import ClaimStatus
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.systems import needs_fork
from tests.webhooks.seen_store_contract import Clock, SeenStoreContract, World, claimed

TIMELESS = seen_module.SCRIPT.replace('redis.call("TIME")', "cjson.decode(ARGV[3])")
assert TIMELESS != seen_module.SCRIPT


class StoreWithAClock(RedisSeenStore):
    """A store whose server takes the time from a test."""

    clock: Clock

    def _run(self, client: Any, message: bytes, body: bytes) -> list[bytes]:
        now = f"[{int(self.clock())}, {round(self.clock() % 1 * 1e6)}]"
        arguments = (len(self._names), *self._names, message, body, now)
        reply: list[bytes] = seen_module._command(client, "EVAL", TIMELESS, *arguments)
        return reply


class TestRedisSeenStore(SeenStoreContract):
    """The contract, on stores of their own that share a server."""

    @staticmethod
    def address(server: RedisServer) -> Any:
        """Return what a store is given."""
        return server.url

    @pytest.fixture
    def world(self, server: RedisServer, prefix: str) -> Iterator[World]:
        """Each store has connections of its own, as each process has."""
        clock = Clock()
        opened: list[StoreWithAClock] = []

        def another() -> StoreWithAClock:
            opened.append(StoreWithAClock(self.address(server), retention=self.RETENTION, prefix=prefix))
            opened[-1].clock = clock
            return opened[-1]

        yield World(another(), another=another, advance=clock.advance)
        for store in opened:
            store.close()


class TestRedisSeenStoreWithADecodingClient(TestRedisSeenStore):
    """The contract, on clients as many applications have them: bodies are the bytes that were signed all the same."""

    @staticmethod
    def address(server: RedisServer) -> Any:
        """Return a client whose replies are text."""
        return redis.Redis.from_url(server.url, decode_responses=True)


def test_a_pipeline_is_refused(server: RedisServer) -> None:
    """It is a client by its class, and its replies are itself."""
    with server.client() as client, pytest.raises(ConfigurationError, match=r"pass the redis\.Redis that it is from"):
        RedisSeenStore(client.pipeline())


@pytest.fixture
def store(server: RedisServer, prefix: str) -> Iterator[RedisSeenStore]:
    """A store on the server's own clock."""
    made = RedisSeenStore(server.url, prefix=prefix)
    yield made
    made.close()


def test_its_leases_end_by_the_servers_clock(store: RedisSeenStore) -> None:
    """Also without a test's clock: a claim ends when its time is over."""
    late = claimed(store.claim(["a"], 0.05))
    assert store.claim(["a"], 60.0) is ClaimStatus.BUSY
    while (claim := store.claim(["a"], 60.0)) is ClaimStatus.BUSY:
        pass
    assert not store.finish(late)
    assert store.finish(claimed(claim))
    assert store.claim(["a"], 60.0) is ClaimStatus.HANDLED


def test_old_events_leave_nothing_behind(server: RedisServer, prefix: str) -> None:
    """Handled events and claims of dead processes are removed after the retention, by any process."""
    store = RedisSeenStore(server.url, prefix=prefix, retention=0.05)
    for number in range(20):
        claim = claimed(store.claim([f"event{number}", f"id{number}"], 0.0))
        if number % 2:
            store.finish(claim)
    with server.client() as client:
        (ids,) = client.keys(f"{prefix}*ids")
        while client.hlen(ids) > 1:
            claimed(store.claim(["last"], 0.0))
        assert client.hkeys(ids) == [b"last"]
    store.close()


def test_a_reply_that_was_lost(store: RedisSeenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is asked again, and finds what the first one did: nothing is busy because of itself."""
    evaluate = store._evaluate
    lost: list[str] = []

    def lose_first(message: dict[str, Any], body: bytes) -> list[bytes]:
        reply = evaluate(message, body)
        if not message.get("again"):
            lost.append(message["step"])
            raise redis.ConnectionError("Connection closed by server.")
        return reply

    monkeypatch.setattr(store, "_evaluate", lose_first)
    claim = claimed(store.claim(["a"], 60.0, b"body"))
    assert claim.body == b"body"
    assert store.finish(claim)
    assert not store.release(claim)
    assert lost == ["claim", "finish", "release"]
    assert store.claim(["a"], 60.0) is ClaimStatus.HANDLED


def test_a_server_that_is_away_is_an_error_and_no_claim() -> None:
    """It raises what redis-py raises; the delivery is repeated, and after a restart everything goes on."""
    with redis_server() as server:
        store = RedisSeenStore(server.url, timeout=0.5)
        claimed(store.claim(["a"], 60.0))
        server.stop()
        with pytest.raises(redis.ConnectionError):
            store.claim(["b"], 60.0)
        server.start()
        assert store.finish(claimed(store.claim(["b"], 60.0)))
        store.close()


def test_one_connection_for_limits_and_events(server: RedisServer, prefix: str) -> None:
    """A store of a limiter uses the limiter's connections, and leaves them open."""
    with RedisLimiter(server.url, prefix=prefix) as limiter:
        store = RedisSeenStore(limiter, prefix=prefix)
        claimed(store.claim(["a"], 60.0))
        assert store._connected() is limiter.worker.client()
        store.close()
        assert store.claim(["a"], 60.0) is ClaimStatus.BUSY


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@needs_fork
def test_a_forked_child_has_connections_of_its_own(store: RedisSeenStore) -> None:
    """Parent and child go on with the same data, and read no answers of each other."""
    store.finish(claimed(store.claim(["parent"], 60)))
    fork = multiprocessing.get_context("fork")
    mine, theirs = fork.Pipe()

    def child() -> None:
        found = store.claim(["parent"], 60)
        store.finish(claimed(store.claim(["child"], 60)))
        theirs.send(found)

    process = fork.Process(target=child)
    process.start()
    assert mine.poll(20)
    assert mine.recv() is ClaimStatus.HANDLED
    process.join(20)
    assert process.exitcode == 0
    assert store.claim(["child"], 60) is ClaimStatus.HANDLED


def test_what_it_promises_of_itself() -> None:
    """It is durable only where its server was said to be; then deliveries may be answered first."""
    volatile = RedisSeenStore("redis://:secret@localhost:1")
    assert volatile.blocking
    assert not volatile.durable
    with pytest.raises(ConfigurationError, match="pass seen="):
        WebhookReceiver("whsec_1", seen=volatile, respond="first")
    persistent = RedisSeenStore("redis://:secret@localhost:1", persistent=True)
    WebhookReceiver("whsec_1", seen=persistent, respond="first")
    assert repr(persistent) == "<RedisSeenStore redis://localhost:1>"
    assert MemorySeenStore().durable is False
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(persistent)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"address": "sqlite:///seen"}, "an unsupported scheme"),
        ({"address": "redis://localhost", "retention": 0}, "retention=0 must be a finite number of seconds above 0"),
        ({"address": "redis://localhost", "timeout": -1}, "timeout must be 0 or more seconds"),
        ({"address": "redis://localhost", "prefix": "{}"}, "prefix="),
    ],
)
def test_what_cannot_work_is_refused_at_once(options: dict[str, Any], problem: str) -> None:
    """Invalid options are refused when the store is made, not at the first delivery."""
    with pytest.raises(ConfigurationError, match=problem):
        RedisSeenStore(**options)


def test_keys_expire(server: RedisServer, prefix: str) -> None:
    """A shop that was switched off leaves nothing behind, except bodies that wait to be handled."""
    client = redis.Redis.from_url(server.url)
    store = RedisSeenStore(server.url, prefix=prefix)
    store.finish(claimed(store.claim(["a"], 60)), 400 * 86_400)
    names = sorted(client.keys(f"{prefix}*"))
    assert names
    assert all(399 * 86_400 < client.ttl(name) <= 402 * 86_400 for name in names)
    claimed(store.claim(["b"], 0, b"body"))
    assert {client.ttl(name) for name in client.keys(f"{prefix}*")} == {-1}
    store.finish(claimed(store.due(60)))
    assert all(client.ttl(name) > 0 for name in client.keys(f"{prefix}*"))
    client.close()
    store.close()


def test_a_ghost_does_not_stand_before_what_is_due(server: RedisServer, prefix: str) -> None:
    """An id without an entry, as an eviction or an operator leaves it, is skipped and removed."""
    client = redis.Redis.from_url(server.url)
    store = RedisSeenStore(server.url, prefix=prefix)
    client.zadd(f"{prefix}:seen:{{events}}:due", {"ghost": 1.0, "second": 2.0})
    client.hset(f"{prefix}:seen:{{events}}:ids", "a", "ghost")
    claimed(store.claim(["a"], 0, b"body"))
    due = claimed(store.due(60))
    assert due.body == b"body"
    assert store.finish(due)
    assert store.due(60) is None
    assert client.zcard(f"{prefix}:seen:{{events}}:due") == 0
    client.close()
    store.close()
