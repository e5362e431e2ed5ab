"""Keccak-256, the hash of Ethereum's address checksums.

``hashlib`` has SHA-3 only, which pads differently. A dependency with compiled code for one hash per withdrawal would
cost more than these lines, which the tests compare with ``hashlib.sha3_256`` through the padding byte.
"""

from __future__ import annotations

from typing import Final

_RATE: Final = 136  # bytes absorbed per permutation: 200 bytes of state less twice the 32 of the digest
_KECCAK_PADDING: Final = 0x01
_MASK: Final = (1 << 64) - 1


def keccak_256(data: bytes, *, padding: int = _KECCAK_PADDING) -> bytes:
    """Return the Keccak-256 digest of ``data``; with ``padding=6`` it is SHA3-256 (FIPS 202).

    >>> keccak_256(b"").hex()[:16]
    'c5d2460186f7233c'
    """
    block = bytearray(data) + bytearray(_RATE - len(data) % _RATE)
    block[len(data)] ^= padding
    block[-1] ^= 0x80
    lanes = [0] * 25  # lane (x, y) at index x + 5 * y
    for start in range(0, len(block), _RATE):
        for index in range(_RATE // 8):
            offset = start + 8 * index
            lanes[index] ^= int.from_bytes(block[offset : offset + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permute(a: list[int]) -> None:
    """Apply the 24 rounds of Keccak-f[1600] in place."""
    register = 1
    for _ in range(24):
        # Theta.
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        for x in range(5):
            d = c[(x + 4) % 5] ^ _rotated(c[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                a[x + y] ^= d
        # Rho and pi.
        x, y, current = 1, 0, a[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x + 5 * y] = a[x + 5 * y], _rotated(current, (step + 1) * (step + 2) // 2 % 64)
        # Chi.
        for y in range(0, 25, 5):
            row = a[y : y + 5]
            for x in range(5):
                a[x + y] = row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5])
        # Iota: the round constants come from a shift register.
        for bit in range(7):
            if register & 1:
                a[0] ^= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)


def _rotated(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK
