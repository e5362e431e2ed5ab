"""Planned faults: errors, broken answers, broken connections, delays; by count, or at random from a seed."""

from __future__ import annotations

import difflib
import random
import threading
from collections.abc import Mapping
from enum import StrEnum
from itertools import count

import attrs
from starlette.types import Scope, Send

from ..._api.endpoints import ENDPOINTS
from .. import assumptions
from ..errors import SandboxError
from .answers import HTML, TEXT, Answer, refusal
from .connection import connection, pause

# Number of pieces in which a dripping body is sent.
_DRIPS = 20

_MAINTENANCE_PAGE = (
    b"<!doctype html><html><title>Maintenance</title><body><h1>We will be right back</h1></body></html>\n"
)


class FaultKind(StrEnum):
    """The kinds of faults."""

    ERROR = "error"
    HTML = "html"
    TRUNCATED = "truncated"
    RESET = "reset"
    SLOW_START = "slow_start"
    SLOW_DRIP = "slow_drip"
    WRONG_CONTENT_TYPE = "wrong_content_type"


# Slow and damaged answers are sent after the request had its effect.
ALWAYS_AFTER_EFFECT = frozenset(
    {FaultKind.TRUNCATED, FaultKind.SLOW_START, FaultKind.SLOW_DRIP, FaultKind.WRONG_CONTENT_TYPE}
)


@attrs.frozen(kw_only=True)
class Fault:
    """A fault; create one with the class methods.

    With ``after_effect`` the request has its effect first, and then its answer fails: a client must not conclude that
    nothing happened.
    """

    kind: FaultKind
    status: int = 200
    retry_after: float | None = None
    seconds: float = 0.0
    after_effect: bool = False

    @classmethod
    def error(cls, status: int, *, retry_after: float | None = None, after_effect: bool = False) -> Fault:
        """Answer with this status in the API's error form: 429, 500, 503 or any other from 400 to 599.

        ``retry_after`` (seconds) adds the header ``Retry-After``. Raises ``ValueError`` for another status, or a
        negative time.
        """
        if not 400 <= status <= 599:
            raise ValueError(f"The status of an error is 400 to 599, not {status}.")
        if retry_after is not None:
            _checked_seconds(retry_after)
        return cls(kind=FaultKind.ERROR, status=status, retry_after=retry_after, after_effect=after_effect)

    @classmethod
    def html(cls, *, after_effect: bool = False) -> Fault:
        """Answer with a maintenance page and status 200, as a proxy in front of the API would."""
        return cls(kind=FaultKind.HTML, after_effect=after_effect)

    @classmethod
    def truncated(cls) -> Fault:
        """Send half of the answer's body, then close the connection."""
        return cls(kind=FaultKind.TRUNCATED, after_effect=True)

    @classmethod
    def reset(cls, *, after_effect: bool = False) -> Fault:
        """Reset the connection without an answer; with ``after_effect``, after the request had its effect."""
        return cls(kind=FaultKind.RESET, after_effect=after_effect)

    @classmethod
    def slow_start(cls, seconds: float) -> Fault:
        """Send the first byte of the answer after ``seconds`` of real time."""
        return cls(kind=FaultKind.SLOW_START, seconds=_checked_seconds(seconds), after_effect=True)

    @classmethod
    def slow_drip(cls, seconds: float) -> Fault:
        """Send the head at once, and the body in small pieces over ``seconds`` of real time."""
        return cls(kind=FaultKind.SLOW_DRIP, seconds=_checked_seconds(seconds), after_effect=True)

    @classmethod
    def wrong_content_type(cls) -> Fault:
        """Send the correct answer as ``text/plain``."""
        return cls(kind=FaultKind.WRONG_CONTENT_TYPE, after_effect=True)


@attrs.define
class PlannedFault:
    """A planned fault and its number.

    ``on`` is an endpoint, or None for all under /v1; ``times`` None means without end; ``hits`` counts its occurrences.
    """

    number: int
    fault: Fault
    on: str | None
    times: int | None
    probability: float
    hits: int = 0


