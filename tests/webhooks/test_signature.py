"""A signature proves that exactly these bytes were signed with one of these secrets; anything less is refused."""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from inventpay import ConfigurationError, SignatureError, WebhookError
from inventpay.webhooks import sign, verify_signature
from inventpay.webhooks.secrets import read_secrets
from tests.support.canaries import assert_silent, of_error, of_object
from tests.support.deliveries import OTHER_SECRET, SECRET, hexdigest
from tests.support.documented import body as documented

GENUINE = [
    b'{"event":"payment.completed","paymentId":"cmh1","amount":29.90}',
    b'{"event":"payment.completed","amount":1e-7}',
    b'{"url":"https:\\/\\/inventpay.io\\/invoice\\/cmh1"}',
    '{"description":"Überweisung für 日本 🪙"}'.encode(),
    b'{ "b": 1,\n  "a": 2 }\n',
    b"",
    b"\x00\xff not even JSON",
    documented("webhook.payment_created.flat"),
    documented("webhook.payment_created.nested"),
]


@pytest.mark.parametrize("body", GENUINE)
def test_a_genuine_body_passes_whatever_is_in_it(body: bytes) -> None:
    """Non-ASCII text, trailing zeros, exponents, escaped slashes, white space: the bytes count, not their meaning."""
    verify_signature(body, hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(), SECRET)


@pytest.mark.parametrize("body", GENUINE)
def test_sign_makes_what_the_api_makes(body: bytes) -> None:
    """HMAC-SHA256 over the bytes, lower-case hex, no prefix."""
    assert sign(body, SECRET) == hexdigest(body)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_will_do(kind: Callable[[bytes], Any]) -> None:
    """Servers hand out bytes, bytearrays and views of buffers."""
    verify_signature(kind(b"{}"), sign(kind(b"{}"), SECRET), SECRET)


def test_a_signature_may_come_as_bytes() -> None:
    """The raw headers of an ASGI scope are bytes."""
    verify_signature(b"{}", hexdigest(b"{}").encode(), SECRET)


def test_every_flipped_bit_of_the_body_is_noticed() -> None:
    """One bit changed anywhere in the body, and the signature does not match."""
    body = documented("webhook.payment_underpaid.flat")
    signature = hexdigest(body)
    for bit in range(len(body) * 8):
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureError, match="does not match the body"):
            verify_signature(changed, signature, SECRET)


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    """One bit changed anywhere in the signature, and it is malformed or does not match."""
    body = documented("webhook.payment_underpaid.flat")
    signature = hexdigest(body).encode()
    for bit in range(len(signature) * 8):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        for form in (bytes(changed), changed.decode("latin-1")):
            with pytest.raises(SignatureError, match=r"does not match the body|is malformed"):
                verify_signature(body, form, SECRET)


@pytest.mark.parametrize(
    ("signature", "problem"),
    [
        (None, "the delivery has no signature: the header X-Webhook-Signature is missing"),
        ("", "the delivery has no signature: the header X-Webhook-Signature is empty"),
        (b"", "the delivery has no signature: the header X-Webhook-Signature is empty"),
        (hexdigest(b"{}").upper(), "it has upper-case digits, and InventPay sends lower-case ones"),
        ("sha256=" + hexdigest(b"{}"), "it has a prefix, and InventPay sends 64 hexadecimal digits without one"),
        ("t=1,v1=" + hexdigest(b"{}"), "it has a prefix, and InventPay sends 64 hexadecimal digits without one"),
        ("v1," + hexdigest(b"{}"), "it has a prefix, and InventPay sends 64 hexadecimal digits without one"),
        (hexdigest(b"{}")[:-1], "it has 63 characters instead of 64 hexadecimal digits"),
        (hexdigest(b"{}") + "\n", "it has 65 characters instead of 64 hexadecimal digits"),
        ("x", "it has 1 character instead of 64 hexadecimal digits"),
        ("g" * 64, "it has characters that are not hexadecimal digits"),
        ("１" * 64, "it has characters that are not hexadecimal digits"),
        (hexdigest(b"{ }"), "the body was changed on its way, or signed with another secret"),
        (hexdigest(b"{}", OTHER_SECRET), "the body was changed on its way, or signed with another secret"),
    ],
)
def test_a_refusal_says_what_is_wrong(signature: str | bytes | None, problem: str) -> None:
    """Missing, upper-case, prefixed, truncated and foreign signatures have separate messages."""
    with pytest.raises(SignatureError) as caught:
        verify_signature(b"{}", signature, SECRET)
    assert str(caught.value).endswith(problem)


