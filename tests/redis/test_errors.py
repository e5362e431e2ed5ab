"""The errors for a wrong configuration: at the first call, once, with the remedy."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from inventpay import ConfigurationError, RateClass, RateLimits, RateLimitTimeoutError
from inventpay._concurrency.threads import Backend
from inventpay.redis import RedisLimiter
from tests.support.redis_servers import RedisServer, redis_server

OTHER = RateClass.OTHER
RIGHTS = ("+get", "+set", "+time", "+eval", "+evalsha")


def call(url: str, prefix: str = "inventpay") -> None:
    """One call of a new process."""
    with RedisLimiter(url, timeout=0.5, prefix=prefix) as limiter:
        bound = limiter.bind("pk_live_of_a_shared_limit", "https://api.inventpay.io", RateLimits(other=16))
        bound.acquire(OTHER, Backend(), max_wait=1.0).answered(time.monotonic(), 200, {})


@pytest.fixture
def web_server() -> Iterator[int]:
    """The port of something that is no Redis."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("redis://127.0.0.1:{}/99", "has no database of this number"),
        ("redis+sentinel://127.0.0.1:{}/mymaster", "is no Sentinel: for a server write redis://"),
        ("redis+cluster://127.0.0.1:{}", "is no cluster: write redis:// without"),
        ("redis://somebody:else@127.0.0.1:{}", "refuses this user or password .*write them as redis://user:password@"),
    ],
)
def test_an_address_that_never_will_do(
    redis_only: RedisServer, address: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no outage that passes: the call fails and says so, and nothing is logged of shares."""
    with pytest.raises(ConfigurationError, match=said):
        call(address.format(redis_only.port))
    assert caplog.text == ""


def test_a_port_of_something_else(web_server: int) -> None:
    """The error says that the server on this port is not Redis."""
    with pytest.raises(ConfigurationError, match="does not speak the protocol of Redis"):
        call(f"redis://127.0.0.1:{web_server}")


def test_what_a_user_of_redis_must_be_permitted(server: RedisServer, prefix: str) -> None:
    """The documented rights are sufficient; without any of them the error lists all."""
    address = f"redis://{prefix}:secret@{server.url.rpartition('@')[2].removeprefix('redis://')}"
    with server.client() as client:
        try:
            for missing in (None, *RIGHTS[1:]):
                granted = [right for right in RIGHTS if right != missing]
                client.execute_command("ACL", "SETUSER", prefix, "reset", "on", ">secret", f"~{prefix}:*", *granted)
                client.script_flush()
                if missing is None:
                    call(address, prefix)
                else:
                    with pytest.raises(ConfigurationError, match="GET, SET, TIME, EVAL and EVALSHA on its keys"):
                        call(address, prefix)
        finally:
            client.execute_command("ACL", "DELUSER", prefix)


def test_a_replica(redis_only: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """It may yet be promoted, so calls go on with a share, and the log says what it is."""
    with redis_server("redis-server", "--replicaof", "127.0.0.1", str(redis_only.port)) as replica:
        call(replica.url)
        with RedisLimiter(replica.url) as limiter:
            bound = limiter.bind("pk_live_1", "https://api.inventpay.io", RateLimits(other=1))
            bound.acquire(OTHER, Backend(), max_wait=1.0).answered(time.monotonic(), 200, {})
            with pytest.raises(RateLimitTimeoutError, match="this process's share of the shared rate limit of class"):
                bound.acquire(OTHER, Backend(), max_wait=1.0)
    assert "(it is a read-only replica; name the primary, or Sentinel); every process" in caplog.text


def test_a_key_that_holds_something_else(server: RedisServer, prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    """Keys of other programs are not overwritten, and the log names the remedy."""
    call(server.url, prefix)
    with server.client() as client:
        (name,) = client.keys(f"{prefix}*")
        client.delete(name)
        client.lpush(name, "theirs")
        call(server.url, prefix)
        assert client.lrange(name, 0, -1) == [b"theirs"]
    assert "a key of this package holds another type of value; choose another prefix=" in caplog.text
