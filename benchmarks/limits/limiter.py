"""Rate limiters side by side: the same flood in real time through each, against a loopback server that counts.

python -m venv .bench
.bench/bin/pip install ".[aiohttp]" aiolimiter pyrate-limiter limits throttled-py
.bench/bin/python benchmarks/limits/limiter.py              about 5 minutes
.bench/bin/python benchmarks/limits/limiter.py --quick      about 1 minute, coarse
.bench/bin/python benchmarks/limits/limiter.py --limit 300 --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import platform
import pstats
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.contenders import CONTENDERS, Contender
from harness.floods import FASTEST, SLOWEST, Flood, Outcome, arrivals_server, run, warm_up
from harness.lease_costs import (
    CROWD_ANSWER_TIME,
    CROWD_LIMIT,
    LIMIT,
    NEARLY_ALL,
    SHARES,
    WINDOW,
    LeaseCost,
    bucket_cost,
    burst_cost,
    grant_cost,
    limiter_cost,
    timer_cost,
    waiter_memory,
)
from harness.policies import PHASES

from inventpay.options import Counting

SAME = "All go through the same client and HTTP path (AsyncInventPay over aiohttp); the peers are its limiter=."
BARE = "This package goes through AsyncInventPay over aiohttp, its peers through aiohttp alone."

FEW, MANY = 100, 10_000

# The package's targets in microseconds, and as a factor from FEW waiters to MANY.
LEASE_TARGET, GRANT_TARGET, GROWTH_TARGET = 3.0, 120.0, 1.5


def main() -> None:
    options = _read_arguments()
    contenders = [contender for contender in CONTENDERS if options.only in contender.name]
    if not contenders:
        sys.exit(f"--only {options.only!r} matches no contender; there are {[each.name for each in CONTENDERS]}")
    if options.part != "costs" and find_spec("httpx_aiohttp") is None:
        sys.exit('the floods go over aiohttp: pip install ".[aiohttp]", or measure --part costs')
    _print_head(options)
    if options.part != "costs":
        _compare(contenders, options)
    if options.part != "floods":
        _print_costs(options.quick)
    if options.profile:
        _print_profile(options.quick)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=_whole, help="L, requests per window (default: 100)")
    parser.add_argument("--window", type=_whole, help="W, whole seconds (default: 3)")
    parser.add_argument("--calls", type=_whole, help="concurrent calls, at least 3 L (default: 1,000, or 6 L if more)")
    parser.add_argument("--rounds", type=_whole, default=1, help="floods per contender, of which medians are shown")
    parser.add_argument("--quick", action="store_true", help="150 calls, 30 per second, and fewer repetitions")
    parser.add_argument("--bare", action="store_true", help="peers guard bare requests of aiohttp, not the client's")
    parser.add_argument("--only", default="", metavar="TEXT", help="contenders with this in their name")
    parser.add_argument("--part", choices=("floods", "costs"), help="only this part")
    parser.add_argument("--profile", action="store_true", help="also show where the processor time of a grant goes")
    options = parser.parse_args()
    options.limit = options.limit or (30 if options.quick else 100)
    options.window = options.window or (1 if options.quick else 3)
    options.calls = options.calls or (5 * options.limit if options.quick else max(1000, 6 * options.limit))
    if options.calls < 3 * options.limit:
        parser.error(
            f"--calls {options.calls} must be at least 3 times --limit {options.limit} to show a sustained rate"
        )
    return options


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 1 or more")
    return int(text)


def _print_head(options: argparse.Namespace) -> None:
    print(
        f"{options.calls:,} concurrent status calls through each limiter, {options.limit} permitted per "
        f"{options.window} s, one-way latency {FASTEST * 1000:g} to {SLOWEST * 1000:g} ms.\n"
        f"{BARE if options.bare else SAME} Connections are opened as they are needed.\n"
        "The server answers 200 to everything and notes arrivals; each policy is then asked what it would have refused."
    )
    packages = dict.fromkeys([*(contender.package for contender in CONTENDERS), "aiohttp", "httpx-aiohttp", "anyio"])
    print(", ".join(f"{package} {_version(package)}" for package in packages))
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} x {_processor()}, load {_load()}\n"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(absent)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


# --- floods ---


def _compare(contenders: Sequence[Contender], options: argparse.Namespace) -> None:
    present = [contender for contender in contenders if contender.version is not None]
    for contender in contenders:
        if contender not in present:
            print(f"{contender.name} is left out: pip install {contender.package}")
    if not present:
        return
    seen: dict[Contender, list[Outcome]] = {contender: [] for contender in present}
    with arrivals_server() as base_url:
        warm_up(base_url)
        for number in range(options.rounds):
            flood = Flood(options.calls, options.limit, options.window, bare=options.bare, seed=number)
            for contender in present:
                _say(f"round {number + 1}: {contender.name}")
                seen[contender].append(run(contender, flood, base_url))
    _say("")
    print(
        f"refused: 429s that a fixed window, sliding log, sliding-window counter or token bucket would have given\n"
        f"({PHASES} phases of the window, the worst); max: most requests in any window; use: sustained share of the\n"
        "permitted rate; breaks: a token went to a caller who had asked before the one served last; CPU: all of the\n"
        "client's process; late: of the server's timers the latest, by which a busy machine shifts what it counts"
    )
    print(f"{'limiter':27}{'fixed':>7}{'log':>6}{'counter':>9}{'bucket':>8}", end="")
    print(f"{'max':>6}{'use':>7}{'wall s':>8}{'breaks':>8}{'ms CPU/call':>13}{'late ms':>9}")
    for contender, outcomes in seen.items():
        refused = {policy: median(each.refusals[policy] for each in outcomes) for policy in outcomes[0].refusals}
        print(
            f"{contender.name:27}{refused['fixed']:7g}{refused['log']:6g}{refused['counter']:9g}{refused['bucket']:8g}"
            f"{median(each.most for each in outcomes):6g}{median(each.use for each in outcomes):7.3f}"
            f"{median(each.wall for each in outcomes):8.1f}{median(each.breaks for each in outcomes):8g}"
            f"{median(each.cpu for each in outcomes) / options.calls * 1000:13.2f}"
            f"{max(each.late for each in outcomes) * 1000:9.0f}"
        )
    print(f"{options.rounds} round(s)\n")


def _say(progress: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{progress:40}\r", end="", file=sys.stderr, flush=True)


# --- costs ---


def _print_costs(quick: bool) -> None:
    turns = 3_000 if quick else 20_000
    print(f"microseconds of an uncontended lease + its end, limit {LIMIT} per {WINDOW:g} s")
    print(f"{'counting':10}{'traffic':20}{'bucket alone':>16}{'limiter':>16}")
    dearest = 0.0
    for counting in get_args(Counting):
        cost = burst_cost(counting, turns)
        dearest = max(dearest, cost.lease)
        print(f"{counting:10}{'a burst':20}{'':16}{_shown(cost):>16}")
        for share in SHARES:
            alone = _least([bucket_cost(counting, share, turns) for _ in range(5)])
            cost = _least([asyncio.run(limiter_cost(counting, share, turns)) for _ in range(5)])
            dearest = max(dearest, cost.lease if share < NEARLY_ALL else 0.0)
            print(f"{counting:10}{f'{share:.0%} of the limit':20}{_shown(alone):>16}{_shown(cost):>16}")
    _print_target(f"dearest lease below {NEARLY_ALL:.0%} of the limit {dearest:.2f} us", dearest, LEASE_TARGET, "us")

    repeats, grants = (1, 150) if quick else (5, 500)
    print(f"\nprocessor microseconds per grant with tasks waiting, limit {CROWD_LIMIT}, event loop included")
    print(
        f"{'counting':10}{f'{FEW:,} waiting':>18}{f'{MANY:,} waiting':>18}{'growth':>10}"
        f"{'woken for each answer too':>28}"
    )
    timers: list[float] = []
    for counting in get_args(Counting):
        few: list[float] = []
        many: list[float] = []
        late: list[float] = []
        # In turn, so that a busy spell of the machine meets all of them.
        for _ in range(repeats):
            timers.append(asyncio.run(timer_cost(grants)))
            few.append(asyncio.run(grant_cost(counting, FEW, grants)))
            many.append(asyncio.run(grant_cost(counting, MANY, grants)))
            late.append(asyncio.run(grant_cost(counting, FEW, grants, answer_time=CROWD_ANSWER_TIME)))
        dearest, growth = max(median(few), median(many)), median(many) / median(few)
        print(f"{counting:10}{median(few):18.0f}{median(many):18.0f}{growth:10.2f}{median(late):28.0f}")
        _print_target(f"{counting}: {dearest:.0f} us", dearest, GRANT_TARGET, "us")
        _print_target(f"{counting}: growth {growth:.2f}", growth, GROWTH_TARGET, "times")
    print(f"a bare asyncio.sleep at this pace costs {median(timers):.0f} us; grants that come in bursts share one")

    memory = waiter_memory(MANY)
    print(
        f"\nbytes per waiting task, {MANY:,} tasks: {memory.bare:,.0f} for a bare task, "
        f"{memory.limiter:,.0f} waiting for a token,\n{memory.call:,.0f} inside client.payments.status"
    )


def _shown(cost: LeaseCost) -> str:
    return f"{cost.lease:.2f} + {cost.end:.2f}"


def _least(costs: Sequence[LeaseCost]) -> LeaseCost:
    # As timeit does: what else the machine runs only adds.
    return LeaseCost(min(cost.lease for cost in costs), min(cost.end for cost in costs))


def _print_target(what: str, value: float, target: float, unit: str) -> None:
    print(f"  target: at most {target:g} {unit}: {what}, {'met' if value <= target else 'MISSED'}")


def _print_profile(quick: bool) -> None:
    for counting in get_args(Counting):
        profile = cProfile.Profile()
        asyncio.run(grant_cost(counting, MANY, 150 if quick else 500, profile=profile))
        print(
            f"\nwhere a grant's time goes, counting {counting!r}, {MANY:,} waiting (epoll's poll is waiting, not work)"
        )
        pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    main()
