"""Deliveries gone wrong: random and mutated, seeded, and quick to make."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from tests.support.documented import body as documented

from .deliveries import OTHER_SECRET, flat, hexdigest, nested, signed

Delivery = tuple[bytes, object]
"""A body, and headers in some form."""

GENUINE: Final = [
    documented("webhook.payment_created.flat"),
    documented("webhook.payment_created.nested"),
    documented("webhook.payment_underpaid.flat"),
    flat(amount=29.90, description="日本 🪙", timestamp="2024-01-01T12:00:00.000Z", test=False),
    nested("withdrawal.completed", withdrawalId="cmh2", amount="10", metadata={"netAmount": 9.949}),
    flat("order.paid", deep=[[[{"a": None}]]]),
]

_TOKENS: Final = [
    *(b'{ } [ ] : , " null true false NaN -0 1e999999999 1e-400 0.1 "\\ud800" "\\u0000" \\ // /**/'.split()),
    b'"event":"payment.completed"',
    b'"timestamp":"9999-12-31T23:59:59.999999Z"',
    b'"data":{"data":{}}',
    b"9" * 400,
    b"[" * 200,
    b'{"a":' * 100,
    "🪙".encode(),
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"\x00",
    b"\xef\xbb\xbf",
]

_SIGNATURES: Final = [
    "",
    "0" * 64,
    "f" * 63,
    "F" * 64,
    "sha256=" + "0" * 64,
    "é" * 64,
    "\x00",
    "t=1,v1=2",
    "0x" + "0" * 62,
]


def mutated(chance: random.Random) -> bytes:
    """A body that has something of a genuine one, or nothing."""
    kind = chance.random()
    if kind < 0.1:
        return chance.randbytes(chance.randrange(200))
    if kind < 0.2:
        return b"".join(chance.choices(_TOKENS, k=chance.randrange(1, 12)))
    body = bytearray(chance.choice(GENUINE))
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        at = chance.randrange(len(body) + 1)
        change = chance.randrange(5)
        if change == 0 and at < len(body):
            body[at] ^= 1 << chance.randrange(8)
        elif change == 1:
            body[at:at] = chance.choice(_TOKENS)
        elif change == 2:
            del body[at : at + chance.randrange(1, 20)]
        elif change == 3:
            body[at:at] = body[: chance.randrange(1, 50)]
        elif at < len(body):
            body[at] = chance.randrange(256)
    return bytes(body)


def forged(chance: random.Random) -> Delivery:
    """A delivery that was not signed with the secret: a random or mutated body, and headers of any kind and content."""
    body = mutated(chance) if chance.random() < 0.8 else chance.choice(GENUINE)
    kind = chance.randrange(6)
    if kind == 0:
        signature = chance.choice(_SIGNATURES)
    elif kind == 1:
        signature = hexdigest(body, OTHER_SECRET)
    elif kind == 2:
        # Genuine, of another body.
        signature = hexdigest(body + b" ")
    elif kind == 3:
        at = chance.randrange(64)
        digits = hexdigest(body)
        signature = digits[:at] + chance.choice("0123456789abcdefABCDEFg ").replace(digits[at], "x") + digits[at + 1 :]
    elif kind == 4:
        signature = chance.randbytes(chance.randrange(80)).decode("latin-1")
    else:
        signature = hexdigest(body)[: chance.randrange(64)]
    headers = {"Host": "shop.example", "X-Webhook-ID": str(chance.random()), "X-Webhook-Signature": signature}
    form = chance.randrange(5)
    if form == 0:
        return body, {name.lower(): value for name, value in headers.items()}
    if form == 1:
        return body, [(name.upper().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    if form == 2:
        return body, {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    if form == 3:
        del headers["X-Webhook-Signature"]
    return body, headers


def large() -> Iterator[bytes]:
    """A megabyte of what is slow to read elsewhere."""
    size = 1_048_576
    yield b"[" * size
    yield b'{"a":' * (size // 5)
    yield b"[" * (size // 2) + b"]" * (size // 2)
    yield b"[" + b"[]," * (size // 3 - 2) + b"[]]"
    yield b"[" + b"1e5," * (size // 4 - 2) + b"1]"
    yield b'{"event":"payment.completed","paymentId":"' + b"x" * (size - 100) + b'"}'
    yield b'{"event":"payment.completed","paymentId":"a","amount":' + b"9" * (size - 100) + b"}"
    yield b'{"event":"payment.completed","paymentId":"a","amount":"' + b"9" * (size - 100) + b'"}'
    yield b'{"event":"payment.completed","paymentId":"a","timestamp":"' + b"9" * (size - 100) + b'"}'
    yield b'{"event":"' + b"\\u0061" * (size // 6 - 10) + b'"}'
    yield b"{" + b",".join(b'"%06d":1' % number for number in range(size // 11)) + b"}"
    yield b" " * size
    yield bytes(size)


__all__ = ["GENUINE", "Delivery", "forged", "large", "mutated", "signed"]
