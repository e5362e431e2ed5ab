"""Values that another program or a fault wrote heal: a bucket within two windows, an entry of events at once."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from inventpay._limits.token_bucket import MARGIN
from inventpay.redis import RedisSeenStore
from inventpay.redis.exchange import Ending, LeaseReply, LeaseRequest, LimitConfig, OvertakenError, Refusal, View
from inventpay.webhooks.seen import Claim, ClaimStatus
from tests.support.redis_servers import RedisServer
from tests.support.shared_limit_simulation import exchange

WINDOW = 60.0
SPAN = WINDOW * (1.0 + MARGIN)
NOW = 1_800_000_000.0
LIMIT = 40

# Each number and text of a state, by its path; and a state with one of them replaced.
PATHS = """
local paths = {}
local function walk(value, path)
  if type(value) ~= "table" then paths[#paths + 1] = path return end
  for key, inner in pairs(value) do
    local longer = {}
    for i, part in ipairs(path) do longer[i] = part end
    longer[#longer + 1] = key
    paths[#paths + 1] = longer
    walk(inner, longer)
  end
end
walk(cmsgpack.unpack(redis.call("GET", KEYS[1])), {})
return cjson.encode(paths)
"""
POISON = """
local state, path, poison = cmsgpack.unpack(redis.call("GET", KEYS[1])), cjson.decode(ARGV[1]), ARGV[2]
local values = {
  far = 1e12, past = -1e12, nan = 0 / 0, huge = math.huge, text = "x", yes = true, table = {}, list = {1, "x"},
}
local holder = state
for i = 1, #path - 1 do holder = holder[path[i]] end
holder[path[#path]] = values[poison]
redis.call("SET", KEYS[1], cmsgpack.pack(state))
"""
TABLE_MEMBERS = ("value", "since", "until", "at", "level")
POISONS = ("far", "past", "nan", "huge", "text", "yes", "table", "list", "nothing")


class Process:
    """A process that asks for leases at moments of our choice."""

    def __init__(self, client: redis.Redis, key: str, name: str, counting: Any) -> None:
        self._client = client
        self._key = key
        self._config = LimitConfig(
            process=name, limit=LIMIT, window=WINDOW, span=SPAN, counting=counting, burst=20, patience=35.0
        )
        self._serial = 0
        self._epoch = ""

    def ask(self, at: float, **more: Any) -> LeaseReply:
        """Ask as the limiter does."""
        self._serial += 1
        facts = {"serial": self._serial, "next_number": 100 * self._serial, "epoch": self._epoch, **more}
        reply = exchange(self._client, self._key, LeaseRequest(config=self._config, **facts), NOW + at)
        self._epoch = reply.epoch
        return reply


def used_bucket(client: redis.Redis, key: str, counting: Any) -> Process:
    """A bucket with everything that a state may hold, and one of the processes that share it."""
    client.delete(key)
    one, other = Process(client, key, "one", counting), Process(client, key, "other", counting)
    one.ask(0.0)
    first = one.ask(1.0, want=5)
    other.ask(1.1, want=60)
    one.ask(2.0, ended=[Ending(200 + number, NOW + 1.5) for number in range(min(2, len(first.delays)))])
    one.ask(3.0, refusals=[Refusal(NOW + 2.9, 5.0)], view=View(NOW + 2.0, 30, 10, 20.0))
    return one


@pytest.fixture
def client(redis_only: RedisServer) -> Iterator[redis.Redis]:
    """A connection."""
    with redis_only.client() as client:
        yield client


def healed_after(process: Process) -> float | None:
    """Return the seconds after which the process gets a lease again, ``None`` if not within two windows."""
    for at in (4.0, 5.0, 10.0, 4.1 + WINDOW / 2, 4.1 + SPAN, 4.1 + 2 * SPAN):
        with contextlib.suppress(OvertakenError):
            if process.ask(at, want=1).delays:
                return at - 4.0
    return None


@pytest.mark.parametrize("counting", ["window", "unknown"])
def test_every_member_of_a_bucket_heals(client: redis.Redis, prefix: str, counting: Any) -> None:
    """Any number, text or table of the state may be replaced: there is no error, and a lease within two windows."""
    process = used_bucket(client, prefix, counting)
    packed = client.get(prefix)
    paths: list[list[Any]] = json.loads(client.eval(PATHS, 1, prefix))
    members = {tuple(path) for path in paths}
    for name in ("blocked", "promised", "cautious", "pace", "refused", "named", "leases", "stamps", "processes"):
        assert any(path[0] == name for path in members), f"{name} is not part of the state"
    # Of lists the first member.
    firsts = sorted((path for path in members if {*path[1:2]} <= {1, "one", "other", *TABLE_MEMBERS}), key=str)
    for path, poison in itertools.product(firsts, ("far", "nan", "text", "nothing")):
        client.set(prefix, packed)
        client.eval(POISON, 1, prefix, json.dumps(path), poison)
        copy = Process(client, prefix, "one", counting)
        copy._serial, copy._epoch = process._serial, process._epoch
        assert healed_after(copy) is not None, f"{path} as {poison}"


@pytest.mark.parametrize("number", ["1e12", "-1e12", "0/0", "math.huge"])
@pytest.mark.parametrize("place", [1, 2])
def test_every_stamp_heals(client: redis.Redis, prefix: str, number: str, place: int) -> None:
    """The packed times of requests may hold any number."""
    process = used_bucket(client, prefix, "unknown")
    poison = f"""
        local state, first = cmsgpack.unpack(redis.call("GET", KEYS[1])), {9 * place - 9}
        local text = state.stamps
        assert(#text >= first + 9)
        state.stamps = text:sub(1, first) .. struct.pack(">Bd", 203, {number}) .. text:sub(first + 10)
        redis.call("SET", KEYS[1], cmsgpack.pack(state))
    """
    client.eval(poison, 1, prefix)
    assert healed_after(process) is not None


@pytest.mark.parametrize("value", [b"", b"no state", b"\xc1", b"\xff" * 100, b"{}", b"\x80", b"\x01", b"\x90"])
def test_a_value_that_is_no_state_is_replaced(client: redis.Redis, prefix: str, value: bytes) -> None:
    """As after a loss of data: nothing is granted until what others may have sent no longer counts."""
    process = used_bucket(client, prefix, "window")
    client.set(prefix, value)
    assert process.ask(4.0, want=1).recovery == pytest.approx(SPAN)
    assert healed_after(process) is not None


def test_a_genuine_pause_is_kept(client: redis.Redis, prefix: str) -> None:
    """Two windows, the longest that the API is believed, are nothing to heal."""
    process = used_bucket(client, prefix, "window")
    process.ask(4.0, refusals=[Refusal(NOW + 4.0, 2 * WINDOW)])
    assert process.ask(4.0 + 2 * WINDOW - 1.0).blocked == pytest.approx(1.0)


# The store of events


@pytest.fixture
def store(server: RedisServer, prefix: str) -> Iterator[RedisSeenStore]:
    """A store of its own."""
    made = RedisSeenStore(server.url, prefix=prefix, persistent=True)
    yield made
    made.close()


ENTRY = POISON.replace('redis.call("GET", KEYS[1])', 'redis.call("HGET", KEYS[1], ARGV[3])').replace(
    'redis.call("SET", KEYS[1], cmsgpack.pack(state))', 'redis.call("HSET", KEYS[1], ARGV[3], cmsgpack.pack(state))'
)
MEMBERS = ("token", "leased", "due", "forget", "attempts", "body", "handled", "keys")


@pytest.mark.parametrize("is_stored", [False, True])
def test_every_member_of_an_entry_heals(
    server: RedisServer, store: RedisSeenStore, prefix: str, is_stored: bool
) -> None:
    """An event whose entry is poisoned can be claimed again, and so can others; ``due`` goes on."""
    with server.client() as client:
        for number, (member, poison) in enumerate(itertools.product(MEMBERS, POISONS)):
            if member == "handled" and poison != "nothing":
                continue  # such an event counts as handled
            key = f"event{number}"
            assert isinstance(store.claim([key], 0.0, b"body" if is_stored else None), Claim)
            (entries,) = client.keys(f"{prefix}*entries")
            (ids,) = client.keys(f"{prefix}*ids")
            entry = client.hget(ids, key)
            client.eval(ENTRY, 1, entries, json.dumps([member]), poison, entry)
            claim = store.claim([key], 60.0)
            assert isinstance(claim, Claim), f"{member} as {poison}: {claim}"
            assert store.claim([key], 60.0) is not ClaimStatus.HANDLED
            assert store.finish(claim), f"{member} as {poison}"
            assert store.claim([key], 60.0) is ClaimStatus.HANDLED
            while (due := store.due(60.0)) is not None:
                store.finish(due)


@pytest.mark.parametrize("value", [b"", b"no entry", b"\xc1", b"\x80", b"\x01", b"\x90"])
def test_an_entry_that_is_none_is_replaced(
    server: RedisServer, store: RedisSeenStore, prefix: str, value: bytes
) -> None:
    """An event whose entry is invalid can be claimed again."""
    claim = store.claim(["a", "b"], 3600.0, b"body")
    assert isinstance(claim, Claim)
    with server.client() as client:
        (entries,) = client.keys(f"{prefix}*entries")
        for entry in client.hkeys(entries):
            client.hset(entries, entry, value)
    assert store.due(60.0) is None
    again = store.claim(["a", "b"], 60.0)
    assert isinstance(again, Claim)
    assert not store.finish(claim)
    assert store.finish(again)
    assert store.claim(["b"], 60.0) is ClaimStatus.HANDLED
