"""Decide what an exception of sending a request means."""

from __future__ import annotations

from typing import Any

from .._core.signal_handlers import raised_by_handler
from ..responses import APIResponse
from .http_errors import answer_in, answer_of, is_connection_failure, note_on_hook, translate, without_frames
from .progress import HEAD_RECEIVED, NOT_WRITTEN, PARTLY_WRITTEN, Progress


def judge_exception(
    error: Exception, request: Any, progress: Progress, *, handled: BaseException | None, base_url: str
) -> APIResponse | BaseException | None:
    """Return the answer that an exception carries, the error to raise in its place, or ``None`` to let it pass.

    ``progress`` is brought to the stage that the exception proves. ``handled`` is the exception that the caller was
    handling before.
    """
    # 1. A response hook of a lent client raised after an answer.
    answer = None if request is None else answer_in(error, request)
    if answer is not None or progress.response is not None:
        progress.watched = True
        progress.stage = max(progress.stage, HEAD_RECEIVED)
        known = answer or answer_of(progress.response)
        progress.response = None
        progress.on_headers(known.status, known.headers)
        if answer is not None:
            # Such as raise_for_status: the answer counts.
            return answer
        progress.answer = known
        error.add_note(note_on_hook(error, known.status))
        return None

    # 2. A signal handler raised, such as the time limit of a job, as a TimeoutError: it is no failure of the network,
    # whatever the libraries made of it.
    interrupt = raised_by_handler(error, handled)
    if interrupt is not None:
        return without_frames(interrupt, handled)

    # 3. A mock was asked for something its test did not foresee; or it is no exception of the network.
    if isinstance(error, AssertionError) or not is_connection_failure(error):
        return None

    # 4. The network failed.
    written = progress.stage > NOT_WRITTEN if progress.watched else None
    failure = translate(error, written=written, handled=handled, base_url=base_url)
    progress.watched = True
    is_unsent = failure.outcome == "not_sent"
    progress.stage = NOT_WRITTEN if is_unsent else max(progress.stage, PARTLY_WRITTEN)
    return failure
