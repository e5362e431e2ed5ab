"""The merchant's funds: balances, withdrawal limits, and paying out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._json.converter import write_json
from . import answers, arguments
from .amounts import Amount, read_amount
from .call import Call, builder_of, read_key
from .endpoints import BALANCE, BALANCES, CREATE_WITHDRAWAL, WITHDRAWAL
from .status_errors import checked_document

if TYPE_CHECKING:
    from ..models import Balance, Balances, Withdrawal


@builder_of(BALANCES)
def balances() -> Call[Balances]:
    """``GET /v1/merchant/balance``."""
    return Call(
        endpoint=BALANCES, path=BALANCES.template, read=lambda response: answers.balances(checked_document(response))
    )


@builder_of(BALANCE)
def balance(currency: str) -> Call[Balance]:
    """``GET /v1/merchant/balance/{currency}``."""
    coin = arguments.currency(currency, "currency")
    return Call(
        endpoint=BALANCE,
        path=f"/v1/merchant/balance/{coin}",
        read=lambda response: answers.balance(checked_document(response), currency=coin),
    )


@builder_of(CREATE_WITHDRAWAL)
def create_withdrawal(
    *,
    amount: Amount,
    currency: str,
    destination_address: str,
    description: str | None,
    idempotency_key: str | None,
) -> Call[Withdrawal]:
    """``POST /v1/merchant/withdrawal/create``."""
    coin = arguments.currency(currency, "currency")
    body: dict[str, Any] = {
        "amount": read_amount(amount),
        "currency": coin,
        "destinationAddress": arguments.address(destination_address),
    }
    if description is not None:
        body["description"] = arguments.text(description, "description", at_most=arguments.DESCRIPTION_LENGTH)
    return Call(
        endpoint=CREATE_WITHDRAWAL,
        path=CREATE_WITHDRAWAL.template,
        read=lambda response: answers.withdrawal(checked_document(response), currency=coin),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
    )


@builder_of(WITHDRAWAL)
def withdrawal(withdrawal_id: str) -> Call[Withdrawal]:
    """``GET /v1/withdrawal/{withdrawalId}``."""
    withdrawal_id = arguments.identifier(withdrawal_id, "withdrawal_id")
    return Call(
        endpoint=WITHDRAWAL,
        path=f"/v1/withdrawal/{arguments.segment(withdrawal_id)}",
        read=lambda response: answers.withdrawal(checked_document(response), withdrawal_id=withdrawal_id),
    )
