"""Collect the body of a response, within bounds on what its bytes become.

Compression is not asked for. Where a server uses it all the same, one layer of gzip or deflate is inflated, step by
step: 270 bytes in three layers can become 2 GB.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

from ..errors import DecodeError

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes that a body may have at most, inflated; a page of a thousand products has an eighth of that."""

_STEP: Final = 64 * 1024
"""Bytes that are inflated at a time."""

_KEPT: Final = 64 * 1024
"""Bytes that are kept of a body that breaks a bound, under a status that is an error without it."""


class ResponseBody:
    """The body of one response, added piece by piece.

    Args:
        encoding: the value of ``Content-Encoding``, "" without one.

    Raises:
        DecodeError: the encoding is no single gzip or deflate; nothing was inflated.
    """

    def __init__(self, encoding: str) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._inflater: Any = None
        encoding = encoding.strip().lower()
        self._may_be_raw = encoding == "deflate"
        self._start = b""
        self._is_empty = True
        if encoding in ("gzip", "x-gzip"):
            self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        elif encoding == "deflate":
            self._inflater = zlib.decompressobj()
        elif encoding not in ("", "identity"):
            raise _unreadable(
                f"the answer is compressed as {encoding[:80]!r}, which was not asked for; only one layer of gzip or "
                "deflate is read"
            )

    def add(self, piece: bytes) -> None:
        """Add what arrived.

        Raises:
            DecodeError: the body is larger than ``MAX_BODY``, or its compression is damaged.
        """
        if self._inflater is None:
            self._keep(piece)
            return
        self._is_empty = self._is_empty and not piece
        try:
            self._inflate(piece)
        except zlib.error as error:
            raise _unreadable(f"the compressed answer is damaged: {error}") from None

    def whole(self) -> bytes:
        """Return the body. Raises DecodeError when its compression did not end."""
        # Answers without a body, such as those to HEAD, may name an encoding.
        if self._inflater is not None and not self._inflater.eof and not self._is_empty:
            raise _unreadable("the compressed answer ends too early")
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def beginning(self) -> bytes:
        """Return what is kept of a body that could not be read to its end."""
        return b"".join(self._pieces)[:_KEPT]

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_BODY:
            raise _unreadable(f"the answer is larger than {MAX_BODY} bytes")
        self._pieces.append(piece)

    def _inflate(self, piece: bytes) -> None:
        if self._may_be_raw:
            piece = self._start = self._start + piece
            if len(piece) < 2:
                return
            self._may_be_raw = False
            # Some servers send deflate without the header of zlib, whose two bytes have a checksum (RFC 1950).
            if piece[0] & 15 != 8 or (piece[0] << 8 | piece[1]) % 31:
                self._inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        inflated = self._inflater.decompress(piece, _STEP)
        while True:
            if inflated:
                self._keep(inflated)
            if self._inflater.eof or not (self._inflater.unconsumed_tail or len(inflated) == _STEP):
                break
            inflated = self._inflater.decompress(self._inflater.unconsumed_tail, _STEP)
        if self._inflater.unused_data:
            raise _unreadable("bytes follow the end of the compressed answer")


def _unreadable(what: str) -> DecodeError:
    return DecodeError(what, json_path="$", outcome="unknown")
