"""Any input quickly gives an event or a WebhookError. ``tests.soak.webhooks`` tries a million inputs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from inventpay import EventDecodeError, SignatureError, WebhookError
from inventpay.webhooks import KNOWN_EVENTS, UnknownEvent, WebhookReceiver, parse_event, sign
from tests.support.deliveries import SECRET
from tests.support.mutations import forged, large, mutated

MOST_CPU = 0.05
"""Seconds of CPU one delivery may take."""


def cpu_of(call: Callable[[], object]) -> float:
    """Return the seconds of CPU, the least of a few runs, because other work on the machine only adds to it."""
    least = float("inf")
    for _ in range(5):
        began = time.thread_time()
        call()
        least = min(least, time.thread_time() - began)
        if least < MOST_CPU / 2:
            break
    return least


@pytest.mark.parametrize("seed", range(4))
def test_no_forged_delivery_is_accepted_or_breaks_anything(seed: int) -> None:
    """Random and mutated bodies, signatures and headers: SignatureError each time, and nothing else."""
    chance = random.Random(seed)
    for _ in range(5_000):
        body, headers = forged(chance)
        with pytest.raises(SignatureError):
            parse_event(body, headers, SECRET)  # type: ignore[arg-type]


def test_no_genuine_delivery_breaks_anything() -> None:
    """Mutated bodies that were signed: an event of a known class, or a WebhookError."""
    chance = random.Random(1)
    outcomes: dict[str, int] = {}
    for _ in range(5_000):
        body = mutated(chance)
        try:
            event: Any = parse_event(body, {"X-Webhook-Signature": sign(body, SECRET)}, SECRET, tolerance=None)
        except WebhookError as error:
            outcomes[type(error).__name__] = outcomes.get(type(error).__name__, 0) + 1
        else:
            assert type(event) in (*KNOWN_EVENTS.values(), UnknownEvent)
            assert len(event.key) == 64
            assert repr(event)
            outcomes["event"] = outcomes.get("event", 0) + 1
    # The mutations must cover all outcomes.
    assert set(outcomes) >= {"event", "EventDecodeError"}


@pytest.mark.parametrize("number", range(len(list(large()))))
def test_a_megabyte_is_judged_quickly(number: int) -> None:
    """A large body of any content, signed or not, takes under 50 ms of CPU."""
    body = list(large())[number]
    assert len(body) <= 1_048_576
    receiver = WebhookReceiver(SECRET)
    receiver.on_other(lambda event: None)
    for signature in ("0" * 64, sign(body, SECRET)):
        headers = {"X-Webhook-Signature": signature}
        assert receiver.handle(body, headers).status in (400, 401, 200, 503)
        assert cpu_of(lambda headers=headers: receiver.handle(body, headers)) < MOST_CPU  # type: ignore[misc]


def test_a_nest_of_brackets_is_refused_as_one() -> None:
    """Signed, a megabyte deep, and no stack overflows."""
    body = b"[" * 1_048_576
    with pytest.raises(EventDecodeError, match="more than 20,000 values"):
        parse_event(body, {"X-Webhook-Signature": sign(body, SECRET)}, SECRET)
