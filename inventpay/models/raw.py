"""The ``raw`` attribute every model has: its untouched JSON object."""

from __future__ import annotations

from typing import Any

from attrs import field


def raw_field() -> Any:
    """A field for the JSON object a model was made from: not in ``repr``, not in ``==``, not in the hash.

    It holds what the API sent, unknown members included, with fractions as ``Decimal``.
    """
    return field(factory=dict[str, Any], eq=False, repr=False)
