"""Signatures: HMAC-SHA256 over the bytes that arrived, in lower-case hex, without a prefix.

Every source agrees on the algorithm. Some of them hash the re-encoded parsed body, which fails for ``29.90``,
``1e-7``, escaped slashes and text beyond ASCII: only the bytes that arrived are what was signed.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import SignatureError
from .request_headers import SIGNATURE_HEADER
from .secrets import SecretLike, Secrets, read_secrets

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_RAW_BODY: Final = (
    "Starlette, FastAPI and Litestar: await request.body(); Flask: request.get_data(); Django: request.body; AWS "
    'Lambda: event["body"].encode(), or base64.b64decode(event["body"]) where event["isBase64Encoded"] is true'
)


def sign(body: bytes | bytearray | memoryview, secret: SecretLike = None) -> str:
    """Return the signature of a body, as ``X-Webhook-Signature`` carries it; for tests of your own.

    >>> sign(b'{"event": "payment.test"}', "whsec_1")
    'd248b5cf0be0a5616545287dd857cc0c077fd580b38b7ce5cefbb79e8a47b0e0'

    ``secret`` defaults to the environment variable ``INVENTPAY_WEBHOOK_SECRET``; of several the first signs.

    Raises TypeError for a body that is not bytes, and ConfigurationError for a secret that is missing or empty.
    """
    secret = read_secrets(secret)
    return secret.check().sign(raw_body(body))


def verify_signature(
    body: bytes | bytearray | memoryview, signature: str | bytes | None, secret: SecretLike = None
) -> None:
    """Raise SignatureError, with the reason, unless the body was signed with the secret.

    >>> verify_signature(b"{}", sign(b"{}", "whsec_1"), ["whsec_2", "whsec_1"])     # several, while they are rotated

    ``body`` is the raw body of the request, ``signature`` the value of its header ``X-Webhook-Signature``, and
    ``secret`` the webhook's secret or several of which each is accepted; by default the environment variable
    ``INVENTPAY_WEBHOOK_SECRET``. Signatures are compared in constant time (docs: webhooks/security).

    Raises TypeError for a body that is not bytes, and an error that is a SignatureError and a ConfigurationError for a
    secret that is missing or empty.
    """
    secret = read_secrets(secret)
    check_signature(raw_body(body), signature, secret.check())


def raw_body(body: object) -> bytes:
    """Return the body as bytes. Raises TypeError, saying where the raw body is found."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)  # pyright: ignore[reportUnknownArgumentType] - a view of what is not said
    raise TypeError(
        f"body must be the raw bytes of the request, not {type(body).__name__}: a parsed or decoded body is no longer "
        f"what was signed. {_RAW_BODY}"
    )


def check_signature(body: bytes, signature: str | bytes | None, secrets: Secrets) -> None:
    """Raise SignatureError unless one of the secrets gives this signature."""
    if isinstance(signature, bytes):
        signature = signature.decode("latin-1")
    if not signature:
        raise SignatureError(
            f"the delivery has no signature: the header {SIGNATURE_HEADER} is "
            f"{'missing' if signature is None else 'empty'}"
        )
    if not isinstance(signature, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"signature must be the text of the header {SIGNATURE_HEADER}, not {type(signature).__name__}")
    if not _HEX.fullmatch(signature):
        raise SignatureError(f"the signature is malformed: {_flaw(signature)}")
    if not secrets.signed(body, signature):
        signer = "another secret" if len(secrets) == 1 else f"none of the {len(secrets)} secrets"
        raise SignatureError(
            f"the signature does not match the body: the body was changed on its way, or signed with {signer}"
        )


def _flaw(signature: str) -> str:
    if "=" in signature or "," in signature:
        return "it has a prefix, and InventPay sends 64 hexadecimal digits without one"
    if _HEX.fullmatch(signature.lower()):
        return "it has upper-case digits, and InventPay sends lower-case ones"
    if len(signature) != 64:
        length = "1 character" if len(signature) == 1 else f"{len(signature)} characters"
        return f"it has {length} instead of 64 hexadecimal digits"
    return "it has characters that are not hexadecimal digits"
