"""Values that cannot be keys or secrets are refused at once, without being shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import ConfigurationError, InventPay
from inventpay._core.secret_text import problem_with
from inventpay.webhooks import WebhookReceiver, sign

BODY = b'{"event":"payment.test"}'

ODD = {
    "\ufeffpk_live_1": "U+FEFF",
    "pk_live_1\u200b": "U+200B",
    "pk_\u2060live_1": "U+2060",
    '"pk_live_1"': "quotes",
    "'pk_live_1'": "quotes",
    "\u201cpk_live_1\u201d": "quotes",
    "<your key>": "placeholder",
    "pk_live_...": "placeholder",
    "pk_live_\u2026": "placeholder",
    "pk_live_xxxxxxxx": "placeholder",
    "pk_live_": "placeholder",
    "${INVENTPAY_API_KEY}": "placeholder",
    "$INVENTPAY_API_KEY": "placeholder",
    "your-api-key": "placeholder",
    "YOUR_API_KEY_HERE": "placeholder",
    "changeme": "placeholder",
}


@pytest.mark.parametrize("text", ODD)
def test_a_malformed_key_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an argument, in the environment, as either key: the reason is named, the text is not shown."""
    with pytest.raises(ConfigurationError, match=re.escape(ODD[text])) as caught:
        InventPay(text)
    assert text.strip("\"'") not in str(caught.value)
    with pytest.raises(ConfigurationError, match=re.escape(ODD[text])):
        InventPay("pk_live_1", withdrawal_key=text)
    monkeypatch.setenv("INVENTPAY_API_KEY", text)
    with pytest.raises(ConfigurationError, match="INVENTPAY_API_KEY"):
        InventPay()


@pytest.mark.parametrize("text", [text.replace("pk_live_1", "whsec_1") for text in ODD])
def test_a_malformed_secret_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver says why at the first use, instead of answering every delivery with 401 for ever."""
    headers = {"X-Webhook-Signature": sign(BODY, "whsec_1")}
    with pytest.raises(ConfigurationError):
        WebhookReceiver(text)
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", text)
    with pytest.raises(ConfigurationError):
        WebhookReceiver()
    del headers


def test_an_api_key_is_no_secret() -> None:
    """A key of the API where the webhook's secret belongs is refused by its prefix."""
    with pytest.raises(ConfigurationError, match="is an API key"):
        WebhookReceiver("pk_live_1")


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=20, max_size=40))
def test_a_random_key_has_no_problem(text: str) -> None:
    """Real keys are long and random; none of them looks like a placeholder."""
    if not text.lower().startswith(("my", "your", "api", "webhook", "secret", "withdrawal", "xxx")):
        assert problem_with(text) is None
        assert problem_with(f"pk_live_{text}") is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"api_key": "wk_live_1"}, "holds a withdrawal key"),
        ({"api_key": "pk_live_1", "withdrawal_key": "pk_live_2"}, "holds an API key"),
        ({"api_key": "cmf1", "withdrawal_key": "cmf1"}, "are the same"),
        ({"api_key": "pk_test_1", "withdrawal_key": "wk_live_1"}, "one is a test key"),
        ({"api_key": "pk_live_1", "withdrawal_key": "wk_test_1"}, "one is a test key"),
        ({"api_key": "pk_test_sandbox"}, "the key of a sandbox"),
        ({"api_key": "pk_live_1", "base_url": "https://api.inventpay.io/v1"}, "leave /v1 out"),
        ({"api_key": "pk_live_1", "base_url": "https://gateway.example/v1/"}, "leave /v1 out"),
    ],
)
def test_mix_ups_are_noticed(options: dict[str, str], problem: str) -> None:
    """Before anything is sent, and without showing a key."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        InventPay(**options)  # type: ignore[arg-type]
    for name in ("api_key", "withdrawal_key"):
        assert options.get(name, "-none-") not in str(caught.value)


def test_keys_of_a_sandbox_may_be_mixed() -> None:
    """On this machine any keys go together: a sandbox takes those that its test chose."""
    InventPay("pk_live_1", withdrawal_key="wk_test_sandbox", base_url="http://127.0.0.1:1").close()
    InventPay("pk_test_sandbox", base_url="http://127.0.0.1:1/prefix").close()
