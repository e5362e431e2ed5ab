"""The doubts about idempotency keys that processes share: an optional capability of limiters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from attrs import define, frozen

from .._concurrency.wait_queue import Waker

Step = Literal["look", "begin", "publish", "take back", "settle"]
"""Steps of a doubt. ``"look"`` changes nothing. ``"begin"`` precedes a request that may be sent, ``"publish"`` follows
one that may have taken effect. ``"take back"`` ends a call that had no effect, ``"settle"`` one that succeeded.
"""


@frozen
class DoubtReply:
    """The state of a key after a step."""

    others: int
    """Other calls whose requests may have taken effect, or may be sent now."""
    digest: bytes
    """Digest of their request; empty if there are several, and if the API knows the key from another one."""
    age: float
    """Seconds since the first of them was sent."""
    is_counted: bool
    """Whether the call of this step was among those that count: before the step, but for ``"begin"`` after it."""


@define(eq=False, kw_only=True)
class DoubtStep:
    """One step of a call with an idempotency key."""

    step: Step
    key: str
    """Hash of the base URL, the account and the idempotency key."""
    ticket: str
    """A name of the call that no other one has. A step that is taken twice, or late, changes nothing of other calls."""
    digest: bytes
    """Digest of the request of the call."""
    age: float
    """Seconds since the first request with the key, as far as this process knows."""
    lifetime: float
    """Seconds for which a key is remembered after its first request."""
    may_join: bool
    """Whether a call may send its request where an earlier one may have taken effect."""
    on_reply: Callable[[DoubtReply], object]
    """Called with the reply, in the order of the replies, from any thread."""
    waiter: Waker | None = None
    """The caller that waits for the reply."""
    is_over: bool = False
    """Whether there is a reply, or there will be none."""
    may_have_arrived: bool = False
    """Whether the step was sent: without a reply it may have been taken or not."""

    @property
    def must_arrive(self) -> bool:
        """Whether the step is kept until it arrives; others are useless once their call no longer waits."""
        return self.step not in ("look", "begin")


class SharedDoubts(Protocol):
    """The memory of doubts that the processes with one limiter share."""

    @property
    def patience(self) -> float:
        """Seconds for which a caller waits for a reply."""
        ...

    def new_ticket(self) -> str:
        """Return a name for a call."""
        ...

    def post(self, step: DoubtStep) -> None:
        """Take a step without waiting for it. Steps are taken in the order in which they are posted."""
        ...

    def submit(self, step: DoubtStep, *, may_block: bool) -> None:
        """Take a step whose waiter waits for it; a thread that ``may_block`` may send it itself."""
        ...

    def leave(self, step: DoubtStep) -> None:
        """Stop waiting for a step. One that was not sent yet is not sent any more, unless it must arrive."""
        ...
