"""Walk over an exception and all that led to it."""

from __future__ import annotations

from collections.abc import Generator


def causes_of(error: BaseException, handled: BaseException | None = None) -> Generator[BaseException, None, None]:
    """Yield the exception, its causes and its contexts, each once.

    ``handled`` is an exception that the caller was handling before, which Python links to every later one: it is left
    out, with what led to it. The links of an exception are read after it was yielded, so the caller may cut them.
    """
    seen = {id(handled)}
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [current.__cause__, current.__context__]
