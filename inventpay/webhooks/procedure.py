"""Procedures with steps that wait: written once as generators, with one driver for threads and one for tasks.

A step is a call of the store, or of a handler. Its result or exception is sent or thrown into the generator.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from attrs import frozen

from .._core.callables import is_async

if TYPE_CHECKING:
    import anyio
    import anyio.lowlevel

T = TypeVar("T")

HANDLER_THREADS: Final = 40
"""Plain handlers of one receiver that run at the same time under an event loop. Further ones wait."""


@frozen
class AskStore:
    """A call of the store. It is never interrupted: a claim that was made must not get lost."""

    call: Callable[[], Any]
    blocking: bool


@frozen
class RunHandler:
    """A call of a handler, async or plain."""

    handler: Callable[[Any], Any]
    event: Any


Procedure: TypeAlias = Generator[AskStore | RunHandler, Any, T]


class WorkerThreads:
    """The threads of one receiver under event loops.

    Threads of the application's own pool are not used, so that handlers that hang exhaust neither that pool nor the
    threads in which the store is asked.
    """

    def __init__(self) -> None:
        self._limiters: anyio.lowlevel.RunVar[dict[str, anyio.CapacityLimiter]] | None = None

    async def run(self, call: Callable[[], T], purpose: str) -> T:
        """Run a function in a thread, within the limit of its purpose."""
        import anyio
        import anyio.lowlevel
        import anyio.to_thread

        if self._limiters is None:
            self._limiters = anyio.lowlevel.RunVar("inventpay_webhook_threads")
        limiters = self._limiters.get(dict[str, anyio.CapacityLimiter]())
        self._limiters.set(limiters)
        limiter = limiters.setdefault(purpose, anyio.CapacityLimiter(HANDLER_THREADS))
        # Boxed, since trio takes no coroutine out of a thread.
        (result,) = await anyio.to_thread.run_sync(lambda: [call()], limiter=limiter)
        return result


def run(procedure: Procedure[T]) -> T:
    """Take all steps in this thread. Async handlers get an event loop of their own."""
    try:
        step = next(procedure)
        while True:
            try:
                result = _take(step)
            except BaseException as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(result)
    except StopIteration as end:
        outcome: T = end.value
        return outcome


async def run_async(procedure: Procedure[T], threads: WorkerThreads) -> T:
    """Take all steps in this task. Plain handlers, and stores that block, run in worker threads."""
    try:
        step = next(procedure)
        while True:
            try:
                result = await _take_async(step, threads)
            except BaseException as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(result)
    except StopIteration as end:
        outcome: T = end.value
        return outcome


async def run_in_thread(procedure: Procedure[T], threads: WorkerThreads) -> T:
    """Take all steps in one worker thread, to its end: for stores whose transaction belongs to a thread."""
    import anyio

    result: list[T] = []
    with anyio.CancelScope(shield=True):
        result.append(await threads.run(lambda: run(procedure), "handlers"))
    return result[0]


def _take(step: AskStore | RunHandler) -> Any:
    if isinstance(step, AskStore):
        return step.call()
    try:
        result = step.handler(step.event)
        if inspect.isawaitable(result):
            _wait_for(result)
        else:
            _check_that_it_ran(result)
    except BaseException as error:
        if _is_cancellation(error):
            # Only a task can be cancelled from outside. Servers take exceptions like this one for the end of a worker.
            raise RuntimeError("the handler was cancelled by something that it awaited") from error
        raise
    return None


async def _take_async(step: AskStore | RunHandler, threads: WorkerThreads) -> Any:
    import anyio

    if isinstance(step, RunHandler):
        if is_async(step.handler):
            result = step.handler(step.event)
        else:
            result = await threads.run(lambda: step.handler(step.event), "handlers")
        await _run_to_end(result)
        return None
    if not step.blocking:
        return step.call()
    with anyio.CancelScope(shield=True):
        return await threads.run(step.call, "store")


async def _run_to_end(result: object) -> None:
    """Await the result of a handler, and what that returns: a handler may return a coroutine that it did not await."""
    while inspect.isawaitable(result):
        result = await result
    _check_that_it_ran(result)


def _check_that_it_ran(result: object) -> None:
    # The event would count as handled.
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise TypeError(
            f"the handler returned a {type(result).__name__}, so nothing of its body ran; take the yield out of it"
        )


def _is_cancellation(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def _wait_for(result: Awaitable[Any]) -> None:
    """Run the awaitable of an async handler to its end, in an event loop of its own."""
    import asyncio

    if not _in_a_loop():
        asyncio.run(_run_to_end(result))
        return
    # A loop cannot run inside another: a blocking application is called from a task, by a test most likely.
    failed: list[BaseException] = []

    def in_thread() -> None:
        try:
            asyncio.run(_run_to_end(result))
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