def test_a_signature_that_is_no_text_is_the_callers_mistake() -> None:
    """A list, as some frameworks keep repeated headers, is refused by name."""
    with pytest.raises(TypeError, match="signature must be the text of the header X-Webhook-Signature, not list"):
        verify_signature(b"{}", [hexdigest(b"{}")], SECRET)  # type: ignore[arg-type]


# Secrets


def test_while_secrets_are_rotated_each_is_accepted() -> None:
    """Deliveries signed with the old or the new secret pass, and no others; the first secret signs."""
    secrets = [SECRET, OTHER_SECRET]
    verify_signature(b"{}", hexdigest(b"{}", SECRET), secrets)
    verify_signature(b"{}", hexdigest(b"{}", OTHER_SECRET), tuple(secrets))
    assert sign(b"{}", secrets) == hexdigest(b"{}", SECRET)
    with pytest.raises(SignatureError, match="signed with none of the 2 secrets"):
        verify_signature(b"{}", hexdigest(b"{}", "third"), secrets)


def test_a_secret_counts_without_the_line_break_that_files_append() -> None:
    """A secret with a trailing line break, as from `cat secret.txt`, verifies like the secret itself."""
    verify_signature(b"{}", hexdigest(b"{}"), f" {SECRET}\r\n")


def test_a_secret_beyond_ascii_is_utf_8() -> None:
    """A secret beyond ASCII is encoded as UTF-8, as in Node.js' createHmac."""
    verify_signature(b"{}", hexdigest(b"{}", "schlüssel"), "schlüssel")


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("", "secret is empty; it is shown once, when the webhook is set up"),
        (" \n", "secret is empty"),
        ([], "secret is an empty list"),
        ([SECRET, ""], r"secret\[1\] is empty"),
        ([SECRET, None], r"secret\[1\] must be a str, not NoneType"),
        ([SECRET, 5], r"secret\[1\] must be a str, not int"),
        (SECRET.encode(), "secret must be a str, or several in a list, not bytes"),
        (bytearray(b"whsec"), "secret must be a str, or several in a list, not bytearray"),
        (5, "secret must be a str, or several in a list, not int"),
        ({SECRET}, "secret must be a str, or several in a list, not set"),
        (SECRET + "\ud800", "secret holds half of a surrogate pair"),
        ("é\udfff", "secret holds half of a surrogate pair"),
        ("'whsec_1'", "secret is wrapped in quotes, as in an env file; remove them; it is shown once"),
        ([SECRET, "your_secret"], r"secret\[1\] is a placeholder"),
        ("pk_live_abc", "secret is an API key, by its prefix; it is shown once"),
        ("wk_live_abc", "secret is an API key, by its prefix; it is shown once"),
    ],
)
@pytest.mark.parametrize("error", [SignatureError, ConfigurationError, WebhookError])
def test_an_unusable_secret_accepts_nothing(secret: Any, problem: str, error: type[Exception]) -> None:
    """The error is both a SignatureError and a ConfigurationError."""
    with pytest.raises(error, match=problem):
        verify_signature(b"{}", hexdigest(b"{}", ""), secret)
    with pytest.raises(error, match=problem):
        sign(b"{}", secret)
    assert len(read_secrets(secret)) == 0


