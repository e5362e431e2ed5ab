"""``inventpay request``: any path of the API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import typer

from . import options
from .app import new_app
from .confirming import confirm
from .inputs import encoded, read_json_input
from .output import show
from .session import session

app = new_app(add_completion=False)


def command(name: str) -> Any:
    """Return the command."""
    return typer.main.get_command(app)


@app.command()
def request(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Such as /v1/merchant/webhook-stats?days=7.")],
    data: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE|-", help="JSON body: text, a file, or - for stdin.")
    ] = None,
    idempotency_key: options.IdempotencyKey = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Call any path of the API, and print its answer. What may move money asks for confirmation."""
    bare_path, _, query = path.partition("?")
    body = None if data is None else read_json_input(_read_data(data), "--data")
    method = method.upper()
    is_known_method, moves_money = _judge(method, bare_path)
    with session(base_url, timeout, as_json=as_json, withdraws=moves_money) as current:
        if is_known_method and moves_money:
            details = [("request", f"{method} {path}"), ("body", data if data and not data.startswith("@") else None)]
            if data and (data.startswith("@") or data == "-"):
                details[1] = ("body", _text(body))
            confirm(current, "Request that may move money", details, yes=yes)
        answer = current.client.request(
            method,
            bare_path,
            params=_params(query),
            json=body,
            idempotency_key=current.key(idempotency_key) if method == "POST" or idempotency_key else None,
        )
    show(_formatted(answer.body, as_json=as_json), as_json=as_json)


def _judge(method: str, path: str) -> tuple[bool, bool]:
    from .._api.repeats import METHODS, endpoint_for

    # The client explains an unknown method.
    return (True, endpoint_for(method, path).safety == "once") if method in METHODS else (False, False)


def _read_data(data: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return encoded(data, "--data")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"--data {data}: {error.strerror or error}") from None


def _text(document: Any) -> str:
    from .._json.converter import write_json

    return write_json(document).decode()


def _params(query: str) -> dict[str, str | int | bool | None] | None:
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise typer.BadParameter(f"the query {query!r} has a name twice, which this command cannot send")
    return {**dict(pairs)} or None


def _formatted(body: bytes, *, as_json: bool) -> str:
    """Return a body with its numbers as they came: on one line for programs, indented for people."""
    import msgspec

    from ..errors import DecodeError

    if not body.strip():
        return "null" if as_json else ""
    try:
        return msgspec.json.format(body, indent=-1 if as_json else 2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if as_json:
            raise DecodeError(f"the answer is no JSON: {error}", json_path="$", body=body) from None
        return body.decode("utf-8", "replace")
