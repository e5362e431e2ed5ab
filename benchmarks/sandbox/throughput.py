"""The sandbox under load: status checks a second, and whether its memory stays flat.

python -m venv .bench
.bench/bin/pip install ".[sandbox]"
.bench/bin/python benchmarks/sandbox/throughput.py             about 2 minutes
.bench/bin/python benchmarks/sandbox/throughput.py --quick     a tenth of it
.bench/bin/python benchmarks/sandbox/throughput.py --json      the same figures for programs

The sandbox runs in a process of its own, as `python -m inventpay sandbox` starts it, without rate limits. This process
is a plain client, without any HTTP library: a few keep-alive connections, each with one request at a time, which asks
for the status of payments in turn and reads every answer to its end. Memory is the resident set of the sandbox.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

CHECKS = 200_000
STOPS = (0, 50_000, 100_000, 200_000)
PAYMENTS = 100

LEAST_A_SECOND = 1_000
MOST_GROWTH = 0.05
"""The project's targets: least checks a second on two cores, and most growth of memory after the first stretch."""


class Stop(NamedTuple):
    """The progress: checks so far, checks a second since the last stop, and the memory of the sandbox in MiB."""

    checks: int
    a_second: float | None
    mebibytes: float


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> bytes:
        """Sends a request and reads the whole of its answer, whose body it returns."""
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._read()
        head = received[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"The sandbox answered: {received[:200]!r}")
        _, _, length = head.partition(b"content-length:")
        size = int(length.split(b"\r\n", 1)[0])
        while len(received) < end + 4 + size:
            received += self._read()
        return received[end + 4 :]

    def _read(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise RuntimeError("The sandbox closed a connection.")
        return piece

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def served() -> Generator[tuple[int, int, str]]:
    """A sandbox in a process of its own: its process id, its port, and its API key."""
    command = [sys.executable, "-m", "inventpay", "sandbox", "--port", "0", "--rate-limits", "unlimited"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "INVENTPAY_API_KEY" not in said:
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"The sandbox did not start: {said}")
                said += line
            url, key = re.search(r"http://127\.0\.0\.1:(\d+)", said), re.search(r"INVENTPAY_API_KEY=(\S+)", said)
            assert url is not None
            assert key is not None
            yield process.pid, int(url[1]), key[1]
        finally:
            process.terminate()


def resident(pid: int) -> float:
    """The memory of a process in MiB."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    ran = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(ran.stdout) / 2**10


def create_payment(connection: Connection, key: str) -> str:
    """The id of a new payment."""
    body = b'{"amount":5,"amountCurrency":"USD","currency":"USDT_BEP20","expirationMinutes":1440}'
    headers = f"Host: sandbox\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    answer = connection.exchange(f"POST /v1/create_payment HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body)
    return str(json.loads(answer)["data"]["paymentId"])


def check(connections: list[Connection], requests: list[bytes], count: int) -> float:
    """Send `count` status checks over all connections at once; return the rate per second."""
    failures: list[BaseException] = []

    def run(connection: Connection, start: int) -> None:
        try:
            for number in range(start, count, len(connections)):
                connection.exchange(requests[number % len(requests)])
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(one, number)) for number, one in enumerate(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count / (time.perf_counter() - began)


def measure(checks: int, width: int) -> list[Stop]:
    """Return every stop until `checks` checks were made."""
    with served() as (pid, port, key):
        connections = [Connection(port) for _ in range(width)]
        ids = [create_payment(connections[0], key) for _ in range(PAYMENTS)]
        requests = [f"GET /v1/invoice/{one}/status HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode() for one in ids]
        found = [Stop(0, None, resident(pid))]
        for stop in STOPS[1:]:
            target = stop * checks // CHECKS
            rate = check(connections, requests, target - found[-1].checks)
            found.append(Stop(target, rate, resident(pid)))
        for connection in connections:
            connection.close()
    return found


def main() -> int:
    """Measures and prints; 1 where a promise is missed."""
    description, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--checks", type=int, default=CHECKS, help="status checks in all (default: 200,000)")
    parser.add_argument("--connections", type=int, default=4, help="keep-alive connections (default: 4)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the checks: an impression")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    arguments = parser.parse_args()
    stops = measure(arguments.checks // 10 if arguments.quick else arguments.checks, arguments.connections)
    slowest = min(stop.a_second for stop in stops if stop.a_second is not None)
    growth = stops[-1].mebibytes / stops[1].mebibytes - 1
    kept = slowest >= LEAST_A_SECOND and growth <= MOST_GROWTH
    if arguments.json:
        rows = [stop._asdict() for stop in stops]
        print(json.dumps({"stops": rows, "slowest": slowest, "growth": growth, "kept": kept}, indent=1))
        return 0 if kept else 1
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {arguments.connections} connections\n")
    print(f"{'status checks':>13}  {'a second':>9}  {'memory of the sandbox':>21}")
    for stop in stops:
        rate = "" if stop.a_second is None else f"{stop.a_second:,.0f}"
        print(f"{stop.checks:>13,}  {rate:>9}  {stop.mebibytes:>17.1f} MiB")
    print(f"\nSlowest stretch {slowest:,.0f} a second (at least {LEAST_A_SECOND:,}); memory after the first stretch")
    print(f"{growth:+.1%} (at most {MOST_GROWTH:+.0%}): {'kept' if kept else 'MISSED'}.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
