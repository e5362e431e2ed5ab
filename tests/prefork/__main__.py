"""One shared limit under real preforking servers, uWSGI and gunicorn with four workers each: ``nox -s prefork``.

The clients and the RedisLimiter are made when the application is loaded, so before the fork, except with
``--lazy-apps``. For each server and way of forking: no request is refused by an API that counts in a sliding window,
every worker made calls, none took Redis for unreachable, and all ended quietly. Needs uWSGI and gunicorn.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.limited_server import ROOT, LimitedServer, limited_server
from tests.support.redis_servers import redis_server

LIMIT, WINDOW, CALLS, WORKERS = 20, 3.0, 60, 4
APPLICATION = "tests.prefork.application:application"
BIN = Path(sys.prefix, "bin")
UWSGI = (
    *(str(BIN / "uwsgi"), "--http-socket", "127.0.0.1:{port}", "--module", APPLICATION, "--master"),
    *("--processes", str(WORKERS), "--enable-threads", "--die-on-term", "--virtualenv", sys.prefix),
)
GUNICORN = (
    *(str(BIN / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", str(WORKERS), "--threads", "2"),
    *("--preload", APPLICATION),
)
SERVERS = {
    "uWSGI": UWSGI,
    "uWSGI --lazy-apps": (*UWSGI, "--lazy-apps"),
    "uWSGI --py-call-osafterfork": (*UWSGI, "--py-call-osafterfork"),
    "gunicorn --preload": GUNICORN,
}


@contextmanager
def serving(command: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[str]:
    """Run a server and yield its base URL; it must stop by itself at the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(url)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert process.returncode == 0, f"ended with {process.returncode}"


def wait_for(url: str) -> None:
    """Wait until the server listens."""
    host, _, port = url.removeprefix("http://").partition(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not listen")


def ask(url: str, number: int) -> tuple[str, str]:
    """Ask the application for one call; return the worker and the result."""
    path = "/async" if number % 2 else "/blocking"
    worker, result = httpx.get(url + path, timeout=60, trust_env=False).text.split()
    return worker, result


def check(name: str, command: tuple[str, ...], api: LimitedServer, redis_url: str, log: Path) -> list[str]:
    """Run one server; return its failures."""
    environment = {"API_URL": api.url, "REDIS_URL": redis_url, "LIMIT": str(LIMIT), "WINDOW": str(WINDOW)}
    api.forget()
    began = time.monotonic()
    with serving(command, environment, log) as url, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(url, number), range(CALLS)))
    arrivals = api.arrivals()
    results = Counter(result for _, result in answers)
    workers = Counter(arrival.who for arrival in arrivals)
    said = log.read_text(errors="replace")
    print(f"{name}: {dict(results)}, calls per worker {sorted(workers.values())}, {time.monotonic() - began:.1f} s")
    first = sum(arrival.at < arrivals[0].at + WINDOW for arrival in arrivals)
    checks = {
        "every call succeeds": results == {"ok": CALLS},
        "the API refuses nothing": all(arrival.let_in for arrival in arrivals),
        f"the first window has {LIMIT} calls at most, and more than half": LIMIT / 2 < first <= LIMIT,
        "every worker made calls": len(workers) == WORKERS,
        "Redis was never taken for unreachable": "cannot be asked" not in said,
        "no traceback": "Traceback" not in said and "Exception ignored" not in said,
    }
    failures = [check for check, holds in checks.items() if not holds]
    if failures:
        print(said, file=sys.stderr)
    return [f"{name}: {failure}" for failure in failures]


def main() -> int:
    """Run all servers, or those whose names contain the argument."""
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    failures: list[str] = []
    for name, command in SERVERS.items():
        if chosen not in name:
            continue
        with (
            redis_server() as redis,
            limited_server("counter", LIMIT, WINDOW) as api,
            tempfile.TemporaryDirectory() as folder,
        ):
            failures += check(name, command, api, redis.url, Path(folder, "log"))
    print("\n".join(["FAILED", *failures] if failures else ["all hold"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
