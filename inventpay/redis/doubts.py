"""The doubts about idempotency keys that all processes share. See ``doubts.lua``.

Arithmetic only: the worker sends the steps. Steps that must arrive are kept in an outage, in their order.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections import deque
from importlib.resources import files
from typing import Any, ClassVar, Final

from attrs import frozen

from .._concurrency.forking import notice_fork
from .._concurrency.steady_time import monotonic
from .._limits.shared_doubts import DoubtReply, DoubtStep
from ..errors import InventPayError
from .participant import Owner, Script

KEPT: Final = 10_000
"""Most steps kept for after an outage; the oldest is dropped first."""

SCRIPT: Final = Script(files("inventpay.redis").joinpath("doubts.lua").read_text(encoding="utf-8"))


@frozen
class DoubtCommand:
    """A step on its way to Redis."""

    step: DoubtStep
    posted_at: float

    script: ClassVar[Script] = SCRIPT

    def encode(self, now: float) -> str:
        """Return the script's argument."""
        step = self.step
        message: dict[str, Any] = {
            "step": step.step,
            "ticket": step.ticket,
            "digest": step.digest.hex(),
            "age": step.age + max(0.0, now - self.posted_at),
            "lifetime": step.lifetime,
            "may_join": step.may_join,
        }
        return json.dumps(message)

    def decode(self, message: bytes) -> DoubtReply:
        """Return the reply in the script's result."""
        others, digest, age, is_counted = json.loads(message)
        return DoubtReply(others, bytes.fromhex(digest), age, is_counted)


class RedisDoubts:
    """The steps that this process has not sent yet: :class:`~inventpay._limits.shared_doubts.SharedDoubts`."""

    def __init__(self, prefix: str, process: str, patience: float, owner: Owner) -> None:
        self._prefix: Final = prefix
        self._owner: Final = owner
        self.patience: Final = patience
        self.after_fork_in_child(process)

    def after_fork_in_child(self, process: str) -> None:
        """Reset the state in a forked child: the steps of the parent are the parent's to send."""
        self._process = process
        self._numbers = itertools.count()
        self._steps: deque[DoubtCommand] = deque()
        self.is_asking: bool = False

    # --- callers ---

    def new_ticket(self) -> str:
        """Return a name for a call."""
        notice_fork()
        return f"{self._process}.{next(self._numbers)}"

    def post(self, step: DoubtStep) -> None:
        """Take a step without waiting for it."""
        # At the end of the interpreter no thread can be started: that is no reason to lose the result of a call.
        with self._owner.lock, contextlib.suppress(RuntimeError):
            if self._join(step):
                self._owner.notify(self)

    def submit(self, step: DoubtStep, *, may_block: bool) -> None:
        """Take a step whose waiter waits for it; a thread that ``may_block`` may send it itself."""
        with self._owner.lock:
            if not self._join(step):
                self._end(step)
                return
        try:
            self._owner.serve(self, may_block=may_block)
        except RuntimeError:
            with self._owner.lock:
                self._end(step)  # no thread can be started

    def leave(self, step: DoubtStep) -> None:
        """Stop waiting for a step."""
        with self._owner.lock:
            step.waiter = None
            if not step.must_arrive:
                step.is_over = True
                self._steps = deque(command for command in self._steps if command.step is not step)

    def _join(self, step: DoubtStep) -> bool:
        if step.step in ("take back", "settle") and not step.ticket.startswith(f"{self._process}."):
            return False  # begun by the parent process, which ends it
        if len(self._steps) >= KEPT:
            self._end(self._steps.popleft().step)
        self._steps.append(DoubtCommand(step, monotonic()))
        return True

    # --- the worker ---

    @property
    def is_watched(self) -> bool:
        """Always false: callers wait for replies alone."""
        return False

    @property
    def waiting(self) -> int:
        """Callers that wait for a reply to a step that was not sent yet."""
        return sum(command.step.waiter is not None for command in self._steps)

    @property
    def has_news(self) -> bool:
        """Whether there are steps to send."""
        return bool(self._steps)

    def key_of(self, command: DoubtCommand) -> str:
        """Return the name of the key in Redis."""
        return f"{self._prefix}:doubt:{command.step.key}"

    def next_event(self, now: float, *, can_ask: bool) -> float:
        """Return the time of the next step."""
        return self.next_request(now) if can_ask and not self.is_asking else math.inf

    def next_request(self, now: float) -> float:
        """Return the time of the next command."""
        return now if self._steps else math.inf

    def ask(self, now: float) -> DoubtCommand:
        """Return the next command."""
        del now
        command = self._steps.popleft()
        command.step.may_have_arrived = True
        self.is_asking = True
        return command

    def apply_reply(self, request: DoubtCommand, reply: DoubtReply, now: float) -> None:
        """Apply a reply."""
        del now
        self.is_asking = False
        request.step.on_reply(reply)
        self._end(request.step)

    def failed(self, request: DoubtCommand, now: float) -> None:
        """Keep a step that must arrive: it is unknown whether it did, and taking it twice has no further effect."""
        del now
        self.is_asking = False
        if request.step.must_arrive:
            self._steps.appendleft(request)
        self._end(request.step)

    def distribute(self, now: float) -> None:
        """Do nothing: every step needs a command."""

    def serve_without(self, now: float, sharing: int | None) -> bool:
        """Return ``False``: without Redis a call has the doubts of its process only."""
        return False

    def fail(self, error: InventPayError) -> None:
        """End all waiting callers. They go on with the doubts of their process."""
        del error
        for command in self._steps:
            self._end(command.step)
        self._steps = deque(command for command in self._steps if command.step.must_arrive)

    def _end(self, step: DoubtStep) -> None:
        step.is_over = True
        waiter, step.waiter = step.waiter, None
        if waiter is not None:
            waiter.wake()
