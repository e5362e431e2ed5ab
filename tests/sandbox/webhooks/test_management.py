"""The management endpoints and the sandbox's own webhook routes, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings, assumptions
from inventpay.sandbox.clock import iso
from inventpay.sandbox.webhooks import outbox
from inventpay.sandbox.webhooks.events import EVENTS
from tests.sandbox.conftest import Api
from tests.support.receiver import Receiver, answers


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, webhooks=WebhookSettings(automatic=False))
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False, trust_env=False) as http:
        yield Api(sandbox, server, clock, http)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def data(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def set_url(api: Api, url: object) -> httpx.Response:
    return api.http.put("/v1/merchant/webhook-url", json={"webhookUrl": url}, headers=api.key)


def delivery_of(api: Api, number: int = 0) -> str:
    return api.sandbox.webhooks.deliveries[number].delivery_id


def test_the_url_is_set_read_and_removed(api: Api, receiver: Receiver) -> None:
    """Events go there between the two; the configuration says where, with the secret, and since when."""
    before = data(api.get("/v1/merchant/webhook-config"))
    assert before["webhook"] == {
        "url": None,
        "secret": assumptions.WEBHOOK_SECRET,
        "isConfigured": False,
        "lastUpdated": None,
    }
    assert before["supportedEvents"] == list(EVENTS)
    assert data(set_url(api, receiver.url))["webhook"]["url"] == receiver.url
    api.create_payment()
    api.sandbox.webhooks.deliver_due()
    config = data(api.get("/v1/merchant/webhook-config"))
    assert (config["webhook"]["isConfigured"], config["webhook"]["lastUpdated"]) == (True, iso(api.clock()))
    assert config["statistics"] == {"total": 1, "successful": 1, "failed": 0, "successRate": "100.00%"}
    assert [one["id"] for one in config["recentDeliveries"]] == [delivery_of(api)]
    removed = api.http.delete("/v1/merchant/webhook-url", headers=api.key)
    assert data(removed)["webhook"]["isConfigured"] is False
    api.create_payment()
    assert api.sandbox.webhooks.deliver_due() == []


def test_the_other_layout_of_the_configuration(api: Api, receiver: Receiver) -> None:
    """The documentation page names two members only, an older one events beside URL and secret."""
    api.sandbox.variants.use("GET /v1/merchant/webhook-config", "events")
    assert list(data(api.get("/v1/merchant/webhook-config"))) == ["url", "events", "secret"]
    api.sandbox.variants.use("GET /v1/merchant/webhook-config", "flat")
    assert data(api.get("/v1/merchant/webhook-config")) == {"webhookUrl": None, "active": False}
    assert data(set_url(api, receiver.url)) == {"webhookUrl": receiver.url, "active": True}


@pytest.mark.parametrize(
    "url", [None, 5, "", "shop.example", "http://shop.example/hooks", "ftp://127.0.0.1", "https://", "https://a b"]
)
def test_only_https_urls_are_accepted(api: Api, url: object) -> None:
    """Plain http is for this machine alone; the URL that was there stays."""
    answer = set_url(api, url)
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["webhookUrl"])
    assert api.sandbox.webhooks.url is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "webhook-url"),
        ("DELETE", "webhook-url"),
        ("GET", "webhook-config"),
        ("POST", "test-webhook"),
        ("GET", "webhook-deliveries"),
        ("GET", "webhook-delivery/x"),
        ("POST", "webhook-delivery/x/retry"),
        ("GET", "webhook-stats"),
    ],
)
def test_management_needs_the_key(api: Api, method: str, path: str) -> None:
    """All of it is the merchant's business; all of it counts as other calls."""
    assert api.http.request(method, f"/v1/merchant/{path}").status_code == 401
    answer = api.http.request(method, f"/v1/merchant/{path}", headers=api.key, json={} if method == "PUT" else None)
    assert answer.headers["x-ratelimit-limit"] == "60"


