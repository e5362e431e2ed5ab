"""Webhooks side by side: verifying and parsing the same bodies, by this package and by those people know.

python -m venv .bench
.bench/bin/pip install . stripe standardwebhooks
.bench/bin/python benchmarks/webhooks/side_by_side.py             half a minute
.bench/bin/python benchmarks/webhooks/side_by_side.py --json      the same figures for programs

Every contender gets the same body, signed in its own way, and headers as a request has them. They take turns, a
fraction of a second each, so that a busy spell of the machine meets all of them. What each gives back differs: this
package a typed event with exact money and times, stripe an object over the parsed JSON, standardwebhooks the parsed
JSON itself.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from inventpay.webhooks import MemorySeenStore, WebhookReceiver, parse_event, sign, verify_signature

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBiZW5jaG1hcms"
EXAMPLES = Path(__file__).parents[2] / "tests" / "examples"

TARGET = 1.3
"""The package's target: this many times the events per second of stripe."""

Call = Callable[[], object]


class Contender(NamedTuple):
    """Something that verifies and parses."""

    name: str
    package: str
    prepare: Callable[[bytes], Call]


class Row(NamedTuple):
    """The events a second, and the processor time of one."""

    name: str
    version: str
    body: str
    events_per_second: float
    microseconds: float


def request_headers(body: bytes, **signature: str) -> dict[str, str]:
    """Headers as they come with a delivery through a proxy."""
    return {
        "Host": "shop.example",
        "User-Agent": "InventPay-Webhooks/1.0",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in signature.items()},
    }


def ours(body: bytes) -> Call:
    """Verified, decoded, exact, typed, and of an age that is accepted."""
    headers = request_headers(body, X_Webhook_ID="whd_1", X_Webhook_Signature=sign(body, SECRET))
    return lambda: parse_event(body, headers, SECRET)


def ours_once(body: bytes) -> Call:
    """The whole receiver: found to be a duplicate in the store in memory."""
    receiver = WebhookReceiver(SECRET, seen=MemorySeenStore())
    receiver.on_other(lambda event: None)
    headers = request_headers(body, X_Webhook_ID="whd_1", X_Webhook_Signature=sign(body, SECRET))
    return lambda: receiver.handle(body, headers)


def ours_signature(body: bytes) -> Call:
    """The signature alone."""
    signature = sign(body, SECRET)
    return lambda: verify_signature(body, signature, SECRET)


def stripe(body: bytes) -> Call:
    """The call of stripe's documentation."""
    import stripe

    signature = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)
    return lambda: stripe.Webhook.construct_event(body, signature, SECRET)  # type: ignore[no-untyped-call]


def standardwebhooks(body: bytes) -> Call:
    """The call of Standard Webhooks' documentation, with the verifier made once."""
    from standardwebhooks.webhooks import Webhook

    webhook, now = Webhook(SECRET), datetime.now(UTC)
    signature = webhook.sign("msg_1", now, body.decode())
    stamp = str(int(now.timestamp()))
    headers = request_headers(body, webhook_id="msg_1", webhook_timestamp=stamp, webhook_signature=signature)
    return lambda: webhook.verify(body, headers)


CONTENDERS = (
    Contender("inventpay parse_event", "inventpay", ours),
    Contender("stripe construct_event", "stripe", stripe),
    Contender("standardwebhooks verify", "standardwebhooks", standardwebhooks),
    Contender("inventpay receiver, duplicate", "inventpay", ours_once),
    Contender("inventpay verify_signature", "inventpay", ours_signature),
)


def bodies() -> dict[str, bytes]:
    """The documented body in both shapes, as Node.js writes them, from now; and one with a long description."""
    made: dict[str, bytes] = {}
    for shape in ("nested", "flat"):
        document = json.loads((EXAMPLES / f"webhook.payment_created.{shape}.json").read_bytes())
        document["timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made[shape] = _compact(document)
    document["description"] = "Premium Plan Subscription, für ein Jahr. " * 200
    return {**made, "long": _compact(document)}


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def measure(*, rounds: int = 25, turn: float = 0.05) -> list[Row]:
    """All contenders that are installed, on all bodies; medians over the rounds. ``turn`` is in seconds."""
    present = [contender for contender in CONTENDERS if find_spec(contender.package) is not None]
    rows: list[Row] = []
    for name, body in bodies().items():
        calls = {contender: contender.prepare(body) for contender in present}
        counts = {contender: _count(call, turn) for contender, call in calls.items()}
        seen: dict[Contender, list[tuple[float, float]]] = {contender: [] for contender in present}
        for _ in range(rounds):
            for contender, call in calls.items():
                seen[contender].append(_turn(call, counts[contender]))
        rows += [
            Row(
                contender.name,
                version(contender.package),
                f"{name}, {len(body):,} bytes",
                median(counts[contender] / wall for wall, _ in turns),
                median(cpu / counts[contender] * 1e6 for _, cpu in turns),
            )
            for contender, turns in seen.items()
        ]
    return rows


def _count(call: Call, turn: float) -> int:
    """Return the number of calls that fill a turn; the first ones load late imports."""
    for _ in range(20):
        call()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < turn:
        call()
        count += 1
    return max(count, 1)


def _turn(call: Call, count: int) -> tuple[float, float]:
    """Return the seconds on the clock and of the processor for ``count`` calls."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - wall, time.process_time() - cpu


def ratios(rows: list[Row]) -> dict[str, float]:
    """By body, how many times stripe's events per second this package verifies and parses."""
    rates = {(row.name, row.body): row.events_per_second for row in rows}
    first, second = CONTENDERS[0].name, CONTENDERS[1].name
    return {
        body: rate / rates[second, body]
        for (name, body), rate in rates.items()
        if name == first and (second, body) in rates
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("--quick", action="store_true", help="five rounds instead of 25")
    options = parser.parse_args()
    rows = measure(rounds=5 if options.quick else 25)
    if options.json:
        json.dump({"rows": [row._asdict() for row in rows], "times_stripe": ratios(rows)}, sys.stdout, indent=2)
        print()
        return
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    for contender in CONTENDERS:
        if find_spec(contender.package) is None:
            print(f"{contender.name} is left out: pip install {contender.package}")
    body = None
    for row in rows:
        if row.body != body:
            body = row.body
            print(f"{body:46}{'events/s':>12}{'us CPU':>10}")
        print(f"  {f'{row.name} ({row.version})':44}{row.events_per_second:12,.0f}{row.microseconds:10.1f}")
    for body, ratio in ratios(rows).items():
        verdict = "met" if ratio >= TARGET else "MISSED"
        print(f"target: at least {TARGET} times stripe's events per second, {body}: {ratio:.2f}, {verdict}")


if __name__ == "__main__":
    main()
