"""Names that ``examples/monitoring`` uses, and those that a process shows to Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "monitoring"

_NAME = re.compile(r"\b(?:inventpay|http_client)_[a-z_]+")
_PARTS = re.compile(r"_(?:bucket|count|sum)$")


def queried(text: str) -> set[str]:
    """Return the names of all metrics in a text with queries, without the endings of histograms."""
    return {_PARTS.sub("", name) for name in _NAME.findall(text)}


def shown(text: str) -> set[str]:
    """Return the names of all metrics in the text format of Prometheus."""
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
