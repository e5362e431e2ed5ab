"""Over aiohttp, whose URLs are parsed by another library, an id stays one segment of a path too."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from inventpay import AsyncInventPay, NotFoundError
from tests.support.clients import new_key
from tests.support.raw_server import RawServer
from tests.support.unusual_ids import UNUSUAL_IDS, says_404

SEGMENT = r"((?:[\w\-.~!$&'()*+,;=:@]|%[0-9A-F]{2})+)"
"""The characters that RFC 3986 allows in one segment: aiohttp leaves a few of these characters as they are."""


@pytest.mark.parametrize("odd", UNUSUAL_IDS)
async def test_an_unusual_id_reaches_nothing_else_over_aiohttp(odd: str) -> None:
    """The request line holds the id as one segment, in whatever way it is encoded: no other path and no query."""
    with RawServer(says_404) as server:
        async with AsyncInventPay(new_key(), base_url=server.url, transport="aiohttp") as client:
            with pytest.raises(NotFoundError):
                await client.payments.status(odd)
            with pytest.raises(NotFoundError):
                await client.withdrawals.get(odd)
        status, withdrawal = server.lines
    for line, pattern in (
        (status, rf"GET /v1/invoice/{SEGMENT}/status HTTP/1\.1"),
        (withdrawal, rf"GET /v1/withdrawal/{SEGMENT} HTTP/1\.1"),
    ):
        found = re.fullmatch(pattern, line, re.ASCII)
        assert found, line
        assert unquote(found[1]) == odd
