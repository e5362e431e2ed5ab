"""Ids that would mean something else if they were pasted into a URL."""

from __future__ import annotations

from .raw_server import Exchange

UNUSUAL_IDS = {
    "../merchant/balance": "..%2Fmerchant%2Fbalance",
    "..\\merchant": "..%5Cmerchant",
    "%2e%2e/merchant": "%252e%252e%2Fmerchant",
    "a?b=c": "a%3Fb%3Dc",
    "a#b": "a%23b",
    "a;b=c": "a%3Bb%3Dc",
    "a/b": "a%2Fb",
    "//evil.example/": "%2F%2Fevil.example%2F",
    "a&b": "a%26b",
    "@evil.example": "%40evil.example",
    "äöü": "%C3%A4%C3%B6%C3%BC",
    "...": "...",
    "a+b": "a%2Bb",
}
"""Each with what it must be on the wire."""


def says_404(exchange: Exchange) -> None:
    """There is nothing here."""
    exchange.say(404, b'{"success": false, "error": "Not found", "statusCode": 404}')
