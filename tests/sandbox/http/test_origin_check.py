"""Pages of other sites can neither drive the sandbox nor read it."""

from __future__ import annotations

import httpx
import pytest

from inventpay.sandbox import Sandbox
from inventpay.sandbox.http.origin_check import OriginCheck
from tests.sandbox.conftest import Api

OWN = "127.0.0.1:8787"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8787", "shop.localhost:1", "127.0.0.1", "127.9.8.7:80", "[::1]:8787", "localhost.:80"],
)
def test_names_of_this_machine_are_hosts(host: str) -> None:
    """A loopback name or address is a host of every sandbox, in any spelling."""
    assert OriginCheck().problem("POST", [(b"host", host.encode())]) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8787",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.5:8787",
        "",
        "a b",
    ],
)
def test_other_hosts_are_refused_for_reads_too(host: str) -> None:
    """A name that resolves to this machine (DNS rebinding) is refused, whatever the method."""
    for method in ("GET", "POST", "HEAD"):
        problem = OriginCheck().problem(method, [(b"host", host.encode())])
        assert problem is not None
        assert "--allow-host" in problem["Host"]


def test_a_second_host_does_not_hide_behind_the_first() -> None:
    """Each of several Host headers is checked."""
    assert OriginCheck().problem("GET", [(b"host", OWN.encode()), (b"host", b"evil.example")]) is not None


def test_allowed_hosts_are_hosts_in_any_case() -> None:
    """A named host is accepted with any port, and a star accepts all."""
    check = OriginCheck(["Sandbox", "10.0.0.7"])
    for host in (b"sandbox:8000", b"SANDBOX.", b"10.0.0.7"):
        assert check.problem("POST", [(b"host", host)]) is None
    assert check.problem("POST", [(b"host", b"sandbox.evil.example")]) is not None
    assert OriginCheck(["*"]).problem("POST", [(b"host", b"anything.example")]) is None


@pytest.mark.parametrize("names", ["sandbox", ["http://sandbox"], ["sandbox:8000"], ["a/b"], [""]])
def test_what_is_no_name_of_a_host_is_refused(names: object) -> None:
    """A URL, a port or one text instead of a list is a mistake that would open nothing."""
    with pytest.raises(ValueError, match=r"host"):
        Sandbox(allowed_hosts=names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", "https://evil.example"),
        ("origin", "http://evil.example:8787"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.example"),
        ("origin", "http://[broken"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "Cross-Site"),
    ],
)
def test_pages_of_other_sites_cannot_post(name: str, value: str) -> None:
    """Every method that may change something needs an origin of the sandbox's own host."""
    headers = [(b"host", OWN.encode()), (name.encode(), value.encode())]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert OriginCheck().problem(method, headers) is not None
    assert OriginCheck().problem("GET", headers) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", f"http://{OWN}"),
        ("origin", "http://127.0.0.1:3000"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ],
)
def test_its_own_pages_can_post(name: str, value: str) -> None:
    """Pages of the same host are accepted, those of a shop on another port included."""
    assert OriginCheck().problem("POST", [(b"host", OWN.encode()), (name.encode(), value.encode())]) is None


def test_a_served_sandbox_refuses_both_attacks_in_its_own_form(api: Api) -> None:
    """Nothing happens, the answer is 403 with the header and the remedy, and the log has the request."""
    refused = api.http.post(
        "/sandbox/deposit", json={"currency": "BTC", "amount": 1}, headers={"Origin": "https://evil.example"}
    )
    assert refused.status_code == 403
    assert refused.json()["details"]["Origin"].startswith("'https://evil.example' is another site")
    assert api.sandbox.balance("BTC").available == 0
    rebound = api.http.get("/sandbox/webhooks", headers={"Host": "evil.example"})
    assert (rebound.status_code, list(rebound.json()["details"])) == (403, ["Host"])
    assert [entry.status for entry in api.sandbox.request_log.newest(2)] == [403, 403]


def test_a_sandbox_inside_the_process_takes_any_host() -> None:
    """Requests that no browser can send are not checked: a client may keep the live API's URL."""
    sandbox = Sandbox()
    with httpx.Client(transport=sandbox.transport(), base_url="https://api.inventpay.io") as http:
        assert http.get("/sandbox/state").status_code == 200


def test_links_lead_to_the_host_that_was_called() -> None:
    """Behind a container's name the payer's page has that name, or the public URL where one is set."""
    for public, start in ((None, "http://sandbox:"), ("http://localhost:8000/", "http://localhost:8000/invoice/")):
        sandbox = Sandbox(allowed_hosts=["sandbox"], public_url=public)
        with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False) as http:
            headers = {"X-API-Key": sandbox.api_key, "Host": f"sandbox:{server.port}"}
            answer = http.post("/v1/create_invoice", json={"amount": 1}, headers=headers)
            assert answer.json()["data"]["invoiceUrl"].startswith(start)