def test_a_test_event_is_sent_at_once(api: Api, receiver: Receiver) -> None:
    """A test event goes to the merchant's URL or a given one; the response is returned, and nothing is logged."""
    assert set_url(api, receiver.url).status_code == 200
    reported = data(api.http.post("/v1/merchant/test-webhook", headers=api.key))
    [received] = receiver.received
    assert (received.event, received.document["test"]) == ("payment.test", True)
    assert received.is_signed_with(assumptions.WEBHOOK_SECRET)
    assert reported["signature"] == received.exchange.header("X-Webhook-Signature")
    assert (reported["url"], reported["statusCode"], reported["response"]) == (receiver.url, 200, "OK")
    assert reported["responseTime"] >= 0
    assert reported["testedAt"] == iso(api.clock())
    with Receiver() as other:
        answer = api.post("/v1/merchant/test-webhook", {"webhookUrl": other.url})
        assert answer.json()["message"] == "Webhook test successful"
        assert other.events == ["payment.test"]
    assert api.sandbox.webhooks.deliveries == []


def test_a_test_that_fails_says_why(api: Api) -> None:
    """No URL, one that is not allowed, a receiver that refuses: 400 with the reason."""
    cases: list[tuple[object, str]] = [
        (None, assumptions.WEBHOOK_NOT_CONFIGURED_ERROR),
        ("https://shop.example/", outbox.NOT_ALLOWED),
        ("http://shop.example/", "Must be an https URL (plain http is accepted for a loopback host only)"),
    ]
    with Receiver(answers(500)) as broken:
        for url, reason in [*cases, (broken.url, "The receiver answered 500")]:
            answer = api.post("/v1/merchant/test-webhook", {"webhookUrl": url})
            assert (answer.status_code, answer.json()["details"]) == (400, {"webhookUrl": reason})


def test_deliveries_are_listed_in_pages(api: Api) -> None:
    """Newest first, ten a page; both filters, and what they read when they let everything through."""
    with Receiver(*[answers(200)] * 3, answers(500)) as receiver:
        set_url(api, receiver.url)
        payments = [api.create_payment()["paymentId"] for _ in range(12)]
        api.sandbox.webhooks.deliver_due()
    first = data(api.get("/v1/merchant/webhook-deliveries"))
    assert [one["paymentId"] for one in first["deliveries"]] == payments[:1:-1]
    assert first["pagination"] == {
        "page": 1,
        "limit": 10,
        "totalCount": 12,
        "totalPages": 2,
        "hasNext": True,
        "hasPrev": False,
    }
    assert first["filters"] == {"success": "all", "paymentId": "all"}
    last = data(api.get("/v1/merchant/webhook-deliveries", params={"page": 3, "limit": 5}))
    assert [one["paymentId"] for one in last["deliveries"]] == payments[1::-1]
    assert (last["pagination"]["hasNext"], last["pagination"]["hasPrev"]) == (False, True)
    arrived = data(api.get("/v1/merchant/webhook-deliveries", params={"success": "true", "paymentId": "all"}))
    assert (arrived["pagination"]["totalCount"], arrived["filters"]["success"]) == (3, True)
    failed = {"success": "false", "paymentId": payments[5]}
    [one] = data(api.get("/v1/merchant/webhook-deliveries", params=failed))["deliveries"]
    assert one == {
        "id": delivery_of(api, 5),
        "paymentId": payments[5],
        "url": receiver.url,
        "httpStatus": 500,
        "response": "",
        "attempts": 1,
        "success": False,
        "lastAttemptAt": iso(api.clock()),
        "nextAttemptAt": iso(api.clock() + 10),
        "errorMessage": "The receiver answered 500",
        "createdAt": iso(api.clock()),
    }


def test_no_deliveries_make_no_page(api: Api) -> None:
    """An empty list has no pages, before or after it."""
    page = data(api.get("/v1/merchant/webhook-deliveries"))
    assert page["deliveries"] == []
    assert (page["pagination"]["totalPages"], page["pagination"]["hasNext"]) == (0, False)


