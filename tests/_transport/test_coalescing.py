"""Whose answer serves whom: the rules of shared reads, without any waiting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._transport.coalescing import PATIENCE, InFlightRead, ReadWaiter, is_shared
from inventpay.headers import Headers
from inventpay.responses import APIResponse


class Waker:
    """Counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> bool:
        self.woken += 1
        return True


def answer(status: int = 200, body: bytes = b"{}") -> APIResponse:
    return APIResponse(status, Headers(), body)


def test_the_first_caller_sends_at_once() -> None:
    """A caller without others does not wait."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True


def test_an_answer_serves_those_who_asked_before_it_was_sent() -> None:
    """A caller who arrives while a request is in flight joins the next one."""
    read = InFlightRead()
    first = read.ask(Waker())
    assert read.leads(first, 0.0) is True
    before = read.ask(Waker())
    order = read.sent(0.0)
    after = read.ask(Waker())
    read.answered(order, answer())
    assert before.response is not None
    assert after.response is None
    assert read.leads(after, 0.1) is True


def test_only_the_head_watches_the_clock() -> None:
    """A request that hangs is overtaken after a second by the first of those who wait, and by no other."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 10.0) is True
    read.sent(10.0)
    head, behind = read.ask(Waker()), read.ask(Waker())
    assert read.leads(head, 10.25) == pytest.approx(PATIENCE - 0.25)
    assert read.leads(behind, 10.25) is None
    assert read.leads(head, 10.0 + PATIENCE) is True
    assert read.leads(behind, 10.0 + PATIENCE) is None


def test_a_read_that_waits_for_a_token_can_be_joined() -> None:
    """While a leader waits for the rate limit it is not in flight, however long that takes."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True
    follower = read.ask(Waker())
    assert read.leads(follower, 1_000.0) is None


def test_a_cancelled_leader_is_replaced() -> None:
    """The next caller takes over, before sending and after."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True
    waker = Waker()
    second, third = read.ask(waker), read.ask(Waker())
    read.failed(None, cancelled=True)
    assert waker.woken
    assert read.leads(second, 0.0) is True
    read.failed(read.sent(0.0), cancelled=True)
    assert not third.alone
    assert read.leads(third, 0.0) is True


def test_a_failure_is_not_shared() -> None:
    """Those a failed request would have served ask alone, and later callers start a new request."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True
    before = read.ask(Waker())
    order = read.sent(0.0)
    after = read.ask(Waker())
    read.failed(order, cancelled=False)
    assert before.alone
    assert not after.alone
    assert read.leads(after, 0.0) is True


def test_the_time_a_request_began_to_serve_is_kept() -> None:
    """The bound of a call counts from the first request that could have answered it."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True
    caller = read.ask(Waker())
    read.sent(5.0)
    read.sent(7.0)
    assert caller.serving_since == 5.0


def test_a_caller_that_leaves_is_forgotten() -> None:
    """Leaving twice does no harm, and the next caller is woken only when the head leaves."""
    read = InFlightRead()
    assert read.leads(read.ask(Waker()), 0.0) is True
    wakers = [Waker(), Waker(), Waker()]
    callers = [read.ask(waker) for waker in wakers]
    read.leave(callers[1])
    read.leave(callers[1])
    assert [waker.woken for waker in wakers] == [0, 0, 0]
    read.leave(callers[0])
    assert [waker.woken for waker in wakers] == [0, 0, 1]
    assert not read.is_idle
    read.leave(callers[2])
    read.failed(None, cancelled=True)
    assert read.is_idle


@pytest.mark.parametrize(
    ("status", "shared"),
    [(200, True), (201, True), (404, True), (401, True), (302, False), (408, False), (429, False), (503, False)],
)
def test_what_is_shared(status: int, shared: bool) -> None:
    """Successes and refusals that every caller would get; not what may differ a moment later."""
    assert is_shared(answer(status)) is shared


STEPS = st.lists(st.sampled_from(["ask", "lead", "send", "answer", "fail", "cancel", "leave"]), max_size=60)


@given(STEPS)
def test_no_answer_is_older_than_its_question(steps: list[str]) -> None:
    """In any order of events, each caller is served exactly once, by a request sent after it asked, and is woken."""
    read = InFlightRead()
    asked_at: dict[ReadWaiter, int] = {}
    sent_at: dict[bytes, int] = {}
    waiting: list[ReadWaiter] = []
    leading = False
    in_flight: list[tuple[int, bytes]] = []
    for moment, step in enumerate(steps):
        now = float(moment)
        if step == "ask":
            caller = read.ask(Waker())
            asked_at[caller] = moment
            waiting.append(caller)
        elif step == "lead":
            for caller in list(waiting):
                if caller.response is None and not caller.alone and read.leads(caller, now) is True:
                    waiting.remove(caller)
                    leading = True
                    break
        elif step == "send" and leading:
            body = str(moment).encode()
            in_flight.append((read.sent(now), body))
            sent_at[body] = moment
            leading = False
        elif step == "answer" and in_flight:
            order, body = in_flight.pop(0)
            read.answered(order, answer(body=body))
        elif step in ("fail", "cancel"):
            if leading:
                read.failed(None, cancelled=step == "cancel")
                leading = False
            elif in_flight:
                read.failed(in_flight.pop()[0], cancelled=step == "cancel")
        elif step == "leave" and waiting:
            read.leave(waiting.pop(0))
        for caller in list(waiting):
            if caller.response is not None:
                assert sent_at[caller.response.body] >= asked_at[caller]
            if caller.response is not None or caller.alone:
                waiting.remove(caller)
        if waiting and not leading and not in_flight:
            assert read.leads(waiting[0], now) is True
            waiting.pop(0)
            leading = True
    assert read.is_idle is (not waiting and not leading and not in_flight)
