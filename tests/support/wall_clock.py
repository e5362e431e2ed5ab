"""The date, for headers that name one."""

from __future__ import annotations

from datetime import UTC, datetime


def wall_now() -> datetime:
    """Now, to the second, as HTTP dates are."""
    return datetime.now(UTC).replace(microsecond=0)
