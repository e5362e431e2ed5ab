"""A million random and mutated deliveries: ``python -m tests.soak.webhooks``. Takes two minutes.

Nine tenths are forged, and must each be refused with a SignatureError; one tenth is garbage signed with the secret,
which must give an event or a WebhookError. Between them come bodies of a megabyte. Prints how many came to what, and
the most CPU one of them took, which should be under 50 ms. Ends at the first delivery that breaks the rule, and prints
it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter

import attrs

from inventpay import SignatureError, WebhookError
from inventpay.webhooks import KNOWN_EVENTS, UnknownEvent, parse_event, sign
from tests.support.deliveries import SECRET
from tests.support.mutations import forged, large, mutated

EVENTS = {*KNOWN_EVENTS.values(), UnknownEvent}

LARGE_EVERY = 5_000
"""Deliveries between two large ones."""


@attrs.define
class Report:
    """The results of deliveries."""

    outcomes: Counter[str] = attrs.field(factory=Counter)
    slowest: float = 0.0
    """Seconds of CPU."""
    slowest_body: bytes = b""

    def judge(self, body: bytes, headers: object, *, genuine: bool) -> None:
        """One delivery. Ends the program where the rule is broken."""
        allowed = WebhookError if genuine else SignatureError
        outcome: type
        began = time.thread_time()
        try:
            outcome = type(parse_event(body, headers, SECRET, tolerance=None))  # type: ignore[arg-type]
        except Exception as error:
            outcome = type(error)
        spent = time.thread_time() - began
        if not issubclass(outcome, allowed) and not (genuine and outcome in EVENTS):
            sys.exit(f"{outcome.__name__} for {body!r} with {headers!r}")
        self.outcomes[f"{'genuine' if genuine else 'forged'}: {outcome.__name__}"] += 1
        if spent > self.slowest:
            self.slowest, self.slowest_body = spent, body


def storm(count: int, *, seed: int) -> Report:
    """Make a number of deliveries."""
    chance = random.Random(seed)
    report = Report()
    heavy = list(large())
    for number in range(count):
        if number % LARGE_EVERY == 0:
            body = heavy[number // LARGE_EVERY % len(heavy)]
            signature = "0" * 64 if number % (2 * LARGE_EVERY) else sign(body, SECRET)
            report.judge(body, {"X-Webhook-Signature": signature}, genuine=number % (2 * LARGE_EVERY) == 0)
        elif number % 10:
            report.judge(*forged(chance), genuine=False)
        else:
            body = mutated(chance)
            report.judge(body, {"X-Webhook-Signature": sign(body, SECRET)}, genuine=True)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    report = storm(options.count, seed=options.seed)
    print(f"{report.outcomes.total():,} deliveries in {time.monotonic() - began:.0f} s, seed {options.seed}")
    for outcome, count in report.outcomes.most_common():
        print(f"{count:>12,} {outcome}")
    print(f"slowest: {report.slowest * 1000:.1f} ms of CPU, {len(report.slowest_body):,} bytes of", end=" ")
    print(repr(report.slowest_body[:40]))


if __name__ == "__main__":
    main()
