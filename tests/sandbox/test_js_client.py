"""The requests of the vendor's JavaScript client, as its source sends them, in the order of a merchant's day.

It sends `Content-Type: application/json` with every request, the key with all but the public status call, both keys
with a withdrawal, and compact `JSON.stringify` bodies; what it reads of each answer is named beside the request.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Api

REQUESTS = json.loads((Path(__file__).parent / "js_client_requests.json").read_text())


def member(body: Any, path: str) -> Any:
    """`data.keys.0.keyValue` of a body; a missing one is a KeyError or an IndexError."""
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def test_every_call_of_the_client_is_answered_with_what_it_reads(api: Api) -> None:
    """All 25 calls succeed unchanged, and no member that the client reads is missing."""
    api.sandbox.deposit("USDT_BEP20", 100)
    keys = {
        "none": {},
        "main": {"X-API-Key": api.sandbox.api_key},
        "both": {"X-API-Key": api.sandbox.api_key, "X-Withdrawal-Key": api.sandbox.withdrawal_key},
    }
    kept: dict[str, str] = {}
    for request in REQUESTS:
        path = request["path"].format_map(kept)
        headers = {"Content-Type": "application/json", "User-Agent": "inventpay-js/1.2.0", **keys[request["keys"]]}
        answer = api.http.request(request["method"], path, headers=headers, content=request.get("body"))
        assert answer.status_code == 200, f"{request['call']}: {answer.text}"
        body = answer.json()
        if request["keys"] != "none":
            assert body["success"] is True
        for read in request["read"]:
            assert member(body, read) is not None, f"{request['call']} reads {read}"
        kept = {**kept, **{name: member(body, read) for name, read in request.get("keep", {}).items()}}
    assert len(REQUESTS) == 25
