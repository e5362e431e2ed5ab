"""QR codes in a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

_QUIET: Final = 2
"""Modules of the light border. The standard asks for 4; scanners read 2, and the code fits into more terminals."""

_HALVES: Final = {(False, False): "\u2588", (False, True): "\u2580", (True, False): "\u2584", (True, True): " "}
"""Characters by whether the upper and the lower module are dark, for light text on a dark ground."""


def qr_lines(text: str | None) -> str:
    """Return a QR code of half blocks; empty outside of a terminal, and where it does not fit.

    The colours are set, black on white, unless ``NO_COLOR`` is: then it needs a terminal with a dark ground.
    """
    if not text or not sys.stdout.isatty():
        return ""
    import segno

    rows = [[bool(module) for module in row] for row in segno.make(text, error="l").matrix_iter(border=_QUIET)]
    if len(rows[0]) > shutil.get_terminal_size().columns:
        return ""
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = ["".join(_HALVES[pair] for pair in zip(*rows[at : at + 2], strict=True)) for at in range(0, len(rows), 2)]
    try:
        "".join(lines).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return ""
    if not os.environ.get("NO_COLOR"):
        lines = [f"\x1b[38;5;231;48;5;16m{line}\x1b[0m" for line in lines]
    return "\n".join(lines)
