"""Report the stage of a request. The connection shares it with the transport in ``request.extensions``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..headers import Headers
from ..responses import APIResponse

EXTENSION: Final = "inventpay.progress"
"""Key in ``request.extensions`` under which transports of this package find the :class:`Progress` of a request."""

NOT_WRITTEN: Final = 0
PARTLY_WRITTEN: Final = 1
WRITTEN: Final = 2
HEAD_RECEIVED: Final = 3
COMPLETE: Final = 4


class Progress:
    """The stage of one attempt, as far as the transport reports it, and the time it has left."""

    __slots__ = ("answer", "left", "new_connection", "on_headers", "response", "stage", "watched")

    def __init__(
        self,
        on_headers: Callable[[int, Headers], None],
        left: Callable[[], float | None] = lambda: None,
        *,
        new_connection: bool = False,
    ) -> None:
        self.on_headers: Callable[[int, Headers], None] = on_headers
        self.left: Callable[[], float | None] = left
        """Returns the seconds until the attempt must end, 0 or less when it is over, ``None`` without a limit."""
        self.new_connection: bool = new_connection
        """Whether only a connection that carried no request yet may be used."""
        self.stage: int = NOT_WRITTEN
        """The last of these that was reached: NOT_WRITTEN, PARTLY_WRITTEN (a byte of the request may have left),
        WRITTEN (all bytes were given to the operating system), HEAD_RECEIVED (of the final response), COMPLETE."""
        self.watched: bool = False
        """Whether ``stage`` is reported at all; mocks and transports of other libraries report nothing."""
        self.response: Any = None
        """The response of a lent client while its hooks run."""
        self.answer: APIResponse | None = None
        """The answer after which a response hook raised. Its body is empty if it was not read."""

    @property
    def maybe_written(self) -> bool:
        """Whether any byte of the request may have left."""
        return self.stage > NOT_WRITTEN or not self.watched
