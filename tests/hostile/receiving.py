"""Measure the cost of hostile deliveries to a receiver of webhooks under uvicorn: memory, and turns of the event loop.

python -m tests.hostile.receiving
"""

from __future__ import annotations

import gc
import http.client
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from inventpay.sandbox.http import server as sandbox_server
from inventpay.webhooks import MemorySeenStore, WebhookReceiver
from tests.hostile.answers import MIB, padded
from tests.hostile.measuring import LONGEST, MOST, ROOT, TRIES, Cost, Turns, begin, peak
from tests.support.deliveries import SECRET, signed

EVENT: Final = b'{"event":"payment.completed","paymentId":"cmh1","amount":%s,"timestamp":"2026-01-01T00:00:00Z"'
SIZE: Final = MIB
"""Bytes of the largest body that a receiver reads."""


@attrs.frozen
class HostileDelivery:
    """One delivery and the status that answers it."""

    make: Callable[[], bytes]
    status: int
    headers: Callable[[bytes], Mapping[str, str]] = signed
    chunks: bool = False


def forged(body: bytes) -> dict[str, str]:
    """Return headers with a signature that is none."""
    return {"X-Webhook-Signature": "sha256=" + "0" * 64, "Content-Type": "application/json"}


def event(more: bytes = b"", amount: bytes = b"1") -> bytes:
    """Return the body of an event."""
    return EVENT % amount + more + b"}"


DELIVERIES: Final[Mapping[str, HostileDelivery]] = {
    "2 MiB": HostileDelivery(lambda: bytes(2 * MIB), 413),
    "64 MiB in chunks": HostileDelivery(lambda: bytes(64 * MIB), 413, chunks=True),
    "a mebibyte, forged": HostileDelivery(lambda: padded(event(), b" ", b"", SIZE), 401, forged),
    "a signature of 30 KB": HostileDelivery(event, 401, lambda body: {"X-Webhook-Signature": "sha256=" + "0" * 30_000}),
    "a thousand signatures": HostileDelivery(
        event, 401, lambda body: {"X-Webhook-Signature": ",".join(["sha256=" + "0" * 64] * 400)}
    ),
    "a mebibyte of text": HostileDelivery(lambda: padded(event()[:-1] + b',"more":"', b"x", b'"}', SIZE), 200),
    "a mebibyte of escapes": HostileDelivery(lambda: padded(event()[:-1] + b',"more":"', b'\\"', b'"}', SIZE), 200),
    "a mebibyte of halves of surrogate pairs": HostileDelivery(
        lambda: padded(event()[:-1] + b',"more":"', b"\\ud800", b'"}', SIZE), 200
    ),
    "a mebibyte of empty lists": HostileDelivery(lambda: padded(b"[", b"[],", b"0]", SIZE), 503),
    "19,000 values": HostileDelivery(lambda: event(b',"more":[' + b"{}," * 18_900 + b"0]"), 200),
    "19,000 numbers of 50 digits": HostileDelivery(
        lambda: event(b',"more":[' + (b"0." + b"7" * 50 + b",") * 18_900 + b"0]"), 200
    ),
    "400,000 lists inside of each other": HostileDelivery(lambda: b"[" * 400_000 + b"]" * 400_000, 503),
    "an amount of a million digits": HostileDelivery(lambda: event(amount=b"9" * (SIZE - 200)), 503),
    "an amount of 1e999999999": HostileDelivery(lambda: event(amount=b"1e999999999"), 503),
}
"""Each kind of delivery that costs more than it weighs. What is signed and cannot be read is answered with
503, so that it is sent again."""


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


def _post(url: str, body: bytes, headers: Mapping[str, str], *, chunks: bool) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    content: bytes | Iterable[bytes] = _pieces(body) if chunks else body
    try:
        try:
            connection.request("POST", "/", content, dict(headers), encode_chunked=chunks)
        except (BrokenPipeError, ConnectionResetError):
            # A server may answer and close before it has read everything.
            return 413
        return connection.getresponse().status
    finally:
        connection.close()


def _once(url: str, delivery: HostileDelivery, body: bytes) -> Cost:
    headers = {**delivery.headers(body), "Content-Type": "application/json"}
    if delivery.chunks:
        headers["Transfer-Encoding"] = "chunked"
    before = begin()
    Turns.longest = 0.0
    status = _post(url, body, headers, chunks=delivery.chunks)
    return Cost(str(status), peak() - before, Turns.longest, "")


def _child(longest: float) -> None:
    logging.disable()
    Turns.watch()
    receiver = WebhookReceiver(SECRET, seen=MemorySeenStore(), tolerance=None)
    receiver.on_other(lambda event: None)
    with sandbox_server.run_in_thread(receiver.asgi, "127.0.0.1", 0) as running:
        url = running.url
        _post(url, event(), signed(event()), chunks=False)
        gc.freeze()
        for name, delivery in DELIVERIES.items():
            body = delivery.make()
            costs: list[Cost] = []
            for _ in range(TRIES):
                costs.append(_once(url, delivery, body))
                if costs[-1].turn <= longest and costs[-1].memory <= MOST:
                    break
            print(json.dumps([name, attrs.asdict(min(costs, key=lambda cost: cost.turn))]), flush=True)


def measure(*, longest: float = LONGEST) -> dict[str, Cost]:
    """Return the cost of each delivery, measured in a process of its own; again where a turn takes over `longest`."""
    command = [sys.executable, "-m", "tests.hostile.receiving", str(longest)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measured process ended: {done.stderr[-2_000:]}")
    return {name: Cost(**fields) for name, fields in map(json.loads, done.stdout.splitlines())}


def main() -> int:
    """Print a table of all deliveries."""
    if len(sys.argv) > 1:
        _child(float(sys.argv[1]))
        return 0
    wrong = 0
    for name, cost in measure().items():
        is_right = cost.end == str(DELIVERIES[name].status) and cost.memory <= MOST and cost.turn <= LONGEST
        wrong += not is_right
        print(
            f"{name:42} {cost.end:4} {cost.memory / (1 << 20):6.1f} MiB {cost.turn * 1000:6.1f} ms"
            f"{'' if is_right else '   WRONG'}",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