class Faults:
    """The planned faults. Safe to use from any thread.

    Example:
        sandbox.faults.add(Fault.error(503), on="POST /v1/create_payment", times=2)
        sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/merchant/withdrawal/create")
        sandbox.faults.add(Fault.error(429), probability=0.1)       # every tenth request, wherever it goes
    """

    def __init__(self, seed: int | None = None) -> None:
        """Create an empty plan; with a ``seed``, random faults are reproducible."""
        self.endpoints: tuple[str, ...] = tuple(ENDPOINTS)
        """Names of the endpoints for which faults can be planned, as ``METHOD /path/{pattern}``."""
        self._seed = seed
        self._lock = threading.Lock()
        self.clear()

    def add(
        self, fault: Fault, *, on: str | None = None, times: int | None = None, probability: float | None = None
    ) -> PlannedFault:
        """Plan ``fault`` for the next requests to ``on``, a ``METHOD /path/{pattern}``; by default any under /v1.

        Without ``times`` and ``probability`` it happens once; ``times`` sets the number of times; ``probability``
        (above 0, at most 1) makes it random, without end unless ``times`` is given too. If several match a request, the
        one planned first happens. Raises ``ValueError`` for an unknown endpoint, or a number out of range.
        """
        if on is not None and on not in self.endpoints:
            near = difflib.get_close_matches(on, self.endpoints, n=3) or self.endpoints
            raise ValueError(f"There is no endpoint {on!r}; did you mean {' or '.join(near)}?")
        if times is not None and times < 1:
            raise ValueError(f"A fault happens at least 1 time, not {times}.")
        if probability is not None and not 0 < probability <= 1:
            raise ValueError(f"A probability is above 0 and at most 1, not {probability}.")
        if times is None and probability is None:
            times = 1
        planned = PlannedFault(next(self._numbers), fault, on, times, 1.0 if probability is None else probability)
        with self._lock:
            self._planned[planned.number] = planned
        return planned

    def remove(self, number: int) -> bool:
        """Remove a fault by its number; return False if it was not planned."""
        with self._lock:
            return self._planned.pop(number, None) is not None

    def clear(self) -> None:
        """Remove all faults, and restart the random sequence of the seed."""
        with self._lock:
            self._planned: dict[int, PlannedFault] = {}
            self._random = random.Random(self._seed)
            self._numbers = count(1)

    @property
    def planned(self) -> list[PlannedFault]:
        """Return the faults that have not ended, in order."""
        with self._lock:
            return list(self._planned.values())

    def draw(self, endpoint: str) -> Fault | None:
        """Return the fault for a request that has just arrived at the endpoint, or None."""
        if not self._planned:
            return None
        with self._lock:
            for planned in self._planned.values():
                if planned.on in (None, endpoint) and self._random.random() < planned.probability:
                    planned.hits += 1
                    if planned.hits == planned.times:
                        del self._planned[planned.number]
                    return planned.fault
        return None


async def deliver(fault: Fault, answer: Answer | None, scope: Scope, send: Send) -> int:
    """Send ``answer`` (None if the request had no effect) with ``fault`` applied.

    Returns the status that was sent, 0 for none.
    """
    line = connection(scope)
    response = answer or refusal(SandboxError(500, assumptions.INTERNAL_ERROR))
    match fault.kind:
        case FaultKind.ERROR:
            response = refusal(SandboxError(fault.status, _ERRORS.get(fault.status, f"Error {fault.status}")))
            if fault.retry_after is not None:
                response = response.with_headers((assumptions.RETRY_AFTER_HEADER, b"%g" % fault.retry_after))
        case FaultKind.HTML:
            response = Answer(200, _MAINTENANCE_PAGE, HTML)
        case FaultKind.WRONG_CONTENT_TYPE:
            response = Answer(response.status, response.body, TEXT, response.headers)
        case FaultKind.RESET:
            if line is not None:
                line.reset()
            return 0
        case FaultKind.TRUNCATED:
            await _send_pieces(response, [response.body[: len(response.body) // 2]], 0, scope, send)
            if line is not None:
                line.close()
            return response.status
        case FaultKind.SLOW_START:
            await pause(scope, fault.seconds)
        case FaultKind.SLOW_DRIP:
            size = max(1, len(response.body) // _DRIPS)
            pieces = [response.body[start : start + size] for start in range(0, len(response.body), size)]
            await _send_pieces(response, pieces, fault.seconds / len(pieces), scope, send)
            await send({"type": "http.response.body", "body": b""})
            return response.status
    await response.send(send)
    return response.status


async def _send_pieces(answer: Answer, pieces: list[bytes], seconds: float, scope: Scope, send: Send) -> None:
    await send(answer.start())
    for piece in pieces:
        await pause(scope, seconds)
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def _checked_seconds(seconds: float) -> float:
    if not 0 <= seconds <= assumptions.MAX_FAULT_SECONDS:
        raise ValueError(f"Seconds are 0 to {assumptions.MAX_FAULT_SECONDS}, not {seconds}.")
    return seconds


_ERRORS: Mapping[int, str] = {
    429: assumptions.RATE_LIMITED_ERROR,
    500: assumptions.INTERNAL_ERROR,
    501: "Not implemented",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}
