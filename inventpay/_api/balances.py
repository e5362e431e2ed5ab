"""Balances and their withdrawal limits."""

from __future__ import annotations

from .._core.json_values import is_array, is_object, shown
from .._json.converter import structure
from ..errors import DecodeError
from ..models.balances import Balance, Balances, BalanceSummary, OddBalances
from . import arguments
from .call import Call, builder_of, reader_of
from .echoes import same_coin
from .endpoints import BALANCE, BALANCES
from .envelope import Json, as_text, check_length_at, enveloped, member, object_at, same
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


@reader_of(BALANCES)
def read_balances(document: object) -> Balances:
    """Read the answer to the call for all balances: a map with limits or with locked amounts, or a list with totals.

    A balance that cannot be read raises its DecodeError when it is asked for; an entry without a coin raises it now.
    """
    data = enveloped(document)
    path = "$.data.balances"
    held = object_at(member(data, "balances", "$.data"), path)
    entries: dict[str, Balance | DecodeError] = {}
    summary: BalanceSummary | None = None
    unread: list[str] = []
    if is_array(held.get("balances")):
        check_length_at(held["balances"], f"{path}.balances")
        for index, value in enumerate(held["balances"]):
            _add_listed(entries, value, f"{path}.balances[{index}]")
        totals = held.get("summary")
        if is_object(totals):
            summary = structure(BalanceSummary, totals, path=f"{path}.summary")
        elif totals is not None:
            unread.append(f"{path}.summary")
    else:
        check_length_at(held, path)
        for name, value in held.items():
            entries[name] = _read_mapped(name, value, f"{path}.{name}")
    # Balances and totals are read above; what stays is a flat object.
    rest = {name: value for name, value in data.items() if name not in ("balances", "summary")}
    for entry in (*entries.values(), summary):
        if entry is not None and not isinstance(entry, DecodeError):
            unread += entry.unread
    answer = structure(Balances, {**rest, "byCurrency": {}}, path="$.data", raw=data, unread=unread)
    is_odd = any(isinstance(entry, DecodeError) for entry in entries.values())
    object.__setattr__(answer, "by_currency", OddBalances(entries) if is_odd else entries)
    object.__setattr__(answer, "summary", summary)
    return answer


def _add_listed(entries: dict[str, Balance | DecodeError], value: object, where: str) -> None:
    try:
        entry = structure(Balance, object_at(value, where), path=where)
    except DecodeError as error:
        coin = value.get("currency") if is_object(value) else None
        if type(coin) is not str:
            # It may be the balance of any coin.
            raise
        entries[coin] = error
        return
    coin = str(entry.currency)
    if coin in entries:
        # Both cannot be right.
        entries[coin] = DecodeError(f"{where}.currency is {as_text(coin)} again", json_path=f"{where}.currency")
    else:
        entries[coin] = entry


def _read_mapped(name: str, value: object, where: str) -> Balance | DecodeError:
    try:
        held = object_at(value, where)
        shaped = held if held.get("currency") is not None else {**held, "currency": name}
        entry = structure(Balance, shaped, path=where, raw=held)
        same(entry.currency, name, f"{where}.currency")
    except DecodeError as error:
        return error
    return entry


@reader_of(BALANCE)
def read_balance(document: object) -> Balance:
    """Read the answer to the call for the balance of one coin."""
    return read_one(enveloped(document), "$.data")


def read_one(data: Json, path: str) -> Balance:
    """Read the balance of one coin found at ``path``: limits inside the balance or beside it."""
    inner = object_at(member(data, "balance", path), f"{path}.balance")
    shaped, moved = dict(inner), dict[str, str]()
    outside, inside = data.get("currency"), inner.get("currency")
    if outside is not None or inside is None:
        moved["currency"] = f"{path}.currency"
        if "currency" in data:
            shaped["currency"] = outside
    if isinstance(outside, str) and isinstance(inside, str) and not same_coin(outside, inside):
        place = f"{path}.balance.currency"
        raise DecodeError(f"{place} is {shown(inside)}, but {path}.currency is {shown(outside)}", json_path=place)
    for name in ("limits", "merchantInfo"):
        if shaped.get(name) is None and name in data:
            shaped[name] = data[name]
            moved[name] = f"{path}.{name}"
    return structure(Balance, shaped, path=f"{path}.balance", raw=data, moved=moved)
