# Generated from tests/_async/test_watching.py by tools/generate_sync.py. Do not edit.
"""Watching and waiting: every change, in order, until nothing can follow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from inventpay import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InvalidArgumentError,
    Invoice,
    NotFoundError,
    Payment,
    PaymentState,
    PaymentStatus,
    ServerError,
    UnknownStateError,
    WaitTimeoutError,
)
from inventpay._watching.schedule import OUTAGE
from tests.support.api import ScriptedAPI, Step, answers, fails, takes
from tests.support.clients import scripted_client

PAYMENT = "cmh123abc456def"


def status(state: str, balance: str = "0", confirmations: int = 0) -> dict[str, object]:
    """The body of a status call."""
    return {"paymentId": PAYMENT, "status": state, "currentBalance": balance, "confirmations": confirmations}


def balance(available: int) -> dict[str, object]:
    """The body of a balance call."""
    money = {"availableBalance": available, "totalEarned": 9, "totalWithdrawn": 0}
    return {"success": True, "data": {"currency": "BTC", "balance": money}}


def test_watching_yields_every_change_and_ends() -> None:
    """Each change is yielded once, nothing goes backwards, and the final status is the last."""
    api = ScriptedAPI(
        *(answers(200, body) for body in (status("PENDING"), status("PENDING"), status("PENDING", "5"))),
        *(answers(200, body) for body in (status("PENDING", "0"), status("CONFIRMING", "5", 1))),
        *(answers(200, body) for body in (status("PENDING", "5"), status("CONFIRMING", "5", 2))),
        answers(200, status("COMPLETED", "5", 12)),
    )
    with scripted_client(api) as client:
        reported = [(str(news.status), news.confirmations) for news in client.payments.watch(PAYMENT)]
    assert reported == [("PENDING", 0), ("PENDING", 0), ("CONFIRMING", 1), ("CONFIRMING", 2), ("COMPLETED", 12)]
    assert len(api.requests) == 8


def test_watching_can_be_left_at_any_time() -> None:
    """Breaking off leaves nothing behind that would have to be closed."""
    api = ScriptedAPI(answers(200, status("PENDING")))
    with scripted_client(api) as client:
        for news in client.payments.watch(PAYMENT):
            assert news.status == PaymentState.PENDING
            break
        assert all(schedule.is_idle for schedule in client._polling._schedules.values())


def test_short_outages_are_waited_out() -> None:
    """Lost connections, refusals by the rate limit and server errors are no news; the next look may bring some."""
    api = ScriptedAPI(
        answers(503),
        fails(httpx.ReadError("lost")),
        answers(429),
        answers(200, status("PENDING")),
        answers(500),
        answers(200, status("EXPIRED")),
    )
    with scripted_client(api, max_retries=0) as client:
        reported = [news.status for news in client.payments.watch(PAYMENT)]
    assert reported == ["PENDING", "EXPIRED"]


def test_a_long_outage_is_reported() -> None:
    """After ten minutes of failures in a row the last one is raised."""
    api = ScriptedAPI(fails(httpx.ConnectError("down")))
    with scripted_client(api, max_retries=0) as client:
        began = api.clock.now
        with pytest.raises(APIConnectionError):
            client.payments.watch(PAYMENT).__next__()
        assert OUTAGE <= api.clock.now - began <= OUTAGE + 60


def refusal(code: int) -> Step:
    """A refusal in the API's own form."""
    return answers(code, {"success": False, "error": "No", "statusCode": code})


@pytest.mark.parametrize(("code", "kind"), [(400, BadRequestError), (401, AuthenticationError)])
def test_the_apis_own_refusals_are_raised_at_once(code: int, kind: type[Exception]) -> None:
    """Waiting cures neither a wrong key nor a wrong id."""
    with scripted_client(ScriptedAPI(refusal(code))) as client:
        began = client._backend.now()
        with pytest.raises(kind):
            client.payments.wait(PAYMENT, timeout=600)
        assert client._backend.now() - began < 1


def test_a_new_payment_may_be_unknown_for_a_moment() -> None:
    """A replica learns of a payment late; after thirty seconds without one good answer it is unknown."""
    late = ScriptedAPI(refusal(404), refusal(404), answers(200, status("COMPLETED", "5")))
    with scripted_client(late) as client:
        assert (client.payments.wait(PAYMENT, timeout=60)).is_paid
    with scripted_client(ScriptedAPI(refusal(404))) as client:
        began = client._backend.now()
        with pytest.raises(NotFoundError):
            client.payments.wait(PAYMENT, timeout=600)
        assert 30 <= client._backend.now() - began <= 45


