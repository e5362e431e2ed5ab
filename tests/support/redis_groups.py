"""Real servers that belong together: a primary and a replica that Sentinel watches, and a cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from .redis_servers import RedisServer, redis_server

SERVICE = "mymaster"


def wait_until(is_so: Callable[[], Any], seconds: float = 15.0) -> None:
    """Asks again and again, for a while."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.02)


@frozen
class Watched:
    """A primary, its replica, and the address of the Sentinel that watches them."""

    primary: RedisServer
    replica: RedisServer
    url: str


@contextlib.contextmanager
def watched_pair(folder: Path) -> Iterator[Watched]:
    """A primary with a replica; half a second after the primary is gone the replica is promoted."""
    with (
        redis_server() as primary,
        redis_server("redis-server", "--replicaof", "127.0.0.1", str(primary.port)) as replica,
    ):
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        with redis_server("redis-server", "--sentinel", settings=settings) as sentinel, sentinel.client() as client:
            with primary.client() as first:
                wait_until(lambda: first.info("replication").get("slave0", {}).get("state") == "online")
            wait_until(lambda: client.execute_command("SENTINEL", "REPLICAS", SERVICE))
            yield Watched(primary, replica, f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}")


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[list[RedisServer]]:
    """Three nodes, each with a third of the slots."""
    with contextlib.ExitStack() as stack:
        nodes: list[RedisServer] = []
        for number in range(3):
            options = ("--cluster-enabled", "yes", "--cluster-config-file", str(folder / f"node-{number}.conf"))
            nodes.append(stack.enter_context(redis_server("redis-server", *options)))
        clients = [stack.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            slots = range(number * 16384 // 3, (number + 1) * 16384 // 3)
            client.execute_command("CLUSTER", "ADDSLOTS", *slots)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        for client in clients:
            wait_until(lambda client=client: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
        yield nodes
