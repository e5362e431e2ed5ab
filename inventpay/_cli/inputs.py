"""Check texts of the command line that are sent or connected to. What is wrong with one is wrong usage, exit code 2."""

from __future__ import annotations

from typing import Any

import typer


def encoded(text: str, option: str) -> bytes:
    """Return a text in UTF-8. Raises BadParameter for bytes that the shell passed and that are no text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"{option} holds bytes that are no text in the encoding of this terminal") from None


def read_json_input(body: bytes, option: str) -> Any:
    """Return parsed JSON. Raises BadParameter for bytes that are none."""
    from .._json.converter import read_json
    from ..errors import DecodeError

    try:
        return read_json(body, what=option)
    except DecodeError as error:
        raise typer.BadParameter(error.message) from None


def checked_url(url: str, option: str) -> str:
    """Return an address that can be connected to. Raises BadParameter for one that cannot, before anything is sent."""
    import httpx

    if not url.isprintable() or " " in url:
        raise typer.BadParameter(f"{option} {url!r}: it must not hold spaces or control characters")
    try:
        parsed = httpx.URL(url)
        host, port = parsed.host, parsed.port
        # The codec that sockets use: it refuses labels that are empty or too long.
        parsed.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, UnicodeError, TypeError) as error:
        raise typer.BadParameter(f"{option} {url}: {error}") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise typer.BadParameter(f"{option} {url}: it must start with http:// or https:// and name a host")
    if port is not None and not 0 < port < 65_536:
        raise typer.BadParameter(f"{option} {url}: the port must be a number from 1 to 65535")
    return url
