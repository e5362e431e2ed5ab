"""Distinguish browsers, which accept text/html by name, from programs, which usually accept anything."""

from __future__ import annotations

from starlette.types import Scope


def html(scope: Scope) -> bool:
    """Return whether the request's ``Accept`` header names text/html."""
    raw: list[tuple[bytes, bytes]] = scope["headers"]
    ranges = b",".join(value for name, value in raw if name == b"accept").split(b",")
    return any(_is_html(entry) for entry in ranges)


def _is_html(entry: bytes) -> bool:
    media_type, *parameters = (part.strip().lower() for part in entry.split(b";"))
    # A weight of 0 excludes the type.
    return media_type == b"text/html" and not any(parameter in (b"q=0", b"q=0.0") for parameter in parameters)
