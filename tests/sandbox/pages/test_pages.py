"""The pages over plain HTTP: their choice by the Accept header, and their safety."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import httpx
import pytest

from inventpay.sandbox import Sandbox
from tests.sandbox.conftest import Api

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def page(api: Api, path: str) -> httpx.Response:
    return api.http.get(path, headers=BROWSER)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BROWSER["Accept"], "text/html"),
        ("text/html", "text/html"),
        ("TEXT/HTML; q=0.5", "text/html"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html;q=0", "application/json"),
        ("text/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_root_is_the_dashboard_for_browsers_and_json_for_programs(api: Api, accept: str, kind: str) -> None:
    """Requests that accept text/html get the page, all others the description in JSON."""
    answer = api.http.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)
    assert "InventPay sandbox" in answer.text


def test_the_invoice_is_a_page_for_browsers_and_text_for_programs(api: Api) -> None:
    """Both forms show the payment; an unknown one is 404 in both."""
    payment = api.create_payment()
    answer = page(api, payment["invoiceUrl"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert payment["address"] in answer.text
    assert payment["address"] in api.http.get(payment["invoiceUrl"]).text
    missing = page(api, "/invoice/x")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such payment" in missing.text
    assert api.http.get("/invoice/x").headers["content-type"].startswith("application/json")


def test_what_a_merchant_writes_is_text_and_never_markup(api: Api) -> None:
    """Descriptions, order ids, paths and addresses cannot bring a tag or an attribute into a page."""
    nasty = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>"""
    api.sandbox.deposit("BTC", 1)
    payment_id = api.create_payment(description=nasty, orderId=nasty[:99])["paymentId"]
    api.create_payment(orderId=nasty[:99])
    api.http.get(f"/v1/{nasty}")
    for path in ("/", f"/invoice/{payment_id}", f"/invoice/{nasty.replace('/', '')}"):
        text = page(api, path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert" in text


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(api: Api) -> None:
    """Every address on them leads to this server, all of them answer, and the policy forbids anything else."""
    payment_id = api.create_payment()["paymentId"]
    for path in ("/", f"/invoice/{payment_id}"):
        answer = page(api, path)
        addresses = re.findall(r'(?:src|href|action|data-live)="([^"]*)"', answer.text)
        assert addresses
        for address in addresses:
            assert address.startswith("/")
            if not address.endswith("live"):
                assert page(api, address).status_code == 200
        assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son[a-z]+=", answer.text)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_assets_are_sent_once(api: Api) -> None:
    """A cached style sheet is answered with 304; an unknown name is 404."""
    first = api.http.get("/sandbox/assets/sandbox.css")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    again = api.http.get("/sandbox/assets/sandbox.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("nothing.css", "..%2F..%2Fapp.py", "%2e%2e"):
        assert api.http.get(f"/sandbox/assets/{name}").status_code == 404


def test_the_stream_sends_changes_only(api: Api) -> None:
    """First everything, then sections that changed, clock settings, and the end of what is shown."""
    payment_id = api.create_payment()["paymentId"]
    with api.http.stream("GET", f"/invoice/{payment_id}/live") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        stream = iter_events(answer)
        name, data = next(stream)
        assert (name, data) == ("clock", {"now": api.clock() * 1000, "speed": 0.0})
        name, data = next(stream)
        assert (name, sorted(data)) == ("sections", ["card", "controls"])
        api.sandbox.pay(payment_id)
        name, data = next(stream)
        assert (name, sorted(data)) == ("sections", ["card", "controls"])
        assert "<h2>Paid</h2>" in data["card"]
        api.clock.advance(60)
        assert next(stream)[0] == "clock"
        api.sandbox.state.reset()
        assert next(stream) == ("gone", {})
        assert list(stream) == []


def iter_events(answer: httpx.Response) -> Any:
    lines = answer.iter_lines()
    for line in lines:
        if line.startswith("event: "):
            yield line.removeprefix("event: "), json.loads(next(lines).removeprefix("data: "))


def test_a_stream_does_not_hold_up_the_end_of_the_server(api: Api) -> None:
    """With a page open, leaving the block takes a moment and no longer; a HEAD request does not wait for events."""
    assert api.http.head("/sandbox/live").status_code == 200
    sandbox = Sandbox()
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False) as http:
        stream = http.stream("GET", "/sandbox/live")
        answer = stream.__enter__()
        next(answer.iter_raw())
        began = time.perf_counter()
    assert time.perf_counter() - began < 5
    stream.__exit__(None, None, None)


def test_the_pages_are_not_in_the_log_of_requests(api: Api) -> None:
    """The log is the API's; who looks at it does not fill it."""
    page(api, "/")
    page(api, "/sandbox/assets/live.js")
    assert api.sandbox.request_log.total == 0


def test_every_stage_has_its_words(api: Api) -> None:
    """Each stage has its text, exact amounts and its buttons."""

    def seen(payment_id: str) -> tuple[str, list[str]]:
        text = page(api, f"/invoice/{payment_id}").text
        heading = re.search(r"data-stage=.*?<h2>(?:<span[^>]*></span>)?([^<]*)</h2>", text, re.DOTALL)
        assert heading is not None
        return heading[1], re.findall(r'data-key="([^"]*)" data-post', text)

    ends = ["fail", "expire"]
    pays = ["Pay in full", "Pay part", "Pay too much"]
    invoice_id = api.create_invoice()["paymentId"]
    assert seen(invoice_id) == ("Choose a coin", ends)
    payment_id = api.create_payment()["paymentId"]
    assert seen(payment_id) == ("Waiting for your payment", [*pays, *ends])
    api.sandbox.pay(payment_id, 5, confirmations=0)
    assert seen(payment_id) == ("Payment seen", ["confirm", *pays, *ends])
    api.sandbox.pay(payment_id, confirmations=0)
    assert seen(payment_id) == ("Payment seen", ["confirm", "Pay too much", *ends])
    api.sandbox.confirm(payment_id)
    assert seen(payment_id) == ("Paid", [])
    expired = api.create_payment()["paymentId"]
    api.sandbox.underpay(expired)
    assert seen(expired) == ("Not enough yet", [*pays, *ends])
    api.sandbox.expire(expired)
    assert seen(expired) == ("Expired", pays)
    assert "14.995 USDT that arrived were not credited" in page(api, f"/invoice/{expired}").text
    api.sandbox.pay(expired)
    assert seen(expired) == ("Paid", [])
    failed = api.create_payment()["paymentId"]
    api.sandbox.fail(failed)
    assert seen(failed) == ("Failed", [])


def test_the_smallest_payment_can_be_paid_in_no_part(api: Api) -> None:
    """One satoshi has no half: that button is not offered, and the others send what they say."""
    payment_id = api.create_payment(amount=0.00000001, amountCurrency="BTC", currency="BTC")["paymentId"]
    text = page(api, f"/invoice/{payment_id}").text
    assert "Pay part" not in text
    bodies = [html.unescape(body) for body in re.findall(r"data-body='([^']*)'", text)]
    assert bodies[:2] == ['{"amount": 0.00000001}', '{"amount": 0.00000002}']
