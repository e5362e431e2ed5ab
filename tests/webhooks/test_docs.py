"""The blocks of ``docs/webhooks.md`` run, one after the other, and its table of examples is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inventpay.webhooks import KNOWN_EVENTS, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "webhooks.md").read_text()


def test_the_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader would paste them, in one session, with the secret in the environment."""
    pytest.importorskip("sqlalchemy", reason="a block needs SQLAlchemy: pip install sqlalchemy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", SECRET)
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 16
    for block in blocks:
        exec(compile(block, "webhooks.md", "exec"), names)
    names["Sessions"].kw["bind"].dispose()  # type: ignore[attr-defined]
    receiver = WebhookReceiver()
    handled: list[object] = []
    receiver.on_other(handled.append)
    names["receiver"] = receiver
    request = {"body": flat().decode(), "isBase64Encoded": False, "headers": signed(flat())}
    assert names["lambda_handler"](request, None)["statusCode"] == 200  # type: ignore[operator]
    assert len(handled) == 1
    for empty in ({}, {"body": None}):
        probe = {**empty, "isBase64Encoded": False, "headers": {}}
        assert names["lambda_handler"](probe, None)["statusCode"] == 401  # type: ignore[operator]


def test_every_event_and_every_example_is_there() -> None:
    """The table names every example."""
    for name in KNOWN_EVENTS:
        assert name in PAGE or f"`.{name.partition('.')[2]}`" in PAGE, name
    for example in (ROOT / "examples" / "webhooks").glob("*.py"):
        assert f"(../examples/webhooks/{example.name})" in PAGE
    for link in re.findall(r"\]\(\.\./([^)]*)\)", PAGE):
        assert (ROOT / link).exists()
