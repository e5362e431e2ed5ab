"""``examples/compose.yaml`` works: its commands, run as processes of this machine, sell a mug and are paid for it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventpay import ConfigurationError, InventPay
from tests.support.redis_servers import binary
from tests.support.servers import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install pyyaml")
pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi")

FILE = ROOT / "examples" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_the_file_is_whole() -> None:
    """Every service has an image and what it names exists: services, volumes, folders, extras of the package."""
    assert set(SERVICES) == {"shop", "sandbox", "valkey"}
    for service in SERVICES.values():
        assert ("image" in service) != ("build" in service)
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
    build = SERVICES["shop"]["build"]
    context = (FILE.parent / build["context"]).resolve()
    assert context == ROOT
    (extras,) = re.findall(r"/src\[([a-z,]+)\]", build["dockerfile_inline"])
    project = (context / "pyproject.toml").read_text()
    assert all(f"\n{extra} = [" in project for extra in extras.split(","))
    (folder,) = re.findall(r"WORKDIR /src/(\S+)", build["dockerfile_inline"])
    assert (context / folder / "shop.py").exists()


def test_plain_http_is_for_keys_of_a_sandbox() -> None:
    """The shop's client accepts the sandbox's address with its key, and refuses it with a live one."""
    environment = SERVICES["shop"]["environment"]
    options = {"base_url": environment["INVENTPAY_BASE_URL"], "allow_insecure": True}
    InventPay(environment["INVENTPAY_API_KEY"], **options).close()
    with pytest.raises(ConfigurationError, match="sent unencrypted"):
        InventPay("pk_live_1", **options)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Machine:
    """Runs the commands of the file on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {"valkey": _free_port(), "sandbox": _free_port(), "shop": _free_port()}
        inside = {"valkey": "6379", "sandbox": "8000", "shop": "8080"}
        self._names = {f"{name}:{inside[name]}": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self._names[f"localhost:{inside['sandbox']}"] = f"127.0.0.1:{self.ports['sandbox']}"
        self._names["0.0.0.0"] = "127.0.0.1"
        self._inside = {inside[name]: str(port) for name, port in self.ports.items()}

    def _here(self, text: str) -> str:
        for name, address in self._names.items():
            text = text.replace(name, address)
        option, equals, value = text.rpartition("=")
        return option + equals + self._inside.get(value, value)

    @contextmanager
    def service(self, name: str) -> Iterator[str]:
        """Start a service, and give its base URL."""
        service = SERVICES[name]
        # One process of the shop instead of two, which takes a third of the time to start.
        command = [self._here(part) for part in service["command"] if part != "--workers=2"]
        if command[0] == "python":
            command[0] = sys.executable
        else:
            program = binary("valkey-server") or binary("redis-server")
            if program is None:
                pytest.skip("no valkey-server: install the dependency group test")
            command[0] = program
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment |= {key: self._here(value) for key, value in service.get("environment", {}).items()}
        where = ROOT / "examples" / "compose" if name == "shop" else self._folder
        with self._output(name).open("w") as log:
            process = subprocess.Popen(command, cwd=where, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._processes[name] = process
        try:
            yield f"http://127.0.0.1:{self.ports[name]}"
        finally:
            process.terminate()
            process.wait(20)

    def wait_for(self, name: str) -> None:
        """Wait until a service listens."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._processes[name].poll() is None, self._output(name).read_text()
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"{name} does not listen:\n{self._output(name).read_text()}")

    def _output(self, name: str) -> Path:
        return self._folder / f"{name}.log"


@pytest.mark.real_time
@pytest.mark.timeout(120)
def test_a_mug_is_sold_and_paid(tmp_path: Path) -> None:
    """The buyer orders, is sent to the payment page and pays; the shop ships once, with every delivery repeated."""
    machine = Machine(tmp_path)
    with ExitStack() as stack:
        _, sandbox, shop = (stack.enter_context(machine.service(name)) for name in ("valkey", "sandbox", "shop"))
        for name in SERVICES:
            machine.wait_for(name)
        http = stack.enter_context(httpx.Client(timeout=20))
        assert "Buy one" in http.get(shop).text
        answer = http.post(f"{shop}/orders")
        assert answer.status_code == 303, answer.text
        assert http.get(answer.headers["location"]).status_code == 200, "the payment page of the sandbox"
        order = f"{shop}/orders/{answer.headers['x-order']}"
        found = http.get(order).json()
        assert (found["state"], found["shipments"]) == ("open", "0")
        paid = http.post(f"{sandbox}/sandbox/payments/{found['payment_id']}/pay")
        assert paid.status_code == 200, paid.text
        deadline = time.monotonic() + 20
        while (found := http.get(order).json())["state"] != "paid" and time.monotonic() < deadline:
            time.sleep(0.02)
        with InventPay("pk_test_sandbox", base_url=sandbox) as client:
            for delivery in client.webhooks.deliveries():
                client.webhooks.retry(delivery.id)
        http.post(f"{sandbox}/sandbox/webhooks/deliver")
        found = http.get(order).json()
        assert (found["state"], found["shipments"]) == ("paid", "1")
