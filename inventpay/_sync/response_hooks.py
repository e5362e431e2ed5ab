# Generated from inventpay/_async/response_hooks.py by tools/generate_sync.py. Do not edit.
"""Read the body of a refusal before a response hook of a lent client raises.

httpx runs the hooks before a body is read, and closes the response when one of them raises, as ``raise_for_status``
does. The status alone does not prove that a withdrawal was refused; the body does.
"""

from __future__ import annotations

import sys
from typing import Any

from .._transport.http_errors import RAW_BODY
from .._transport.progress import EXTENSION, Progress
from .._transport.response_body import ResponseBody
from ..errors import APITimeoutError, DecodeError


def read_before_hooks(client: Any) -> None:
    """Put ``keep_refusal`` before the response hooks of a client, if it has any."""
    hooks: dict[str, list[Any]] = getattr(client, "event_hooks", {})
    found = hooks.get("response")
    if found and found[0] is not keep_refusal:
        # A new list: another task or thread may be walking through the old one.
        hooks["response"] = [keep_refusal, *(hook for hook in found if hook is not keep_refusal)]


def keep_refusal(response: Any) -> None:
    """Read the body of an answer of this package's that is no success; the hooks that follow may read it again.

    Raises APITimeoutError, and the errors of the HTTP library, where the body does not arrive.
    """
    progress = response.request.extensions.get(EXTENSION)
    if progress is None:
        return
    if not 200 <= response.status_code < 300 and not response.is_stream_consumed:
        _keep(response, progress)
    progress.response = response


def _keep(response: Any, progress: Progress) -> None:
    stream = response.stream
    raw = ResponseBody("")
    try:
        for piece in stream:
            raw.add(piece)
            left = progress.left()
            if left is not None and left < 0:
                raise APITimeoutError("the answer did not end in time", outcome="unknown")
        body = raw.whole()
    except DecodeError:
        # Too long; its status counts without the rest.
        body = raw.beginning()
    stream.close()
    response.extensions[RAW_BODY] = body
    library = sys.modules[type(stream).__module__.partition(".")[0]]
    response.stream = library.ByteStream(body)
