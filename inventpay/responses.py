"""An answer of the API as it arrived, free of any HTTP library."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from .errors import DecodeError
from .headers import Headers


@frozen
class APIResponse:
    """The result of ``client.request``: status, headers and body, and the parsed JSON on demand.

    >>> APIResponse(200, Headers(), b'{"price": 0.10}').json()
    {'price': Decimal('0.10')}
    """

    status: int
    """HTTP status."""
    headers: Headers
    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")

    def json(self) -> Any:
        """Return the parsed body, fractions as ``Decimal``. Raises DecodeError when it is no JSON."""
        from ._json.converter import read_json

        try:
            return read_json(self.body)
        except DecodeError as error:
            error.status, error.headers = self.status, self.headers
            raise
