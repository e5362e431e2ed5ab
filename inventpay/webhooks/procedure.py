"""How a procedure that waits is written once: as a generator of steps, with one driver for threads and one for tasks.

A step is a call of the store, or of a handler. What it returns or raises is sent or thrown into the generator.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class AskStore:
    """A call of the store. Never cut off in the middle: nobody would know of a claim that was made."""

    call: Callable[[], Any]
    blocking: bool


@frozen
class RunHandler:
    """A call of a handler, async or plain."""

    handler: Callable[[Any], Any]
    event: Any


Procedure: TypeAlias = Generator[AskStore | RunHandler, Any, T]


def run(steps: Procedure[T]) -> T:
    """Takes all steps in this thread. Async handlers get an event loop of their own."""
    try:
        step = next(steps)
        while True:
            try:
                result = _take(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        outcome: T = end.value
        return outcome


async def run_async(steps: Procedure[T]) -> T:
    """Takes all steps in this task. Plain handlers, and stores that block, run in a worker thread."""
    try:
        step = next(steps)
        while True:
            try:
                result = await _take_async(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        outcome: T = end.value
        return outcome


def _take(step: AskStore | RunHandler) -> Any:
    if isinstance(step, AskStore):
        return step.call()
    result = step.handler(step.event)
    if inspect.isawaitable(result):
        _wait_for(result)
    return None


async def _take_async(step: AskStore | RunHandler) -> Any:
    import anyio
    import anyio.to_thread

    if isinstance(step, RunHandler):
        if _is_async(step.handler):
            await step.handler(step.event)
        else:
            # Boxed, since trio takes no coroutine out of a thread.
            (result,) = await anyio.to_thread.run_sync(lambda: [step.handler(step.event)])
            if inspect.isawaitable(result):
                await result
        return None
    if not step.blocking:
        return step.call()
    with anyio.CancelScope(shield=True):
        return await anyio.to_thread.run_sync(step.call)


def _is_async(handler: Callable[[Any], Any]) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def _wait_for(result: Awaitable[Any]) -> None:
    """Runs what an async handler returned to its end, in a loop of its own."""
    import asyncio

    async def wait() -> None:
        await result

    if not _in_a_loop():
        asyncio.run(wait())
        return
    # A loop cannot run inside another: somebody calls a blocking application from a task, a test most likely.
    failed: list[BaseException] = []

    def in_thread() -> None:
        try:
            asyncio.run(wait())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=[in_thread])
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _in_a_loop() -> bool:
    import anyio

    try:
        anyio.get_current_task()
    except anyio.NoEventLoopError:
        return False
    return True
