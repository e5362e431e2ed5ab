"""Compare what the real client sees in virtual time with what the benchmark of the schedule says.

    python -m tests.soak.detection                 300 open payments, an hour of virtual time, a minute of CPU
    python -m tests.soak.detection --open 100
    python -m tests.soak.detection --seeds 1 2 3 4 5

Prints the mean seconds between money arriving and the client seeing it, beside the figure of the model, which drives
the schedule alone (benchmarks/watching/detection_delay.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import httpx
from attrs import evolve

from inventpay import PaymentStatus
from tests.support.virtual_api import virtual_client
from tests.support.virtual_time import START, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from watching.detection_delay import Payment, Seen, Story, draw, policies, simulate

LATENCY = 0.05
"""Seconds that the API takes for an answer."""


def played(story: Story, seed: int, *, measured: float) -> Seen:
    """Watch the payments of a story with one client, and note when it saw what became of each."""
    chance = random.Random(seed)
    rate = story.open_payments / story.mean_open
    begin, end = 2 * story.expiry, 2 * story.expiry + measured
    payments: dict[str, Payment] = {}
    seen = Seen()

    def status_of(name: str, now: float) -> PaymentStatus:
        # The calendar of the virtual clock is another one than that of the model.
        payment = payments[name]
        return evolve(
            payment.status(now),
            payment_id=name,
            created_at=START + timedelta(seconds=payment.created_at),
            expires_at=START + timedelta(seconds=payment.expires_at),
        )

    async def answer(request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(LATENCY)
        name = request.url.path.split("/")[3]
        status = status_of(name, now)
        assert status.created_at is not None
        assert status.expires_at is not None
        body = {
            "paymentId": name,
            "status": str(status.status),
            "currentBalance": str(status.current_balance),
            "confirmations": status.confirmations,
            "createdAt": status.created_at.isoformat(),
            "expiresAt": status.expires_at.isoformat(),
        }
        return httpx.Response(200, content=json.dumps(body).encode())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with virtual_client(answer) as client:

            async def watch(name: str, payment: Payment) -> None:
                is_paid = False
                async for status in client.payments.watch(status_of(name, loop.time()) if story.known else name):
                    now = loop.time() - LATENCY
                    if status.current_balance > 0 and not is_paid and payment.paid_at is not None:
                        is_paid = True
                        if now >= begin:
                            seen.paid.append(now - payment.paid_at)
                    if status.is_final and status.is_paid and now >= begin:
                        seen.final.append(now - payment.confirmed_at)

            tasks: list[asyncio.Task[None]] = []
            number = 0
            while loop.time() < end:
                # In the order of the model, so that both see the same payments.
                await asyncio.sleep(chance.expovariate(rate))
                number += 1
                payment = draw(story, loop.time(), chance)
                name = f"cmh{number}"
                payments[name] = payment
                payment.name = name
                tasks.append(asyncio.create_task(watch(name, payment)))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main())
    return seen


def compare(story: Story, seed: int, *, measured: float) -> tuple[Seen, Seen]:
    """Return what the client and the model saw of the same payments."""
    model = simulate(story, policies(story)["inventpay"], seed, measured=measured)
    return played(story, seed, measured=measured), model


def main() -> None:
    """Print both figures and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, default=300, help="payments that are open at the same time")
    parser.add_argument("--seconds", type=float, default=3600.0, help="virtual time that is measured")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="one run each")
    options = parser.parse_args()
    story = Story(open_payments=options.open)
    for seed in options.seeds:
        real, model = compare(story, seed, measured=options.seconds)
        for what in ("paid", "final"):
            ours, theirs = fmean(getattr(real, what)), fmean(getattr(model, what))
            print(
                f"seed {seed}, {what}: client {ours:.1f} s, model {theirs:.1f} s, ratio {ours / theirs:.2f}", flush=True
            )


if __name__ == "__main__":
    main()
