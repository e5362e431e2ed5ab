"""Seconds between money arriving and a watcher seeing it, for several ways to spend the budget of status checks.

The model: payments are created at random moments and watched from creation; 65 % are paid, after a log-normal time
(median 4 minutes, sigma 0.8), and confirmed after another (median 60 s); 35 % are never paid and expire after 30
minutes. All policies poll at the pace that this package allows itself. Everything runs in virtual time.

    python benchmarks/watching/detection_delay.py              five seeds, about ten minutes; --write for the pages
    python benchmarks/watching/detection_delay.py --quick      one seed, half a minute
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from watching.former_schedule import FormerSchedule, FormerWatcher, former_interval

from inventpay import PaymentState, PaymentStatus, WatchSettings
from inventpay._watching.payers import Payers
from inventpay._watching.payment_status import AFTER_EXPIRY, poll_interval
from inventpay._watching.schedule import SHARE, Schedule, Watcher

LIMIT, WINDOW = 300, 60.0
START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    """The behaviour of payers."""

    open_payments: int = 300
    """Payments that are open at the same time, on average."""
    paid: float = 0.65
    median: float = 240.0
    sigma: float = 0.8
    late: float = 0.0
    """Share of the payers who pay at any time until expiry, evenly."""
    confirmation: float = 60.0
    expiry: float = 1800.0
    known: bool = True
    """Whether the first look is spared, because the created payment itself is watched."""

    @property
    def mean_open(self) -> float:
        """Mean seconds for which a payment is open."""
        drawn = random.Random(0)
        total = 0.0
        for _ in range(4000):
            payment = draw(self, 0.0, drawn)
            total += payment.expires_at if payment.paid_at is None else payment.confirmed_at
        return total / 4000


@dataclass
class Payment:
    """One payment, and when a watcher saw what became of it."""

    created_at: float
    expires_at: float
    paid_at: float | None
    confirmed_at: float
    is_late: bool = False
    name: str = "cmh1"

    def state(self, now: float) -> str:
        """The state that the API would answer."""
        if self.paid_at is not None and now >= self.confirmed_at:
            return "COMPLETED"
        if self.paid_at is not None and now >= self.paid_at:
            return "CONFIRMING"
        return "EXPIRED" if now >= self.expires_at else "PENDING"

    def status(self, now: float) -> PaymentStatus:
        """The answer of the API."""
        state = self.state(now)
        return PaymentStatus(
            payment_id=self.name,
            status=PaymentState(state),
            current_balance=Decimal(5 if state in ("COMPLETED", "CONFIRMING") else 0),
            confirmations=1 if state == "COMPLETED" else 0,
            created_at=START + timedelta(seconds=self.created_at),
            expires_at=START + timedelta(seconds=self.expires_at),
        )


def draw(story: Story, created_at: float, chance: random.Random) -> Payment:
    """One payment of the model."""
    expires_at = created_at + story.expiry
    paid_at: float | None = None
    is_late = False
    if chance.random() < story.paid:
        is_late = chance.random() < story.late
        after = (
            chance.uniform(0, story.expiry) if is_late else chance.lognormvariate(math.log(story.median), story.sigma)
        )
        paid_at = created_at + after if after < story.expiry else None
    confirmed_at = math.inf if paid_at is None else paid_at + chance.lognormvariate(math.log(story.confirmation), 0.5)
    return Payment(created_at, expires_at, paid_at, confirmed_at, is_late)


class Policy(Protocol):
    """A way to choose whom to poll next."""

    def add(self, payment: Payment, now: float) -> None:
        """A payment is watched from now on."""
        ...

    def next(self, now: float) -> tuple[float, Payment] | None:
        """When the next poll is due and whose it is. A poll that is due now is counted as made."""
        ...

    def polled(self, payment: Payment, status: PaymentStatus, now: float) -> None:
        """A poll was answered."""
        ...


Interval = Callable[[PaymentStatus | None, Payment, float], float]


class Waker:
    """Stands for a waiting task."""

    def wake(self) -> bool:
        """Nothing waits here."""
        return True


class Scheduled:
    """The schedule of this package, of today or of before, with intervals of its own."""

    def __init__(self, make: Callable[[], Schedule | FormerSchedule], interval: Interval, known: bool) -> None:
        self.schedule: Any = make()
        self.watcher: Any = FormerWatcher if isinstance(self.schedule, FormerSchedule) else Watcher
        self.interval = interval
        self.known = known
        self.entries: dict[int, tuple[Any, Payment]] = {}
        self.place: dict[int, Any] = {}

    def add(self, payment: Payment, now: float) -> None:
        watcher = self.watcher()
        self.entries[id(watcher)] = (watcher, payment)
        self.place[id(payment)] = watcher
        self._join(watcher, payment, payment.status(now) if self.known else None, now)

    def _join(self, watcher: Any, payment: Payment, status: PaymentStatus | None, now: float) -> None:
        at = payment.expires_at + AFTER_EXPIRY.total_seconds()
        wanted = self.interval(status, payment, now)
        self.schedule.join(watcher, Waker(), wanted, now, at if status is not None and at > now else math.inf)

    def next(self, now: float) -> tuple[float, Payment] | None:
        head = self.schedule.head(now)
        if head is None:
            return None
        wait = self.schedule.turn(head, now)
        if wait is None:
            return now, self.entries[id(head)][1]
        return now + wait, self.entries[id(head)][1]

    def polled(self, payment: Payment, status: PaymentStatus, now: float) -> None:
        watcher = self.place[id(payment)]
        self.schedule.leave(watcher, now)
        if status.is_final:
            del self.entries[id(watcher)], self.place[id(payment)]
        else:
            self._join(watcher, payment, status, now)


class Learning(Scheduled):
    """The schedule of this package as its clients use it: with the default assumptions, learning from what was paid."""

    def __init__(self, make: Callable[[], Schedule], settings: WatchSettings, known: bool) -> None:
        self.payers = Payers(settings)
        super().__init__(make, self._interval, known)
        self.funded: dict[int, float] = {}

    def _interval(self, status: PaymentStatus | None, payment: Payment, now: float) -> float:
        return poll_interval(
            status,
            now=START + timedelta(seconds=now),
            watched=now - payment.created_at,
            settings=self.payers.belief,
            funded=now - self.funded.get(id(payment), now),
        )

    def polled(self, payment: Payment, status: PaymentStatus, now: float) -> None:
        """Notice the first sight of funds."""
        if status.current_balance > 0 and id(payment) not in self.funded:
            self.funded[id(payment)] = now
            self.payers.paid(now - payment.created_at)
        if status.is_final:
            self.funded.pop(id(payment), None)
        super().polled(payment, status, now)


class Paced:
    """Policies that know nothing but the pace: each payment has a moment at which it would like to be polled."""

    def __init__(self, gap: Callable[[Payment, float, int], float]) -> None:
        self.gap = gap
        self.heap: list[tuple[float, int, Payment]] = []
        self.count = 0
        self.times: dict[int, int] = {}
        self.slot = 0.0

    def add(self, payment: Payment, now: float) -> None:
        self.times[id(payment)] = 0
        self._push(payment, now)

    def _push(self, payment: Payment, now: float) -> None:
        self.count += 1
        heapq.heappush(self.heap, (now + self.gap(payment, now, self.times[id(payment)]), self.count, payment))

    def next(self, now: float) -> tuple[float, Payment] | None:
        return (max(now, self.slot, self.heap[0][0]), self.heap[0][2]) if self.heap else None

    def polled(self, payment: Payment, status: PaymentStatus, now: float) -> None:
        heapq.heappop(self.heap)
        self.slot = now + WINDOW / ((SHARE - 0.05) * LIMIT)
        self.times[id(payment)] += 1
        if not status.is_final:
            self._push(payment, now)


def round_robin(payment: Payment, now: float, times: int) -> float:
    """Poll the payment that was polled longest ago."""
    return 0.0


def backoff(payment: Payment, now: float, times: int) -> float:
    """A second, two, four, up to a minute."""
    return min(60.0, 2.0 ** min(times, 6))


def hazard_interval(median: float, sigma: float, never: float, late: float, confirmation: float) -> Interval:
    """The square-root law with these payers."""
    belief = WatchSettings(median=median, spread=sigma, never=never, late=late, confirmation=confirmation)

    def interval(status: PaymentStatus | None, payment: Payment, now: float) -> float:
        return poll_interval(
            status, now=START + timedelta(seconds=now), watched=now - payment.created_at, settings=belief
        )

    return interval


def policies(story: Story) -> dict[str, Callable[[], Policy]]:
    """The contenders, by name."""
    former: Interval = lambda status, payment, now: former_interval(  # noqa: E731
        status, now=START + timedelta(seconds=now), watched=now - payment.created_at
    )
    best = hazard_interval(story.median, story.sigma, 1 - story.paid, story.late, story.confirmation)
    new = lambda: Schedule(LIMIT, WINDOW)  # noqa: E731
    return {
        "before": lambda: Scheduled(lambda: FormerSchedule(LIMIT, WINDOW), former, known=False),
        "round robin": lambda: Paced(round_robin),
        "backoff": lambda: Paced(backoff),
        "knows the payers": lambda: Scheduled(new, best, known=story.known),
        "assumes": lambda: Learning(new, WatchSettings(learn=False), known=story.known),
        "inventpay": lambda: Learning(new, WatchSettings(), known=story.known),
    }


@dataclass
class Seen:
    """Delays in seconds of everything that was seen."""

    paid: list[float] = field(default_factory=list[float])
    late: list[float] = field(default_factory=list[float])
    final: list[float] = field(default_factory=list[float])
    expired: list[float] = field(default_factory=list[float])
    polls: int = 0
    worst_gap: float = 0.0

    def add(self, other: Seen) -> None:
        """Add what another seed saw."""
        self.paid += other.paid
        self.late += other.late
        self.final += other.final
        self.expired += other.expired
        self.polls += other.polls


def simulate(story: Story, make: Callable[[], Policy], seed: int, *, measured: float = 3600.0) -> Seen:
    """Run the model for a warm-up of twice the expiry, at most two hours, and then for the measured seconds."""
    chance = random.Random(seed)
    rate = story.open_payments / story.mean_open
    begin = min(2 * story.expiry, 86_400.0)
    end = begin + measured
    policy = make()
    seen = Seen()
    now, arrival = 0.0, chance.expovariate(rate)
    last: dict[int, str] = {}
    while True:
        due = policy.next(now)
        if due is None or due[0] > now:
            now = arrival if due is None else min(arrival, due[0])
            if now > end:
                return seen
            if now == arrival:
                payment = draw(story, now, chance)
                last[id(payment)] = "PENDING"
                policy.add(payment, now)
                arrival = now + chance.expovariate(rate)
            continue
        payment = due[1]
        status = payment.status(now)
        policy.polled(payment, status, now)
        before, state = last.pop(id(payment)), payment.state(now)
        if not status.is_final:
            last[id(payment)] = state
        if now < begin:
            continue
        seen.polls += 1
        if before == "PENDING" and state in ("CONFIRMING", "COMPLETED") and payment.paid_at is not None:
            (seen.late if payment.is_late else seen.paid).append(now - payment.paid_at)
        if state == "COMPLETED":
            seen.final.append(now - payment.confirmed_at)
        if state == "EXPIRED":
            seen.expired.append(now - payment.expires_at)


def p90(values: list[float]) -> float:
    """The ninetieth percentile."""
    return quantiles(values, n=10)[-1] if len(values) > 1 else math.nan


def row(story: Story, seeds: int, names: list[str], measured: float = 3600.0) -> dict[str, Seen]:
    """All policies on one story."""
    found: dict[str, Seen] = {}
    for name in names:
        total = Seen()
        for seed in range(seeds):
            total.add(simulate(story, policies(story)[name], seed, measured=measured))
        found[name] = total
    return found


def shown(seen: Seen) -> str:
    """One cell: mean (p90) until seen, mean until final."""
    return f"{fmean(seen.paid):.1f} ({p90(seen.paid):.0f}) {fmean(seen.final):.1f}"


def stories(*, more: bool) -> dict[str, Story]:
    """The rows of the table."""
    rows = {f"{many:,}": Story(open_payments=many) for many in (30, 100, 300, 1000)}
    for many in (30, 100, 300):
        rows[f"{many}, first look unknown"] = Story(open_payments=many, known=False)
    if more:
        for many in (30, 100, 300):
            rows[f"{many}, fast payers (75 s)"] = Story(median=75.0, open_payments=many)
            rows[f"{many}, slow payers (10 min)"] = Story(median=600.0, open_payments=many)
    return rows


def day(seeds: int) -> list[str]:
    """A thousand payments that are open for a day: who pays within an hour or so, and who pays at any time."""
    story = Story(open_payments=1000, expiry=86_400.0, late=0.05)
    lines = [
        "| policy | mean, prompt payers | mean, late payers | greatest, late payers | mean until final |",
        "|" + "---|" * 5,
    ]
    names = ["before", "knows the payers", "inventpay"]
    for name, seen in row(story, seeds, names, measured=86_400.0).items():
        figures = (fmean(seen.paid), fmean(seen.late), max(seen.late), fmean(seen.final))
        lines.append(f"| {name} | " + " | ".join(f"{figure:,.1f}" for figure in figures) + " |")
    return lines


def picture(table: dict[str, dict[str, Seen]]) -> str:
    """Bars of the mean delays on a logarithmic scale, legible on light and dark pages."""
    colours = {"before": "#888", "round robin": "#b58900", "knows the payers": "#2aa198", "inventpay": "#268bd2"}
    width, left, high = 720, 150, 14
    bars: list[str] = []
    top = 40
    for label in ("30", "100", "300", "1,000"):
        bars.append(f'<text x="10" y="{top + 2 * high}" class="t">{label} open payments</text>')
        for name, colour in colours.items():
            mean = fmean(table[label][name].paid)
            long = (width - left - 190) * math.log10(mean) / math.log10(400)
            bars.append(f'<rect x="{left}" y="{top}" width="{long:.0f}" height="{high - 3}" fill="{colour}"/>')
            bars.append(f'<text x="{left + long + 6:.0f}" y="{top + high - 4}" class="t">{mean:.1f} s, {name}</text>')
            top += high
        top += 12
    style = ".t{font:11px sans-serif;fill:#586069}@media(prefers-color-scheme:dark){.t{fill:#c9d1d9}}"
    title = "Mean seconds until money is seen (logarithmic)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" role="img" aria-label="{title}">'
        f'<style>{style}</style><text x="10" y="20" class="t" font-weight="bold">{title}</text>{"".join(bars)}</svg>\n'
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, without fast, slow and late payers")
    parser.add_argument("--write", action="store_true", help="write results/DETECTION.md and the plot of the docs")
    options = parser.parse_args()
    seeds = 1 if options.quick else 5
    names = list(policies(Story()))
    lines = [
        "Mean (p90) seconds until money is seen, and mean seconds until the final state is seen.",
        "",
        "| open payments | " + " | ".join(names) + " |",
        "|" + "---|" * (len(names) + 1),
    ]
    print("\n".join(lines), flush=True)
    table: dict[str, dict[str, Seen]] = {}
    for label, story in stories(more=not options.quick).items():
        table[label] = row(story, seeds, names)
        lines.append(f"| {label} | " + " | ".join(shown(table[label][name]) for name in names) + " |")
        print(lines[-1], flush=True)
    if not options.quick:
        # One seed: a day of warm-up and a day of polls take as long as all other rows together.
        more = ["", "A thousand payments that are open for a day, 5 % of the payers at any time:", "", *day(1)]
        print("\n".join(more))
        lines += more
    if options.write:
        lines += ["", "The real client beside this model: [WATCHING.md](WATCHING.md)."]
        text = f"# Detection delay\n\n{__doc__.split(chr(10) * 2)[1]}\n\n" + "\n".join(lines) + "\n"
        root = Path(__file__).resolve().parents[2]
        (root / "benchmarks" / "results" / "DETECTION.md").write_text(text, encoding="utf-8")
        (root / "docs" / "images" / "detection-delay.svg").write_text(picture(table), encoding="utf-8")


if __name__ == "__main__":
    main()
