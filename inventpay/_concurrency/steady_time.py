"""The monotonic clock, also while a test has frozen time."""

from __future__ import annotations

import sys
import time
from typing import Final

# freezegun replaces `time.monotonic` wherever a module has it, but does not look into tuples. In time that stands still
# or jumps no token would come back and no deadline pass, while sleeping takes as long as ever.
_CLOCK: Final = (getattr(sys.modules.get("freezegun.api"), "real_monotonic", time.monotonic),)


def monotonic() -> float:
    """Return the seconds of ``time.monotonic``."""
    seconds: float = _CLOCK[0]()
    return seconds