@pytest.mark.parametrize(
    ("path", "params", "names"),
    [
        ("webhook-deliveries", {"page": 0, "limit": 101, "success": "yes", "paymentId": ""}, 4),
        ("webhook-deliveries", {"page": "1e3", "limit": "9" * 5000}, 2),
        ("webhook-deliveries", {"page": "²"}, 1),
        ("webhook-stats", {"days": 91}, 1),
        ("webhook-stats", {"days": -7}, 1),
    ],
)
def test_bad_queries_name_every_bad_parameter(api: Api, path: str, params: dict[str, object], names: int) -> None:
    """400 with a sentence for each."""
    answer = api.get(f"/v1/merchant/{path}", params=params)
    assert (answer.status_code, list(answer.json()["details"])) == (400, list(params)[:names])


def test_one_delivery_and_its_retry(api: Api, receiver: Receiver) -> None:
    """It shows what was sent; a retry is planned at once; an unknown id is a 404."""
    set_url(api, receiver.url)
    payment_id = api.create_payment()["paymentId"]
    path = f"/v1/merchant/webhook-delivery/{delivery_of(api)}"
    planned = data(api.get(path))
    assert (planned["attempts"], planned["lastAttemptAt"], "httpStatus" in planned) == (0, None, False)
    api.sandbox.webhooks.deliver_due()
    one = data(api.get(path))
    assert (one["payload"]["data"]["paymentId"], one["response"]) == (payment_id, "OK")
    retried = data(api.http.post(f"{path}/retry", headers=api.key))
    assert retried["nextAttemptAt"] == iso(api.clock())
    api.sandbox.webhooks.deliver_due()
    assert len(receiver.received) == 2
    for answer in (api.get("/v1/merchant/webhook-delivery/x"), api.post("/v1/merchant/webhook-delivery/x/retry")):
        assert (answer.status_code, answer.json()["error"]) == (404, "Webhook delivery not found")


def test_statistics_count_what_was_attempted_lately(api: Api) -> None:
    """Rates and means are text; what is older than the period does not count, nor what is only planned."""
    nothing = data(api.get("/v1/merchant/webhook-stats"))
    assert nothing == {
        "period": "7 days",
        "summary": {"total": 0, "successful": 0, "failed": 0, "successRate": "0.00%", "avgAttempts": "0.00"},
        "webhookUrl": None,
        "isConfigured": False,
    }
    with Receiver(answers(500), answers(200)) as receiver:
        set_url(api, receiver.url)
        for _ in range(3):
            api.create_payment()
        api.sandbox.webhooks.deliver_due()
        api.clock.advance(10)
        api.sandbox.webhooks.deliver_due()
        api.create_payment()
        reported = data(api.get("/v1/merchant/webhook-stats", params={"days": 1}))
        assert reported["summary"] == {
            "total": 3,
            "successful": 3,
            "failed": 0,
            "successRate": "100.00%",
            "avgAttempts": "1.33",
        }
        assert (reported["period"], reported["webhookUrl"], reported["isConfigured"]) == ("1 day", receiver.url, True)
    api.clock.advance(86_400)
    assert data(api.get("/v1/merchant/webhook-stats", params={"days": 1}))["summary"]["total"] == 0
    assert data(api.get("/v1/merchant/webhook-stats", params={"days": 90}))["summary"]["total"] == 3