def test_the_secret_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """INVENTPAY_WEBHOOK_SECRET is used where no secret is passed; without it the error names both ways."""
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", f"{SECRET}\n")
    verify_signature(b"{}", hexdigest(b"{}"))
    assert sign(b"{}") == hexdigest(b"{}")
    missing = "no webhook secret: pass secret=, or set the environment variable INVENTPAY_WEBHOOK_SECRET; it is shown"
    for nothing, problem in (
        ("", missing),
        (" ", missing.replace("secret:", "secret (the environment variable INVENTPAY_WEBHOOK_SECRET is empty):")),
        (
            "'whsec_1'",
            "the secret of the environment variable INVENTPAY_WEBHOOK_SECRET is wrapped in quotes, as in an env file",
        ),
    ):
        monkeypatch.setattr(os, "environ", {"INVENTPAY_WEBHOOK_SECRET": nothing})
        assert len(read_secrets(None)) == 0
        with pytest.raises(ConfigurationError) as caught:
            verify_signature(b"{}", hexdigest(b"{}"))
        assert caught.value.message.startswith(problem)


def test_no_error_shows_a_secret() -> None:
    """Neither the message nor the locals of any frame, nor a pickle."""
    for secret in (SECRET, [SECRET, OTHER_SECRET], SECRET + "\ud800", [SECRET, 5]):
        with pytest.raises(SignatureError) as caught:
            verify_signature(b"{}", hexdigest(b"{ }"), secret)  # type: ignore[arg-type]
        error: BaseException = caught.value
        # The caller's own frame holds what the caller passed.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        assert_silent(of_error(error))


def test_an_unusable_secret_survives_pickle() -> None:
    """An error about an unusable secret survives pickle, like all errors of this package."""
    with pytest.raises(SignatureError) as caught:
        verify_signature(b"{}", "", "")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert type(copied) is type(caught.value)
    assert str(copied) == str(caught.value)


# Bodies


@frozen
class Model:
    """A body that a framework has parsed."""

    event: str


@pytest.mark.parametrize("body", [{"event": "payment.test"}, "{}", Model("payment.test"), [1], None, 5])
@pytest.mark.parametrize(
    "call", [lambda body: verify_signature(body, hexdigest(b"{}"), SECRET), lambda b: sign(b, SECRET)]
)
def test_the_error_for_a_parsed_body_names_the_raw_one(body: object, call: Callable[[Any], object]) -> None:
    """A dict, a model or a str was parsed or decoded: the message names the right attribute of each framework."""
    with pytest.raises(TypeError) as caught:
        call(body)
    message = str(caught.value)
    assert f"body must be the raw bytes of the request, not {type(body).__name__}" in message
    for name, attribute in {
        "Starlette": "await request.body()",
        "FastAPI": "await request.body()",
        "Litestar": "await request.body()",
        "Flask": "request.get_data()",
        "Django": "request.body",
        "AWS Lambda": 'event["body"].encode()',
    }.items():
        assert name in message
        assert attribute in message


def test_held_secrets_are_never_shown() -> None:
    """Not in a repr, and not in a pickle."""
    held = read_secrets([SECRET, OTHER_SECRET])
    assert repr(held) == "<2 webhook secrets>"
    assert repr(read_secrets(SECRET)) == "<1 webhook secret>"
    assert_silent(of_object(held))
    with pytest.raises(TypeError, match="webhook secrets are not pickled"):
        pickle.dumps(held)


def test_the_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """INVENTPAY_WEBHOOK_SECRET_FILE names a file with the secret; both variables at once are refused."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.delenv("INVENTPAY_WEBHOOK_SECRET", raising=False)
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET_FILE", str(file))
    verify_signature(b"{}", sign(b"{}", SECRET))
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match="INVENTPAY_WEBHOOK_SECRET_FILE is empty"):
        sign(b"{}")
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", SECRET)
    with pytest.raises(ConfigurationError, match="are both set; unset one of them"):
        sign(b"{}")
    assert len(read_secrets(None)) == 0
