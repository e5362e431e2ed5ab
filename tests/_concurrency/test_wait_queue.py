"""A line of waiters in two classes: who is first, and that nobody is starved."""

from __future__ import annotations

from inventpay._concurrency.wait_queue import TURNS, Line


class Waiter:
    """Somebody who waits."""

    def wake(self) -> bool:
        """Nothing to do here."""
        return True


def test_direct_calls_come_before_polling_and_polling_is_never_starved() -> None:
    """Polls stand back behind direct calls, but have their turn after so many of them; each class is in order."""
    line = Line()
    polls, calls = [Waiter() for _ in range(3)], [Waiter() for _ in range(2 * TURNS + 1)]
    for poll in polls:
        line.join(poll, background=True)
    for call in calls:
        line.join(call, background=False)
    assert (len(line), line.direct) == (len(polls) + len(calls), len(calls))
    served = []
    while line:
        head = line.head()
        assert head in line
        line.served(head)
        line.leave(head)
        served.append(head)
    assert served == [*calls[:TURNS], polls[0], *calls[TURNS : 2 * TURNS], polls[1], calls[-1], polls[2]]


def test_direct_calls_pass_nobody_where_nobody_polls() -> None:
    """Calls served while no poll waits are not held against later ones."""
    line = Line()
    for _ in range(TURNS + 1):
        call = Waiter()
        line.join(call, background=False)
        line.served(call)
        line.leave(call)
    poll, call = Waiter(), Waiter()
    line.join(poll, background=True)
    line.join(call, background=False)
    assert line.head() is call
