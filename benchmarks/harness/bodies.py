"""The answers of the API in the comparison, and those of the peers' own APIs to their smallest read."""

from __future__ import annotations

BALANCE = (
    b'{"success":true,"data":{"currency":"USDT_BEP20","balance":{"totalEarned":5000,"totalWithdrawn":3499.25,'
    b'"totalFees":12.5,"availableBalance":1500.75,"lockedBalance":10,"pendingBalance":250.5,'
    b'"lastUpdated":"2024-01-01T12:00:00.000Z"},"limits":{"daily":{"limit":10000,"used":1500},'
    b'"weekly":{"limit":50000,"used":9000},"monthly":{"limit":100000,"used":15000}},'
    b'"merchantInfo":{"businessName":"Your Business","rateLimitTier":"STANDARD"}}}'
)
"""The documented balance, seven amounts of money and three limits."""

STATUS = (
    b'{"status":"PENDING","currentBalance":"0","confirmations":0,"requiredAmount":"29.99","currency":"USDT_BEP20",'
    b'"address":"0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb","expiresAt":"2030-01-01T12:30:00.000Z",'
    b'"createdAt":"2024-01-01T12:00:00.000Z"}'
)

STRIPE_BALANCE = (
    b'{"object":"balance","livemode":false,"available":[{"amount":150075,"currency":"usd","source_types":{"card":150075}}],'
    b'"pending":[{"amount":25050,"currency":"usd","source_types":{"card":25050}}]}'
)

MODEL = (
    b'{"id":"model-1","type":"model","object":"model","display_name":"Model 1","created":1700000000,'
    b'"created_at":"2024-01-01T12:00:00Z","owned_by":"somebody"}'
)
"""An answer that both Anthropic's and OpenAI's "retrieve a model" accept."""

HEADERS = [
    ("Content-Type", "application/json"),
    ("Date", "Mon, 01 Jan 2024 12:00:00 GMT"),
    ("Server", "nginx"),
    ("Cache-Control", "no-store"),
    ("X-Request-Id", "req_1"),
]


def body_of(path: str) -> bytes:
    """The answer to a GET of this path."""
    if path.endswith("/status"):
        return STATUS
    if path.startswith("/v1/merchant/balance"):
        return BALANCE
    return STRIPE_BALANCE if path.startswith("/v1/balance") else MODEL
