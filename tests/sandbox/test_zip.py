"""The package from a zip file: scripts and templates are found where no folder is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import inventpay

PACKAGE = Path(inventpay.__file__).parent
"""The package under test, which may be installed elsewhere."""

STORY = """
import sys
import httpx
import inventpay
from inventpay.redis.exchange import SCRIPT
from inventpay.redis.seen import SCRIPT as SEEN
from inventpay.sandbox import Sandbox

assert ".zip" in inventpay.__file__, inventpay.__file__
assert SCRIPT and SEEN
sandbox = Sandbox()
with sandbox.client() as client:
    payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
with httpx.Client(transport=sandbox.transport(), base_url="http://localhost", headers={"Accept": "text/html"}) as http:
    for path in ("/", f"/invoice/{payment.payment_id}", "/sandbox/assets/sandbox.css", "/sandbox/assets/live.js"):
        answer = http.get(path)
        assert answer.status_code == 200 and answer.content, path
print("all found")
"""


@pytest.mark.timeout(120)
def test_the_sandbox_and_the_redis_scripts_work_from_a_zip(tmp_path: Path) -> None:
    """A client, the pages with their assets, and the Lua scripts, with nothing of the package in a folder."""
    bundle = tmp_path / "inventpay.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(PACKAGE.parent))
    code = f"import sys; sys.path.insert(0, {str(bundle)!r})\n{STORY}"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.returncode) == ("all found", 0), ran.stderr
