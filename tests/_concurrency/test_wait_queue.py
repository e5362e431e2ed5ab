"""A queue of waiters in two classes: the order, and that no waiter is starved."""

from __future__ import annotations

from inventpay._concurrency.wait_queue import TURNS, WaitQueue


class Waiter:
    """A waiter."""

    def wake(self) -> bool:
        """Nothing to do here."""
        return True


def test_direct_calls_come_before_polling_and_polling_is_never_starved() -> None:
    """Polls stand back behind direct calls, but have their turn after some of them; each class is in order."""
    queue = WaitQueue()
    polls, calls = [Waiter() for _ in range(3)], [Waiter() for _ in range(2 * TURNS + 1)]
    for poll in polls:
        queue.join(poll, background=True)
    for call in calls:
        queue.join(call, background=False)
    assert (len(queue), queue.direct) == (len(polls) + len(calls), len(calls))
    served = []
    while queue:
        head = queue.head()
        assert head in queue
        queue.served(head)
        queue.leave(head)
        served.append(head)
    assert served == [*calls[:TURNS], polls[0], *calls[TURNS : 2 * TURNS], polls[1], calls[-1], polls[2]]


def test_direct_calls_overtake_no_call_without_polling() -> None:
    """Calls served while no poll waits are not held against later ones."""
    queue = WaitQueue()
    for _ in range(TURNS + 1):
        call = Waiter()
        queue.join(call, background=False)
        queue.served(call)
        queue.leave(call)
    poll, call = Waiter(), Waiter()
    queue.join(poll, background=True)
    queue.join(call, background=False)
    assert queue.head() is call
