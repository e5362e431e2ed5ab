"""Every documented form of headers about rate limits, at random."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from email.utils import format_datetime

MOMENTS = (0, 1, 2, 7, 30, 59, 60, 61, 119, 121, 600, 86_400, 3_000_000)
"""Seconds that a server may name: at once, within a window, at its end, beyond two windows, a day and a month."""


def random_headers(rng: random.Random, limit: int) -> dict[str, str]:
    """Return the headers of an answer: a pause, or one of the spellings of limit, remaining and reset, or both."""
    headers: dict[str, str] = {}
    moment = rng.choice(MOMENTS)
    now = time.time()
    pause = rng.choice(("none", "seconds", "date"))
    if pause == "seconds":
        headers["Retry-After"] = str(moment)
    elif pause == "date":
        headers["Retry-After"] = format_datetime(datetime.fromtimestamp(now + moment, UTC), usegmt=True)
    if rng.random() < 0.3:
        moment = rng.choice(MOMENTS)
    left = rng.choice((0, 0, 0, 1, limit))
    named = rng.choice((limit, limit, 1, 10 * limit))
    form = rng.choice(("none", "RateLimit", "X-RateLimit", "X-Rate-Limit", "structured", "older"))
    if form in ("RateLimit", "X-RateLimit", "X-Rate-Limit"):
        reset = rng.choice((moment, int(now) + moment, (int(now) + moment) * 1_000))
        headers |= {f"{form}-Limit": str(named), f"{form}-Remaining": str(left), f"{form}-Reset": str(reset)}
    elif form == "structured":
        headers |= {"RateLimit": f'"default";r={left};t={moment}', "RateLimit-Policy": f'"default";q={named};w=60'}
    elif form == "older":
        headers["RateLimit"] = f"limit={named}, remaining={left}, reset={moment}"
    return headers
