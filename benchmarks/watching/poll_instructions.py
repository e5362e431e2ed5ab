"""Counts the instructions of a poll, with ten thousand tasks in `payments.watch` on one client, in virtual time.

.bench/bin/python benchmarks/watching/poll_instructions.py
.bench/bin/python benchmarks/watching/poll_instructions.py --beside ../another-checkout

Runs under valgrind's cachegrind, ten minutes for each checkout. A further poll is what a run of ten and a half minutes
of virtual time takes beyond one of six minutes, divided by the polls between them, so that imports, the creation of the
tasks and the first looks are not in it. The answers come from memory, with a latency of 0.1 s, and the loop, its
selector and the mock of httpx are counted as well. Fails where the poll of this checkout takes more instructions than
that of the other one. Both use the libraries of the running interpreter.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCHERS = 10_000
SHORT, LONG = 360.0, 630.0
"""Virtual seconds of the two runs, after ``WARM``."""
WARM = 60.0
COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")
POLLS = re.compile(r"^(\d+) polls$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="another checkout of this repository")
    parser.add_argument("--run", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        watch(options.run)
        return 0
    if shutil.which("valgrind") is None:
        sys.exit("needs valgrind: apt-get install valgrind")
    ours = further_poll(ROOT)
    if options.beside is None:
        return 0
    other = further_poll(options.beside.resolve())
    verdict = "fine" if ours <= other else "TOO MANY"
    print(f"{ours / other - 1:+.1%} against {options.beside}: {verdict}")
    return int(ours > other)


def further_poll(checkout: Path) -> int:
    """Return the instructions of a further poll."""
    (instructions, polls), (more, later) = (count(checkout, seconds) for seconds in (SHORT, LONG))
    each = round((more - instructions) / (later - polls))
    print(
        f"{checkout}: the start and {polls:,} polls {instructions / 1e6:,.0f} million instructions, a further poll "
        f"{each:,} (over {later - polls:,} polls)",
        flush=True,
    )
    return each


def count(checkout: Path, seconds: float) -> tuple[int, int]:
    """Return the instructions and the polls of a run."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", sys.executable]
    # A fixed hash seed, and bytecode at hand: Python compiles at the first import.
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    ours = [__file__, "--run", "1.0"]
    subprocess.run([sys.executable, *ours], check=True, cwd=checkout, env=environment, capture_output=True)
    ours[-1] = str(seconds)
    ran = subprocess.run([*command, *ours], capture_output=True, text=True, cwd=checkout, env=environment, check=False)
    counted, polls = COUNTED.search(ran.stderr), POLLS.search(ran.stdout)
    if counted is None or polls is None:
        sys.exit(f"{' '.join(command)} in {checkout}: {ran.stderr[-1000:]}")
    return int(counted[1].replace(",", "")), int(polls[1])


def watch(seconds: float) -> None:
    """Watch the payments, and print how often they were polled."""
    # The file's own folder stands before PYTHONPATH.
    sys.path[:] = [os.getcwd(), *(entry for entry in sys.path if entry != str(Path(__file__).parent))]
    import httpx

    from tests.support.virtual_api import virtual_client
    from tests.support.virtual_time import START, run

    # One more full collection in a run is chance.
    gc.disable()
    chance = random.Random(1)
    ends = [chance.uniform(1800.0, 86_400.0) for _ in range(WATCHERS)]
    polls = 0

    async def api(request: httpx.Request) -> httpx.Response:
        nonlocal polls
        polls += 1
        payment_id = request.url.path.split("/")[3]
        ends_at = ends[int(payment_id.removeprefix("cmh"))]
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(0.1)
        body = {
            "paymentId": payment_id,
            "status": "EXPIRED" if now >= ends_at + 1800.0 else "PENDING",
            "currentBalance": "0",
            "confirmations": 0,
            "createdAt": START.isoformat(),
            "expiresAt": (START + timedelta(seconds=ends_at)).isoformat(),
        }
        return httpx.Response(200, content=json.dumps(body).encode())

    async def all_of_them() -> None:
        async with virtual_client(api) as client:

            async def one(number: int) -> None:
                async for _ in client.payments.watch(f"cmh{number}"):
                    pass

            tasks = [asyncio.create_task(one(number)) for number in range(WATCHERS)]
            await asyncio.sleep(WARM + seconds)
            print(f"{polls} polls", flush=True)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(all_of_them())


if __name__ == "__main__":
    sys.exit(main())
