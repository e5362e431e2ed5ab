"""The value in Redis: processes with an earlier script share it during a deployment, and damage does not stop them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from inventpay._limits.token_bucket import MARGIN
from inventpay.redis.exchange import Ending, LeaseReply, LeaseRequest, LimitConfig, Refusal, View
from tests.support.redis_servers import RedisServer
from tests.support.shared_limit_simulation import exchange

NOW = 1_800_000_000.0
LIMIT, WINDOW = 40, 3.0

# The script had a form that unpacks the value, and packs it with the members in any order.
EARLIER = 'redis.call("SET", KEYS[1], cmsgpack.pack(cmsgpack.unpack(redis.call("GET", KEYS[1]))))'


@pytest.fixture
def client(redis_only: RedisServer) -> Iterator[redis.Redis]:
    """A connection."""
    with redis_only.client() as client:
        yield client


def requests(seed: int, counting: Any) -> Iterator[tuple[LeaseRequest, float]]:
    """Requests of two processes that lease, end, return and lose tokens, with their times."""
    chance = random.Random(seed)
    configs = [
        LimitConfig(
            process=name,
            limit=LIMIT,
            window=WINDOW,
            span=WINDOW * (1.0 + MARGIN),
            counting=counting,
            burst=chance.choice([None, 20]),
            patience=2.0,
        )
        for name in ("one", "other")
    ]
    now = NOW
    for serial in itertools.count(1):
        now += chance.choice([0.0002, 0.02, 0.1, 0.4, 3.0 * WINDOW if chance.random() < 0.1 else 0.02])
        ended = [Ending(number, now - 0.01) for number in range(5 * serial - 60, 5 * serial) if chance.random() < 0.2]
        refusals = [Refusal(now, chance.choice([0.0, 0.5]))] if chance.random() < 0.05 else []
        view = View(now - 0.02, chance.choice([None, 30]), 3, 0.5) if chance.random() < 0.1 else None
        yield (
            LeaseRequest(
                config=chance.choice(configs),
                serial=serial,
                want=chance.randrange(5),
                next_number=5 * serial,
                ended=ended,
                refunded=[5 * serial - 3],
                refusals=refusals,
                view=view,
            ),
            now,
        )


def comparable(reply: LeaseReply) -> list[Any]:
    """Return the numbers of a reply."""
    return [reply.delays, reply.again, reply.next, reply.free, reply.free_next, reply.leased, reply.steps]


@pytest.mark.parametrize("counting", ["window", "unknown"])
@pytest.mark.parametrize("seed", range(4))
def test_earlier_versions_share_the_state(client: redis.Redis, prefix: str, seed: int, counting: Any) -> None:
    """A state that processes of two versions write in turn grants the same leases as that of one version."""
    chance, granted = random.Random(seed), 0
    for request, now in itertools.islice(requests(seed, counting), 120):
        reply, mixed = (exchange(client, f"{prefix}{kind}", request, now) for kind in ("same", "mixed"))
        assert comparable(mixed) == comparable(reply)
        granted += len(reply.delays)
        if chance.random() < 0.5:
            client.eval(EARLIER, 1, f"{prefix}mixed")
    assert granted > LIMIT / 2


def test_a_damaged_state_is_replaced(client: redis.Redis, prefix: str) -> None:
    """A value that is cut off, or in which a byte of the first members changed, causes no error."""
    asked = requests(1, "unknown")
    for request, now in itertools.islice(asked, 30):
        exchange(client, prefix, request, now)
    value: bytes = client.get(prefix)  # type: ignore[assignment]
    damaged = [value[:size] for size in range(len(value))]
    damaged += [value[:at] + bytes([byte]) + value[at + 1 :] for at in range(30) for byte in (0, 1, 127, 192, 255)]
    for each, (request, now) in zip(damaged, asked, strict=False):
        client.set(prefix, each)
        exchange(client, prefix, request, now)
