"""`python -m tests.simulator`: what servers refuse, and how much of the limit is used, in long runs."""

from __future__ import annotations

import argparse
from typing import get_args

from inventpay._limits.token_bucket import Counting, TokenBucket

from .driver import Feedback
from .scenarios import LIMITS, POLICIES, WINDOW, flood_run, judge, judges, mixed_run, shared_run


def print_refusals(size: int, seed: int) -> None:
    print("refusals: of all phases and clocks of a policy together; use: sustained share of the limit")
    print(f"{'counting':8}{'limit':>6}  {'traffic':14}{'requests':>9}", *(f"{name:>8}" for name in POLICIES), "    use")
    for counting in get_args(Counting):
        total, totals = 0, dict.fromkeys(POLICIES, 0)
        for limit in LIMITS:
            calls = max(size, 5 * limit)
            for traffic, run in {
                "flood": flood_run(TokenBucket(limit, counting=counting), calls, seed=seed, giving_up=False),
                "flood, quits": flood_run(TokenBucket(limit, counting=counting), calls, seed=seed, giving_up=True),
                "mixed, quits": mixed_run(TokenBucket(limit, counting=counting), 2 * calls, seed=seed),
            }.items():
                report, refusals = judge(run, judges(limit))
                total += report.requests
                totals = {policy: totals[policy] + refusals[policy] for policy in POLICIES}
                use = "" if traffic.startswith("mixed") else f"{report.use(limit, WINDOW):.4f}"
                print_row(counting, limit, traffic, report.requests, refusals, use)
        print_row(counting, "all", "", total, totals, "")


def print_row(counting: str, limit: int | str, traffic: str, requests: int, refusals: dict[str, int], use: str) -> None:
    counts = " ".join(f"{refusals[policy]:8}" for policy in POLICIES)
    print(f"{counting:8}{limit:>6}  {traffic:14}{requests:9} {counts} {use:>7}", flush=True)


def print_sharing(rounds: int, seed: int, runs: int) -> None:
    print(
        "\nanother client takes 30 % at random, counting 'unknown': refused share of ours, what we got of the rest; "
        f"{runs} runs"
    )
    print(f"{'limit':>6}  {'reported':12}", *(f"{name:>16}" for name in POLICIES))
    for limit in LIMITS:
        for feedback in get_args(Feedback)[1:]:
            cells: list[str] = []
            for policy in POLICIES:
                reports = [
                    shared_run(policy, limit, rounds=rounds, seed=seed + run, feedback=feedback) for run in range(runs)
                ]
                refused = sum(report.refusals[0] for report in reports) / sum(report.requests for report in reports)
                use = sum(report.share_of_the_rest(limit, WINDOW) for report in reports) / runs
                cells.append(f"{refused:7.2%} {use:7.1%}")
            print(f"{limit:6}  {feedback:12}", *(f"{cell:>16}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--size", type=int, default=5_000, help="requests per flood (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=40, help="windows that are shared (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs of them, each another seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_refusals(options.size, options.seed)
    print_sharing(options.rounds, options.seed, options.runs)


if __name__ == "__main__":
    main()
