"""Events tell the story of a call, and no hook can break one."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import attrs
import pytest

from inventpay import hooks
from inventpay.hooks import (
    AnswerUnread,
    AttemptAnswered,
    AttemptSent,
    CallFinished,
    CallStarted,
    Event,
    PollingStretched,
    RetryPlanned,
    TokenAwaited,
    TokenWaited,
    emit,
    next_call_id,
)
from inventpay.options import RateClass

CALL: dict[str, Any] = {
    "call_id": 7,
    "method": "GET",
    "path_template": "/v1/invoice/{paymentId}/status",
    "rate_class": RateClass.STATUS_CHECKS,
}
WHO = "call 7 GET /v1/invoice/{paymentId}/status"

STORY: list[tuple[Event, str]] = [
    (CallStarted(**CALL), f"{WHO} begins"),
    (
        TokenAwaited(**CALL, expected=12.3),
        f"{WHO} waits for a token of class status_checks, for about 12.3 s",
    ),
    (TokenWaited(**CALL, seconds=0.25), f"{WHO} leased a token of class status_checks after 0.250 s"),
    (AttemptSent(**CALL, attempt=1), f"{WHO} sends attempt 1"),
    (
        AttemptAnswered(**CALL, attempt=1, status=503, seconds=0.1, error=None),
        f"{WHO} attempt 1 got status 503 after 0.100 s",
    ),
    (
        AttemptAnswered(**CALL, attempt=1, status=None, seconds=30.0, error="APITimeoutError"),
        f"{WHO} attempt 1 got APITimeoutError after 30.000 s",
    ),
    (
        RetryPlanned(**CALL, attempt=1, delay=0.5, reason="status 503"),
        f"{WHO} attempt 1 failed (status 503); the next one follows in 0.50 s",
    ),
    (
        AnswerUnread(**CALL, paths=("$.data.qrCode", "$.data.network")),
        f"{WHO} has an answer with 2 unread places: $.data.qrCode, $.data.network",
    ),
    (
        CallFinished(**CALL, attempts=1, seconds=0.9, status=200, outcome="ok", error=None),
        f"{WHO} finished after 0.900 s (attempts: 1): ok",
    ),
    (
        CallFinished(**CALL, attempts=3, seconds=0.9, status=503, outcome="unknown", error="ServerError"),
        f"{WHO} finished after 0.900 s (attempts: 3): ServerError, outcome unknown",
    ),
    (
        PollingStretched(rate_class=RateClass.STATUS_CHECKS, watchers=1500, seconds=375.0),
        "1500 watchers share class status_checks: each is polled every 375 s",
    ),
]


@pytest.mark.parametrize(("event", "text"), STORY)
def test_events_read_well(event: Event, text: str) -> None:
    """An event's text is the line a log shows."""
    assert str(event) == text


@pytest.mark.parametrize("event", [event for event, _ in STORY])
def test_events_are_plain_values(event: Event) -> None:
    """Frozen, comparable, hashable, picklable: fit for queues and metrics."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(event, attrs.fields(type(event))[0].name, None)
    assert pickle.loads(pickle.dumps(event)) == event
    assert hash(event) == hash(attrs.evolve(event))


@pytest.mark.parametrize("event", [event for event, _ in STORY if not isinstance(event, PollingStretched)])
def test_events_of_a_call_name_it(event: Event) -> None:
    """Every event of a call carries what a metric's labels need: few values, no ids."""
    assert {name: getattr(event, name) for name in CALL} == CALL


def test_every_event_is_reported() -> None:
    """The story above holds every kind of event there is."""
    assert {type(event).__name__ for event, _ in STORY} == set(hooks.__all__) - {"Event", "Hook"}


def test_hooks_hear_events_in_their_order(caplog: pytest.LogCaptureFixture) -> None:
    """Every hook gets the event itself, one after the other; the log has it at debug level."""
    heard: list[tuple[str, Event]] = []
    event = STORY[0][0]
    with caplog.at_level(logging.DEBUG, logger="inventpay"):
        emit([lambda event: heard.append(("a", event)), lambda event: heard.append(("b", event))], event)
    assert heard == [("a", event), ("b", event)]
    assert heard[0][1] is event
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("DEBUG", STORY[0][1])]


@pytest.mark.parametrize(
    ("event", "text"), [(event, text) for event, text in STORY if isinstance(event, (RetryPlanned, PollingStretched))]
)
def test_events_that_need_attention_are_warnings(caplog: pytest.LogCaptureFixture, event: Event, text: str) -> None:
    """A planned retry and polling that falls behind are worth a warning, with any hooks."""
    emit([], event)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", text)]


def test_a_failing_hook_affects_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """Its exception is logged with its traceback; the next hook and the call go on."""
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("metrics are down")

    emit([broken, heard.append], STORY[3][0])
    assert heard == [STORY[3][0]]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == "inventpay: a hook failed on AttemptSent; the call goes on"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "metrics are down"


def test_ctrl_c_in_a_hook_is_ctrl_c() -> None:
    """Only exceptions are caught: who presses Ctrl-C means the program."""

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit([interrupted], STORY[2][0])


def test_call_ids_are_numbers_of_this_process() -> None:
    """Each call has a number of its own, one higher than the last."""
    first, second = next_call_id(), next_call_id()
    assert second == first + 1
