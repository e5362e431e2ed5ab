"""The sandbox's server and its command: start, stop, addresses, and errors."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inventpay.sandbox import AddressError, RunningServer, Sandbox, cli, serve
from inventpay.sandbox.http.server import listen, run_in_thread
from tests.support.systems import needs_interrupts

ROOT = Path(__file__).parents[3]


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_is_ready_when_entered_and_gone_when_left() -> None:
    """Inside the block it answers on a free loopback port; afterwards port, thread and sockets are gone."""
    sandbox = Sandbox()
    before = set(threading.enumerate())
    with sandbox.run() as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert httpx.get(server.url, verify=False).status_code == 200
        assert {thread.name for thread in set(threading.enumerate()) - before} == {"inventpay-sandbox"}
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=5)
    # A socket left open would raise its ResourceWarning here.
    gc.collect()


def test_leaving_does_not_wait_for_idle_or_half_sent_requests() -> None:
    """Open connections, one of them in the middle of a request, are closed and do not hold up the end."""
    sandbox = Sandbox()
    half = (
        b"POST /v1/create_invoice HTTP/1.1\r\nHost: [::1]\r\nX-API-Key: pk_test_sandbox\r\nContent-Length: 9\r\n\r\n{"
    )
    with sandbox.run() as server:
        idle = socket.create_connection((server.host, server.port))
        sending = socket.create_connection((server.host, server.port))
        sending.sendall(half)
        # The answer to this shows that the server has read what came before it.
        assert httpx.get(server.url, verify=False).status_code == 200
    with idle, sending:
        assert idle.recv(1) == b""
        assert sending.recv(1) == b""


def test_a_sandbox_can_be_served_again_with_its_state() -> None:
    """The records belong to the sandbox, not to one server."""
    sandbox = Sandbox()
    sandbox.deposit("BTC", 1)
    for _ in range(2):
        with sandbox.run() as server:
            headers = {"X-API-Key": sandbox.api_key}
            answer = httpx.get(f"{server.url}/v1/merchant/balance/BTC", headers=headers, verify=False)
            assert answer.json()["data"]["balance"]["availableBalance"] == 1


def test_control_from_many_threads_keeps_the_money_right() -> None:
    """Deposits from several threads while requests are answered add up exactly."""
    sandbox = Sandbox()
    with sandbox.run() as server:
        threads = [
            threading.Thread(target=lambda: [sandbox.deposit("BTC", "0.00000001") for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for _ in range(20):
            httpx.get(f"{server.url}/sandbox/state", verify=False)
        for thread in threads:
            thread.join()
    assert str(sandbox.balance("BTC").available) == "0.00000800"


def test_a_server_that_cannot_start_is_an_error_and_no_hang() -> None:
    """When the application cannot be loaded the block is never entered."""
    with (
        pytest.raises(RuntimeError, match="stopped before it was ready"),
        run_in_thread("no_such_module:app", "127.0.0.1", 0),  # type: ignore[arg-type]
    ):
        pytest.fail("entered without a server")


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("127.0.0.1", 70_000, "port must be 0-65535"),
        ("192.0.2.1", 0, "assign requested address"),
        ("\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 64, 0, "hostname"),
        ("no-such-host.invalid", 0, "[a-z]"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_one_line_error(host: str, port: int, reason: str) -> None:
    """The message names host, port and reason."""
    with pytest.raises(AddressError, match=f"Cannot listen on {host} port {port}: .*{reason}.*$") as caught:
        listen(host, port)
    assert "\n" not in str(caught.value)


def test_accepted_connections_do_not_delay_small_answers() -> None:
    """The listening socket names its protocol, without which asyncio leaves Nagle's algorithm switched on."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_url_is_one_that_a_local_client_can_open(host: str, url: str) -> None:
    """Wildcard addresses are shown as loopback and IPv6 in brackets."""
    assert RunningServer(host, 80).url == url


def test_ipv6_loopback_is_served_and_named_in_links() -> None:
    """On ::1 the links in answers have the address in brackets."""
    sandbox = Sandbox()
    try:
        running = sandbox.run(host="::1")
        with running as server, httpx.Client(base_url=server.url, verify=False) as http:
            answer = http.post("/v1/create_invoice", json={"amount": 1}, headers={"X-API-Key": sandbox.api_key})
            assert answer.json()["data"]["invoiceUrl"].startswith(f"http://[::1]:{server.port}/invoice/")
    except AddressError:
        pytest.skip("no IPv6 loopback here")


