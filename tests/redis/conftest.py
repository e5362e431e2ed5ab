"""Servers and processes that the tests of a module share: starting one takes longer than most tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.redis_servers import RedisServer, named_server, redis_server
from tests.support.redis_worker import Worker, workers

NAMED = named_server()


@pytest.fixture(scope="package", params=["redis-server", "valkey-server", *([NAMED] if NAMED else [])])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A Redis, a Valkey, and what the environment names. Tests keep apart by the prefixes of their keys."""
    if isinstance(request.param, RedisServer):
        yield request.param
    else:
        with redis_server(request.param) as running:
            yield running


@pytest.fixture(scope="package")
def redis_only() -> Iterator[RedisServer]:
    """One server, for what does not depend on its make."""
    with redis_server() as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """Return a unique prefix of keys."""
    return uuid.uuid4().hex


@pytest.fixture(scope="package")
def four() -> Iterator[list[Worker]]:
    """Four processes. A test that kills one replaces it."""
    with workers(4) as running:
        yield running
