"""Members of request bodies: what an argument is called there, how it is checked, and what clears it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ..options import UNSET
from . import arguments


@frozen
class Member:
    """One member of a body."""

    name: str
    """Its JSON name."""
    read: Callable[[object, str], Any]
    """Checks an argument, by its value and name, and returns what is sent."""
    cleared: Any = UNSET
    """The value that is sent for ``None`` in a change; UNSET where the member cannot be cleared."""


def creation_body(table: Mapping[str, Member], values: Mapping[str, object]) -> dict[str, Any]:
    """Return the members of a creation: ``None`` leaves one out."""
    return {
        table[argument].name: table[argument].read(value, argument)
        for argument, value in values.items()
        if value is not None
    }


def patch_body(table: Mapping[str, Member], values: Mapping[str, object]) -> dict[str, Any]:
    """Return the members of a change: UNSET leaves one as it is, ``None`` clears it."""
    members: dict[str, Any] = {}
    for argument, value in values.items():
        member = table[argument]
        if value is UNSET:
            continue
        if value is None and member.cleared is UNSET:
            raise arguments.refused(argument, "cannot be cleared, so it must not be None; leave it out to keep it")
        members[member.name] = member.cleared if value is None else member.read(value, argument)
    if not members:
        first, *_, last = values
        raise arguments.refused("update()", f"needs something to change: {first}=, {last}=, or what is between them")
    return members
