"""Every input that receivers once got wrong has the right value: over ASGI and WSGI, on every store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventpay.redis import seen as redis_seen
from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore
from tests.support.redis_servers import redis_server
from tests.support.servers import ROOT
from tests.support.webhook_cases import CASES, Clock, World

TIMELESS = redis_seen.SCRIPT.replace('redis.call("TIME")', "cjson.decode(ARGV[3])")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis server."""
    with redis_server("redis-server") as server:
        yield server.url


def _redis(url: str, prefix: str, clock: Clock) -> Any:
    class StoreWithAClock(redis_seen.RedisSeenStore):
        """A store whose server takes the time from the test."""

        def _run(self, client: Any, message: bytes, body: bytes) -> list[bytes]:
            now = f"[{int(clock())}, {round(clock() % 1 * 1e6)}]"
            reply: list[bytes] = client.eval(TIMELESS, len(self._names), *self._names, message, body, now)
            return reply

    return StoreWithAClock(url, prefix=prefix, persistent=True)


def _sqlalchemy(path: Path, clock: Clock, request: pytest.FixtureRequest) -> Any:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install sqlalchemy")
    from sqlalchemy.orm import sessionmaker

    from inventpay.webhooks import SQLAlchemySeenStore

    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    request.addfinalizer(engine.dispose)
    store = SQLAlchemySeenStore(sessionmaker(engine), clock=clock)
    store.create_tables()
    return store


@pytest.fixture(params=["memory", "sqlite", "redis", "sqlalchemy"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each store, before each gateway interface."""
    clock = Clock()
    stores: dict[str, Callable[[], Any]] = {
        "memory": lambda: MemorySeenStore(clock=clock),
        "sqlite": lambda: SQLiteSeenStore(tmp_path / "seen.sqlite3", clock=clock),
        "redis": lambda: _redis(request.getfixturevalue("redis_url"), tmp_path.name, clock),
        "sqlalchemy": lambda: _sqlalchemy(tmp_path / "shop.sqlite3", clock, request),
    }
    return World(
        stores[request.param],
        gateway="asgi",
        clock=clock,
        persists=request.param != "memory",
        transactional=request.param == "sqlalchemy",
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
def test_the_case_has_the_right_value(case: Callable[[World], None], gateway: Any, world: World) -> None:
    """See the docstrings of ``tests.support.webhook_cases``."""
    world.gateway = gateway
    case(world)


def test_the_cases_have_the_right_values_with_django(tmp_path: Path) -> None:
    """On a store of Django's ORM, and in views with and without ``ATOMIC_REQUESTS`` on stores beside its database."""
    pytest.importorskip("django", reason="Django is not installed: pip install django")
    command = [sys.executable, "-m", "tests.support.django_cases", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    assert ran.stdout.count(": ok\n") == 2 * len(CASES) + 18
