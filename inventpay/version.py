"""The version, in one place: packaging reads it from here, and every request names it."""

from __future__ import annotations

from typing import Final

VERSION: Final = "2.0.0"
