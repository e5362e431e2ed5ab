"""The documented bodies: one file of ```tests/examples``` a variant."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

DIRECTORY: Final = Path(__file__).parents[1] / "examples"
NAMES: Final = tuple(sorted(path.stem for path in DIRECTORY.glob("*.json")))


def body(name: str) -> bytes:
    """The bytes of one documented body."""
    return (DIRECTORY / f"{name}.json").read_bytes()


def document(name: str) -> dict[str, Any]:
    """One documented body, parsed by other means than the package's: a test may take it apart."""
    parsed: dict[str, Any] = msgspec.json.decode(body(name), type=dict[str, Any], strict=True)
    return parsed


def encoded(value: object) -> bytes:
    """JSON bytes of a changed document; ``Raw`` members keep their text."""
    return msgspec.json.encode(value)


def number(text: str) -> msgspec.Raw:
    """A JSON number exactly as written."""
    return msgspec.Raw(text.encode())
