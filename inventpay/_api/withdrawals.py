"""Withdrawals: money that leaves the account."""

from __future__ import annotations

from typing import Any

from .._core.json_values import is_object
from .._json.converter import structure, write_json
from ..models.withdrawals import Withdrawal
from . import addresses, arguments, bounds
from .amounts import Amount, read_amount
from .call import Call, builder_of, read_key, reader_of
from .endpoints import CREATE_WITHDRAWAL, WITHDRAWAL
from .envelope import Json, enveloped
from .status_errors import checked_document


@builder_of(CREATE_WITHDRAWAL)
def create_withdrawal(
    *,
    amount: Amount,
    currency: str,
    destination_address: str,
    description: str | None,
    idempotency_key: str | None,
    key_as_description: bool = False,
    check_address: bool = False,
    testnet: bool = False,
) -> Call[Withdrawal]:
    """``POST /v1/merchant/withdrawal/create``."""
    key = read_key(idempotency_key)
    coin = arguments.currency(currency, "currency")
    exact = read_amount(amount)
    addresses.check_decimal_places(exact, coin)
    destination = arguments.address(destination_address)
    if check_address:
        addresses.check_address(destination, coin, testnet=testnet)
    body: dict[str, Any] = {"amount": exact, "currency": coin, "destinationAddress": destination}
    if description is not None:
        body["description"] = arguments.text(description, "description", at_most=bounds.DESCRIPTION_LENGTH)
    elif key_as_description:
        # Webhooks, the dashboard and a look-up show it: a withdrawal in doubt can be found.
        body["description"] = key
    return Call(
        endpoint=CREATE_WITHDRAWAL,
        path=CREATE_WITHDRAWAL.template,
        read=lambda response: read_withdrawal(checked_document(response)),
        body=write_json(body),
        idempotency_key=key,
        key_is_new=idempotency_key is None,
    )


@builder_of(WITHDRAWAL)
def withdrawal(withdrawal: str | Withdrawal) -> Call[Withdrawal]:
    """``GET /v1/withdrawal/{withdrawalId}``."""
    withdrawal_id = arguments.identifier_of(withdrawal, "withdrawal_id", (Withdrawal,))
    return Call(
        endpoint=WITHDRAWAL,
        path=WITHDRAWAL.path(withdrawalId=withdrawal_id),
        read=lambda response: read_withdrawal(checked_document(response)),
    )


@reader_of(CREATE_WITHDRAWAL, WITHDRAWAL)
def read_withdrawal(document: object) -> Withdrawal:
    """Read the answer to creating or looking up a withdrawal."""
    return read_one(enveloped(document), "$.data")


def read_one(data: Json, path: str) -> Withdrawal:
    """Read a withdrawal found at ``path``: fees in ``metadata``, or in members of their own."""
    shaped, moved, unread = dict(data), dict[str, str](), list[str]()
    metadata = shaped.get("metadata")
    if is_object(metadata):
        if shaped.get("feeBreakdown") is None and ("networkFee" in metadata or "serviceFee" in metadata):
            shaped["feeBreakdown"] = metadata
            moved["feeBreakdown"] = f"{path}.metadata"
        for name in ("netAmount", "confirmations"):
            if shaped.get(name) is None and name in metadata:
                shaped[name] = metadata[name]
                moved[name] = f"{path}.metadata.{name}"
    elif metadata is not None:
        unread.append(f"{path}.metadata")
    if shaped.get("failureReason") is None and "errorMessage" in shaped:
        shaped["failureReason"] = shaped["errorMessage"]
        moved["failureReason"] = f"{path}.errorMessage"
    return structure(Withdrawal, shaped, path=path, raw=data, moved=moved, unread=unread)
