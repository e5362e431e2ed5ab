"""Balances and their withdrawal limits."""

from __future__ import annotations

from .._core.json_values import is_array
from .._json.converter import structure
from ..errors import DecodeError
from ..models.balances import Balance, Balances, BalanceSummary
from . import arguments
from .call import Call, builder_of
from .endpoints import BALANCE, BALANCES
from .envelope import as_text, enveloped, member, object_at, same
from .status_errors import checked_document


@builder_of(BALANCES)
def balances() -> Call[Balances]:
    """``GET /v1/merchant/balance``."""
    return Call(
        endpoint=BALANCES, path=BALANCES.template, read=lambda response: read_balances(checked_document(response))
    )


@builder_of(BALANCE)
def balance(currency: str) -> Call[Balance]:
    """``GET /v1/merchant/balance/{currency}``."""
    coin = arguments.currency(currency, "currency")
    return Call(
        endpoint=BALANCE,
        path=BALANCE.path(currency=coin),
        read=lambda response: read_balance(checked_document(response)),
    )


def read_balances(document: object) -> Balances:
    """The answer to the call for all balances: a map with limits, a map with locked amounts, or a list with totals."""
    data = enveloped(document)
    path = "$.data.balances"
    held = object_at(member(data, "balances", "$.data"), path)
    entries: dict[str, Balance] = {}
    summary: BalanceSummary | None = None
    if is_array(held.get("balances")):
        for index, value in enumerate(held["balances"]):
            where = f"{path}.balances[{index}]"
            entry = structure(Balance, object_at(value, where), path=where)
            if entry.currency in entries:
                raise DecodeError(f"{where}.currency is {as_text(entry.currency)} again", json_path=f"{where}.currency")
            entries[entry.currency] = entry
        if held.get("summary") is not None:
            totals = object_at(held["summary"], f"{path}.summary")
            summary = structure(BalanceSummary, totals, path=f"{path}.summary")
    else:
        for name, value in held.items():
            held_in_coin = object_at(value, f"{path}.{name}")
            shaped = held_in_coin if held_in_coin.get("currency") is not None else {**held_in_coin, "currency": name}
            entries[name] = structure(Balance, shaped, path=f"{path}.{name}", raw=held_in_coin)
            same(entries[name].currency, name, f"{path}.{name}.currency")
    # Balances and totals are read above; what stays is a flat object.
    rest = {name: value for name, value in data.items() if name not in ("balances", "summary")}
    answer = structure(Balances, {**rest, "byCurrency": {}}, path="$.data", raw=data)
    object.__setattr__(answer, "by_currency", entries)
    object.__setattr__(answer, "summary", summary)
    return answer


def read_balance(document: object) -> Balance:
    """The answer to the balance call of one coin: limits inside the balance or beside it."""
    data = enveloped(document)
    inner = object_at(member(data, "balance", "$.data"), "$.data.balance")
    shaped, moved = dict(inner), {"currency": "$.data.currency"}
    if "currency" in data:
        shaped["currency"] = data["currency"]
    for name in ("limits", "merchantInfo"):
        if shaped.get(name) is None and name in data:
            shaped[name] = data[name]
            moved[name] = f"$.data.{name}"
    return structure(Balance, shaped, path="$.data.balance", raw=data, moved=moved)