@pytest.mark.parametrize("by_socket", [False, True])
async def test_links_without_a_port_have_none(by_socket: bool) -> None:
    """Links have the host of the request alone where it names no port, or that of the socket for HTTP/1.0."""
    sandbox = Sandbox(allowed_hosts=["sandbox.example"])

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        headers = [(name, value) for name, value in scope["headers"] if not (by_socket and name == b"host")]
        await sandbox.app({**scope, "server": ("sandbox.example", None), "headers": headers}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox.example") as http:
        answer = await http.post("/v1/create_invoice", json={"amount": 1}, headers={"X-API-Key": sandbox.api_key})
    assert answer.json()["data"]["invoiceUrl"].startswith("http://sandbox.example/invoice/")


def test_a_port_in_use_ends_the_command_with_one_line(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, one line on stderr that says what to do, nothing on stdout."""
    assert cli.main(parse("--port", str(taken_port))) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"Cannot listen on 127.0.0.1 port {taken_port}: "
        "the port is already in use; take another one, or 0 for any free port\n"
    )


def test_an_unusable_key_ends_the_command_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the reason on stderr."""
    assert cli.main(parse("--api-key", "two words")) == 2
    assert capsys.readouterr().err == "api_key must be visible ASCII characters without spaces.\n"


def interrupt_when_serving(port: int, seen: list[httpx.Response]) -> threading.Thread:
    """Presses Ctrl-C once the sandbox on that port has answered."""

    def run() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                seen.append(httpx.get(f"http://127.0.0.1:{port}/v1/invoice/x/status", verify=False))
            except httpx.TransportError:
                time.sleep(0.01)
            else:
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@needs_interrupts
def test_the_command_serves_until_ctrl_c_and_ends_quietly(
    unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints URL, keys and commands, can answer without limits, and exits with 0 on Ctrl-C."""
    seen: list[httpx.Response] = []
    thread = interrupt_when_serving(unused_tcp_port, seen)
    arguments = parse("--port", str(unused_tcp_port), "--api-key", "pk_mine", "--no-rate-limits")
    assert cli.main(arguments) == 0
    thread.join()
    out, err = capsys.readouterr()
    url = f"http://127.0.0.1:{unused_tcp_port}"
    assert err == ""
    assert f"  export INVENTPAY_BASE_URL={url}\n" in out
    assert "  export INVENTPAY_API_KEY=pk_mine\n" in out
    assert "  export INVENTPAY_WITHDRAWAL_KEY=wk_test_sandbox\n" in out
    assert f"curl -X POST {url}/sandbox/payments/PAYMENT_ID/pay\n" in out
    assert "Warning" not in out
    assert "x-ratelimit-limit" not in seen[0].headers


class InterruptedOutput:
    """A terminal whose user presses Ctrl-C while the first lines are printed."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        raise KeyboardInterrupt

    def flush(self) -> None:
        return None


def test_serving_beyond_loopback_warns() -> None:
    """An address that others can reach is used only with a host that is allowed, and the first line warns."""
    with pytest.raises(ValueError, match=r"0\.0\.0\.0 can be reached from other machines"):
        serve("0.0.0.0", 0)
    with pytest.raises(ValueError, match="allowed_hosts"), Sandbox().run("0.0.0.0"):
        pass
    out = InterruptedOutput()
    serve("0.0.0.0", 0, sandbox=Sandbox(allowed_hosts=["sandbox"]), out=out)  # type: ignore[arg-type]
    assert out.text.startswith("Warning: 0.0.0.0 is not a loopback address")
    assert "http://127.0.0.1:" in out.text


@needs_interrupts
def test_a_real_process_ends_quietly_on_ctrl_c() -> None:
    """A separate process prints its URL, answers there, and leaves with exit code 0 and an empty stderr."""
    code = (
        "import argparse, sys; from inventpay.sandbox import cli; parser = argparse.ArgumentParser();"
        "cli.add_arguments(parser); sys.exit(cli.main(parser.parse_args(['--port', '0'])))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = first.split()[3]
        assert httpx.get(url, verify=False).json()["name"] == "InventPay sandbox"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "jinja2", "segno"])
def test_without_the_extra_the_import_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ImportError names the missing package and the command that installs it."""
    for name in [name for name in sys.modules if name.startswith("inventpay.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf'{missing}.*pip install "\.\[sandbox\]"'):
        importlib.import_module("inventpay.sandbox")
