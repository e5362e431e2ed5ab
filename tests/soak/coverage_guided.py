"""Coverage-guided fuzzing with atheris: no input makes a parser crash, or keeps it busy for more than 50 ms.

nox -s fuzz                               ten minutes for each of the four parsers
nox -s fuzz -- decoder --seconds 60       one of them: decoder, webhooks, headers or transport
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import atheris  # pyright: ignore[reportMissingImports]

with atheris.instrument_imports(include=["inventpay"]):
    import httpx

    from inventpay import InventPayError, models
    from inventpay._api.model_readers import read_document
    from inventpay._core import rate_limit_headers
    from inventpay._json.converter import read_json
    from inventpay._transport.http1.messages import ResponseReader
    from inventpay._transport.response_body import ResponseBody
    from inventpay.webhooks import parse_event, sign

LONGEST: Final = 0.05
"""Seconds that one input may take."""

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
SECRET: Final = "whsec_of_the_fuzzer"
READ: Final = [
    kind
    for name in models.__all__
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, models.Model) and kind is not models.Model
]
ANSWERS: Final = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"success":true}\r\n0\r\n\r\n',
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 3\r\nConnection: close\r\n\r\n{}",
)


def decoder(data: bytes) -> None:
    """Parse JSON, and read it as the model that the first byte chooses."""
    with contextlib.suppress(InventPayError):
        document = read_json(data[1:])
        read_document(READ[data[0] % len(READ) if data else 0], document).to_json()


def webhooks(data: bytes) -> None:
    """Parse a body that is signed right, and one that is not."""
    for signature in (sign(data, SECRET), data[:64].decode("latin-1")):
        with contextlib.suppress(InventPayError):
            parse_event(data, {"X-Webhook-Signature": signature}, SECRET, tolerance=None)


def headers(data: bytes) -> None:
    """Read headers on rate limits, each line one of them."""
    names = (
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit",
        "ratelimit-policy",
    )
    values = data.decode("latin-1").split("\n")
    rate_limit_headers.read(dict(zip(names, values, strict=False)), wall_now=1.7e9)


def transport(data: bytes) -> None:
    """Feed an answer in two pieces, and inflate its body."""
    reader = ResponseReader()
    body = ResponseBody("gzip" if data[:1] == b"\x1f" else "")
    reader.expect(head_only=False)
    cut = data[0] if data else 0
    with contextlib.suppress(InventPayError, httpx.HTTPError):
        for piece in (data[1 : 1 + cut], data[1 + cut :]):
            reader.feed(piece)
            body.add(reader.take())
        reader.end()
        body.whole()


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "decoder": decoder,
    "webhooks": webhooks,
    "headers": headers,
    "transport": transport,
}


def seeds(name: str) -> list[bytes]:
    """Return inputs to begin with."""
    if name == "transport":
        return [b"\x10" + answer for answer in ANSWERS]
    if name == "headers":
        return [b"3\n100\n42\n17\nlimit=100, remaining=50, reset=30\n100;w=60"]
    found = [path.read_bytes() for path in sorted(EXAMPLES.rglob("*.json"))]
    return [bytes([number % 256]) + body for number, body in enumerate(found)] if name == "decoder" else found


def main() -> None:
    """Fuzz one parser. The process ends with a traceback at the first input that breaks a rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    asked = parser.parse_args()
    run = TARGETS[asked.target]

    def one(data: bytes) -> None:
        for _ in range(3):
            # A busy machine makes any input slow once; a slow input is slow each time.
            began = time.thread_time()
            run(data)
            if time.thread_time() - began <= LONGEST:
                return
        raise AssertionError(f"an input of {len(data)} bytes takes more than {LONGEST} s")

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(asked.target)):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options: list[Any] = [sys.argv[0], folder, f"-max_total_time={asked.seconds}", "-max_len=65536", "-verbosity=1"]
        atheris.Setup([*options, "-print_final_stats=1"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