@pytest.mark.parametrize(
    "page",
    [
        answers(200, b"<html>maintenance</html>"),
        answers(200, b""),
        answers(200, b'{"paymentId": "cmh1'),
        answers(403, b"<title>Just a moment</title>", {"cf-mitigated": "challenge"}),
        answers(404, b"<center>nginx</center>"),
        answers(302, b"", {"location": "https://example.com/login"}),
        answers(200, {"success": False, "error": "down", "statusCode": 503}),
        answers(200, {**status("PENDING"), "paymentId": "cmh-of-another-call"}),
    ],
)
def test_what_is_not_the_apis_word_is_an_outage(page: Step) -> None:
    """Pages of proxies, cut bodies and answers about something else are waited out, before and after a good answer."""
    api = ScriptedAPI(page, answers(200, status("PENDING")), page, answers(200, status("COMPLETED", "5")))
    with scripted_client(api) as client:
        assert (client.payments.wait(PAYMENT, timeout=120)).is_paid


def test_a_wait_that_ends_in_an_outage_carries_it() -> None:
    """`outage` is the latest failure, and its text stands in the message; an answered poll clears it."""
    api = ScriptedAPI(answers(200, status("PENDING")), answers(503, b"<html>down</html>"))
    with scripted_client(api, max_retries=0) as client:
        with pytest.raises(WaitTimeoutError, match="it is PENDING; the latest poll failed: 503 Service") as caught:
            client.payments.wait(PAYMENT, timeout=60)
    assert isinstance(caught.value.outage, ServerError)
    assert caught.value.__cause__ is caught.value.outage
    with scripted_client(ScriptedAPI(answers(200, status("PENDING")))) as client:
        with pytest.raises(WaitTimeoutError) as other:
            client.payments.wait(PAYMENT, timeout=60)
    assert other.value.outage is None


def test_a_wait_outlasts_a_long_outage() -> None:
    """With a timeout of its own a wait goes on for as long as it was given."""
    api = ScriptedAPI(fails(httpx.ConnectError("down")))
    with scripted_client(api, max_retries=0) as client:
        began = client._backend.now()
        with pytest.raises(WaitTimeoutError, match="no status was seen; the latest poll failed"):
            client.payments.wait(PAYMENT, timeout=1800)
        assert client._backend.now() - began == pytest.approx(1800, abs=0.1)


def test_an_unknown_state_is_given_up_an_hour_after_expiry() -> None:
    """It may be final under a name that this version does not know."""
    body = {**status("REFUNDED", "5"), "createdAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-01T00:30:00Z"}
    with scripted_client(ScriptedAPI(answers(200, body))) as client:
        with pytest.raises(UnknownStateError, match=r"the payment is REFUNDED,.* update the package$") as caught:
            client.payments.wait(PAYMENT)
    assert caught.value.last is not None
    assert caught.value.last.status == "REFUNDED"


def test_a_created_payment_needs_no_first_look() -> None:
    """Given the payment itself, the first status is the first change; a final status needs no poll at all."""
    created = PaymentStatus(
        payment_id=PAYMENT, status=PaymentState.PENDING, current_balance=Decimal(0), confirmations=0
    )
    api = ScriptedAPI(answers(200, status("PENDING")), answers(200, status("COMPLETED", "5")))
    with scripted_client(api) as client:
        began = client._backend.now()
        seen = [(str(news.status), client._backend.now() - began) for news in client.payments.watch(created)]
        assert [state for state, _ in seen] == ["COMPLETED"]
        assert seen[0][1] > 1
        final = client.payments.wait(
            PaymentStatus(payment_id=PAYMENT, status=PaymentState.EXPIRED, current_balance=Decimal(0), confirmations=0)
        )
    assert final.status == PaymentState.EXPIRED
    assert len(api.requests) == 2


def test_all_balances_are_watched_in_one_call_a_round() -> None:
    """Without a coin `watch` yields all balances, again whenever one of them has changed."""

    def held(amount: int) -> dict[str, object]:
        money = {"availableBalance": amount, "totalEarned": 9, "totalWithdrawn": 0}
        return {"success": True, "data": {"balances": {"BTC": money, "LTC": money}}}

    api = ScriptedAPI(*(answers(200, held(amount)) for amount in (1, 1, 2)))
    seen = []
    with scripted_client(api) as client:
        for balances in client.balances.watch(every=5.0):
            seen.append(balances["LTC"].available_balance)
            if len(seen) == 2:
                break
    assert seen == [1, 2]
    assert len(api.requests) == 3


def test_a_payment_stands_for_its_id() -> None:
    """The status is asked for with the created payment, its invoice or an earlier status as with the id."""
    known = PaymentStatus(payment_id=PAYMENT, status="PENDING", current_balance=Decimal(0), confirmations=0)
    payment = Payment(payment_id=PAYMENT, amount=Decimal(1), currency="BTC", invoice_url="https://inventpay.io/i/1")
    invoice = Invoice(
        payment_id=PAYMENT, base_amount=Decimal(1), base_currency="USD", invoice_url="https://inventpay.io/i/1"
    )
    for given in (PAYMENT, payment, invoice, known):
        api = ScriptedAPI(answers(200, status("PENDING")))
        with scripted_client(api) as client:
            assert (client.payments.status(given)).payment_id == PAYMENT
        assert api.requests[0].url.path == f"/v1/invoice/{PAYMENT}/status"