def test_the_sandbox_routes_set_how_webhooks_are_made(api: Api, receiver: Receiver) -> None:
    """URL, secret and shape, with a bare curl; what is left out stays."""
    settings = {"url": receiver.url, "secret": "s3cret", "shape": "flat"}
    set_to = data(api.http.post("/sandbox/webhooks", json=settings))
    assert settings.items() <= set_to.items()
    api.create_payment()
    shown = data(api.http.get("/sandbox/webhooks"))
    assert (shown["planned"], shown["nextDueAt"], shown["faults"]) == (1, iso(api.clock()), [])
    assert settings.items() <= data(api.http.post("/sandbox/webhooks")).items()
    delivered = api.http.post("/sandbox/webhooks/deliver").json()
    assert delivered["message"] == "1 attempted"
    assert [(one["event"], one["success"]) for one in delivered["data"]["deliveries"]] == [("payment.created", True)]
    [received] = receiver.received
    assert received.body == api.sandbox.webhooks.deliveries[0].body
    assert hmac.new(b"s3cret", received.body, hashlib.sha256).hexdigest() == received.exchange.header(
        "X-Webhook-Signature"
    )


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("", {"url": "http://shop.example"}, "url"),
        ("", {"secret": ""}, "secret"),
        ("", {"shape": "round"}, "shape"),
        ("/faults", {}, "fault"),
        ("/faults", {"fault": "stolen"}, "fault"),
        ("/faults", {"fault": "twice", "count": 0}, "count"),
        ("/faults", {"fault": "twice", "event": "payment.lost"}, "event"),
        ("/faults", {"fault": "late", "seconds": 604_801}, "seconds"),
        ("/faults", {"fault": "late", "seconds": -1}, "seconds"),
        ("/faults", {"fault": "late", "seconds": 0}, "seconds"),
        ("/faults", {"fault": "twice", "seconds": 5}, "seconds"),
    ],
)
def test_bad_settings_and_faults_name_the_bad_member(api: Api, path: str, body: object, member: str) -> None:
    """Invalid settings and faults are answered with 400 and the member's name, and change nothing."""
    before = api.http.get("/sandbox/webhooks").json()
    answer = api.http.post(f"/sandbox/webhooks{path}", json=body)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [member])
    assert api.http.get("/sandbox/webhooks").json() == before


def test_a_url_set_over_http_allows_no_other_host(api: Api) -> None:
    """A page in a browser could send such a request; only who runs the sandbox decides where it may send to."""
    api.http.post("/sandbox/webhooks", json={"url": "https://shop.example/"})
    api.create_payment()
    assert api.sandbox.webhooks.deliver_due() == []
    assert api.sandbox.webhooks.deliveries[0].error_message == outbox.NOT_ALLOWED


def test_faults_are_made_and_taken_back_over_http(api: Api, receiver: Receiver) -> None:
    """They meet the next deliveries; what is left is shown."""
    set_url(api, receiver.url)
    api.http.post("/sandbox/webhooks/faults", json={"fault": "late", "seconds": 2.5, "event": "payment.created"})
    shown = data(api.http.post("/sandbox/webhooks/faults", json={"fault": "twice", "count": 2}))
    assert shown["faults"] == [
        {"fault": "late", "count": 1, "event": "payment.created", "seconds": 2.5},
        {"fault": "twice", "count": 2, "event": None},
    ]
    api.create_payment()
    assert data(api.http.get("/sandbox/webhooks"))["faults"] == [{"fault": "twice", "count": 1, "event": None}]
    assert data(api.http.delete("/sandbox/webhooks/faults"))["faults"] == []
    assert api.http.post("/sandbox/webhooks/deliver").json()["message"] == "0 attempted"
    api.clock.advance(2.5)
    api.http.post("/sandbox/webhooks/deliver")
    assert receiver.events == ["payment.created"] * 2


def test_links_lead_back_to_the_sandbox(api: Api, receiver: Receiver) -> None:
    """The page in an event is the one in the answer to its creation."""
    set_url(api, receiver.url)
    created = [api.create_payment()["invoiceUrl"], api.create_invoice()["invoiceUrl"]]
    api.sandbox.webhooks.deliver_due()
    assert [received.document["data"]["invoiceUrl"] for received in receiver.received] == created
    assert all(link.startswith(api.server.url) for link in created)
