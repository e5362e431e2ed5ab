"""Events of a journal, for metrics: pass a function to ``payouts.add_hook``.

A hook is called in the task or thread that writes, after the row is on disk. An exception of one is logged, and no
payout is affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from attrs import frozen

from .._core.logger import logger
from .._core.signal_handlers import raised_by_handler
from .rows import PayoutStatus

__all__ = ["PayoutHook", "PayoutRowChanged"]


@frozen(kw_only=True)
class PayoutRowChanged:
    """A row was written to the journal."""

    before: PayoutStatus | None
    """State of the row before; ``None`` for a new row."""
    after: PayoutStatus
    """State of the row now, which may be the same."""
    currency: str
    """The coin, such as ``"USDT_BEP20"``."""


PayoutHook: TypeAlias = Callable[[PayoutRowChanged], object]
"""A function that is called for every row that is written; its result is ignored."""


def emit(hooks: Iterable[PayoutHook], event: PayoutRowChanged) -> None:
    """Call every hook, and log exceptions."""
    for hook in hooks:
        try:
            hook(event)
        except Exception as error:
            if raised_by_handler(error) is not None:
                raise  # a signal came while it ran, such as the time limit of a job
            logger.exception("inventpay: a hook of payouts failed; the payouts go on")
