"""Keys that cannot be overlooked, and the places where they must not turn up."""

from __future__ import annotations

import logging
import pickle
import traceback
import types
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from inventpay._credentials import Secret

API_KEY = "pk_live_CANARY_7f3a9c51d2e84b60"
WITHDRAWAL_KEY = "wk_live_CANARY_b81e55c0f7a2493d"
WEBHOOK_SECRETS = ("whsec_CANARY_5d0e8b7c21f94a36", "whsec_CANARY_9a41e7d3b06c82f5")


def assert_silent(said: Iterable[str]) -> None:
    """Fails when one of the texts holds a key, or a telling part of one. There must be something to look at."""
    texts = list(said)
    assert texts
    for text in texts:
        for key in (API_KEY, WITHDRAWAL_KEY, *WEBHOOK_SECRETS):
            assert key[:12] not in text, f"a key in: {text}"
            assert key[-12:] not in text, f"a key in: {text}"


def of_error(error: BaseException) -> Iterator[str]:
    """All that error trackers, loggers and task queues show of an exception, its causes and its context included."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        pending += [current.__cause__, current.__context__]
        report = traceback.TracebackException(type(current), current, current.__traceback__, capture_locals=True)
        yield "".join(report.format(chain=True))
        yield repr(current)
        yield str(current)
        yield repr(current.args)
        yield repr(vars(current))
    yield pickle.dumps(error).decode("latin-1")
    yield repr(vars(pickle.loads(pickle.dumps(error))))


def of_log(records: Iterable[logging.LogRecord]) -> Iterator[str]:
    """All that log handlers show of these records."""
    for record in records:
        yield record.getMessage()
        yield repr(vars(record))
        if record.exc_info and record.exc_info[1]:
            yield from of_error(record.exc_info[1])


def of_warnings(caught: Iterable[warnings.WarningMessage]) -> Iterator[str]:
    """The text of warnings, and of what they are about."""
    for warning in caught:
        yield str(warning)
        yield repr(warning.source)


def of_object(thing: object) -> Iterator[str]:
    """The repr of an object, and of everything this package's objects hold on to."""
    seen: set[int] = set()
    pending: list[object] = [thing]
    while pending:
        current = pending.pop()
        if id(current) in seen or isinstance(current, (type, types.ModuleType, types.FunctionType)):
            continue
        seen.add(id(current))
        yield repr(current)
        if isinstance(current, Secret):
            continue
        if isinstance(current, dict):
            pending += [*current.keys(), *current.values()]
        elif isinstance(current, (list, tuple, set, frozenset)):
            pending += list(current)
        elif type(current).__module__.startswith("inventpay"):
            pending += _members(current)


def _members(thing: object) -> list[Any]:
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()) if name != "__weakref__"]
    mangled = (name for name in names if hasattr(thing, name))
    return [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name) for name in mangled)]
