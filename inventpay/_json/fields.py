"""Mark the attributes of models that must be read exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import NOTHING, Attribute, field

_STRICT: Final = "inventpay.strict"


def strict(default: Any = None, *, factory: Any = None) -> Any:
    """Return a field for identity, money or state, or for a member whose absence means something.

    It may be absent. Where it is there, it must be readable: a wrong kind refuses the whole object.
    """
    metadata = {_STRICT: True}
    return field(default=default, metadata=metadata) if factory is None else field(factory=factory, metadata=metadata)


BESIDE: Final = frozenset({"raw", "unread"})
"""Attributes that belong to the exchange and not to the thing: neither read, nor compared, nor shown, nor written."""


def is_member(attribute: Attribute[Any]) -> bool:
    """Return whether an attribute stands for a member of the JSON object."""
    return attribute.name not in BESIDE and not attribute.name.startswith("_")


def is_strict(attribute: Attribute[Any]) -> bool:
    """Return whether an odd value refuses the whole object: attributes without a default, and those marked."""
    metadata: Mapping[str, Any] = attribute.metadata
    return attribute.default is NOTHING or _STRICT in metadata