def test_waiting_returns_the_final_status() -> None:
    """`wait` ends with the payment."""
    api = ScriptedAPI(answers(200, status("PENDING")), answers(200, status("COMPLETED", "5", 12)))
    with scripted_client(api) as client:
        final = client.payments.wait(PAYMENT, timeout=1800)
    assert final.is_paid
    assert final.current_balance == Decimal(5)


@pytest.mark.parametrize("until", ["CONFIRMING", ["UNDERPAID", PaymentState.CONFIRMING], {"CONFIRMING"}])
def test_waiting_until_a_state(until: object) -> None:
    """`until` names the state, or the states, that will do; a final status ends the wait whatever was asked for."""
    api = ScriptedAPI(answers(200, status("PENDING")), answers(200, status("CONFIRMING", "5", 1)))
    with scripted_client(api) as client:
        assert (client.payments.wait(PAYMENT, until=until)).status == "CONFIRMING"  # type: ignore[arg-type]
    with scripted_client(ScriptedAPI(answers(200, status("EXPIRED")))) as client:
        assert (client.payments.wait(PAYMENT, until="COMPLETED")).status == "EXPIRED"
        with pytest.warns(UserWarning, match="until='PAID'") as warned:
            assert (client.payments.wait(PAYMENT, until="PAID")).status == "EXPIRED"
        assert warned[0].filename == __file__


@pytest.mark.parametrize("timeout", [60, timedelta(minutes=1)])
def test_waiting_has_a_bound(timeout: object) -> None:
    """When time is over, WaitTimeoutError carries the last status that was seen."""
    with scripted_client(ScriptedAPI(answers(200, status("PENDING")))) as client:
        began = client._backend.now()
        with pytest.raises(WaitTimeoutError, match="not final within 60 s; it is PENDING") as caught:
            client.payments.wait(PAYMENT, timeout=timeout)  # type: ignore[arg-type]
        assert client._backend.now() - began == pytest.approx(60)
    assert caught.value.last is not None
    assert caught.value.last.status == "PENDING"
    assert caught.value.path == f"/v1/invoice/{PAYMENT}/status"
    assert str(caught.value).endswith(f"{PAYMENT}/status: the payment was not final within 60 s; it is PENDING")


def test_the_bound_of_waiting_cuts_slow_answers_short() -> None:
    """A poll may take no longer than what is left of the wait."""
    api = ScriptedAPI(takes(40.0, answers(200, status("PENDING"))))
    with scripted_client(api, timeout=None, attempt_timeout=None) as client:
        began = client._backend.now()
        with pytest.raises(WaitTimeoutError, match="no status was seen"):
            client.payments.wait(PAYMENT, timeout=10)
        assert client._backend.now() - began == pytest.approx(10, abs=0.01)


def test_waiting_ends_when_no_token_comes_in_time() -> None:
    """The rate limit may leave no room for another poll before the time is over."""
    api = ScriptedAPI(answers(200, status("PENDING")))
    with scripted_client(api) as client:
        class_limiter = client._limiter._classes["status_checks"]
        for _ in range(300):
            class_limiter.try_lease(client._backend.now()).answered(client._backend.now(), 200, {})
        with pytest.raises(WaitTimeoutError, match="no status was seen"):
            client.payments.wait(PAYMENT, timeout=5)
    assert not api.requests


def test_a_balance_is_watched_for_changes() -> None:
    """Only changes are yielded, at the interval that was asked for."""
    api = ScriptedAPI(*(answers(200, balance(amount)) for amount in (1, 1, 1, 2, 3)))
    seen = []
    with scripted_client(api) as client:
        began = api.clock.now
        for news in client.balances.watch("BTC", every=timedelta(seconds=20)):
            seen.append((int(news.available_balance), round(api.clock.now - began)))
            if len(seen) == 3:
                break
    assert seen == [(1, 0), (2, 60), (3, 80)]


def test_what_is_refused_before_anything_is_sent() -> None:
    """Bad arguments are named at once, not at the first poll."""
    api = ScriptedAPI()
    with scripted_client(api) as client:
        for payment in ("", None, 5, {"payment_id": PAYMENT}):
            with pytest.raises(InvalidArgumentError, match="payment_id"):
                client.payments.watch(payment)  # type: ignore[arg-type]
            with pytest.raises(InvalidArgumentError, match="payment_id"):
                client.payments.wait(payment)  # type: ignore[arg-type]
        for every in (0, -1, float("nan"), "5"):
            with pytest.raises(InvalidArgumentError, match="every"):
                client.balances.watch("BTC", every=every)  # type: ignore[arg-type]
        for until in ("", [], [1], 5, [""]):
            with pytest.raises(InvalidArgumentError, match="until"):
                client.payments.wait(PAYMENT, until=until)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="timeout"):
            client.payments.wait(PAYMENT, timeout=-1)
    assert not api.requests
