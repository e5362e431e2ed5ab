"""Report each place of odd decoration once: a server that sends it, sends it with every answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from .._core.json_values import printable
from .._core.logger import logger

_MOST_PLACES: Final = 1_000
"""Places that are remembered; later ones are reported no more."""

_INDEX: Final = re.compile(r"\[[0-9]+\]")

_reported: set[tuple[str, str]] = set()


def warn_unread(source: str, paths: Iterable[str]) -> None:
    """Log a WARNING for paths of unread members that are new in this process; ``source`` names the kind of answer."""
    for path in paths:
        place = (source, _INDEX.sub("[*]", path))
        if place not in _reported and len(_reported) < _MOST_PLACES:
            _reported.add(place)
            logger.warning(
                "inventpay: %s of %s could not be read and is None; see .unread and .raw", printable(path), source
            )


def warn_rows(source: str, problems: Iterable[str]) -> None:
    """Log a WARNING that names the records of a list that could not be read."""
    named = list(problems)
    shown = "; ".join(map(printable, named[:_ROWS_SHOWN])) + ("; ..." if len(named) > _ROWS_SHOWN else "")
    logger.warning("inventpay: %d records of %s could not be read and were left out: %s", len(named), source, shown)


_ROWS_SHOWN: Final = 20
"""Records that one log record names."""
