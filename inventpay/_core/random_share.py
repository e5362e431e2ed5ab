"""Random numbers for moments that must differ between processes."""

from __future__ import annotations

import os


def random_share() -> float:
    """Return a random number from 0 up to 1.

    From the operating system: the generator of :mod:`random` repeats itself in processes that were forked without
    Python's hooks, and all of them would come at the same moment.
    """
    return int.from_bytes(os.urandom(6), "big") / 2**48
