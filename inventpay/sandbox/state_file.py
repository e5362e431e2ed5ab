"""Save the sandbox's state as one JSON file: all records with exact amounts, written atomically."""

from __future__ import annotations

import base64
import functools
import logging
import os
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Final

import attrs
import msgspec
from cattrs import Converter, transform_error

from .._core.json_values import is_object, shown
from .errors import StateFileError
from .http.idempotency import StoredAnswer
from .merchant.balances import Balance
from .merchant.coins import COINS, Coin
from .merchant.money import plain
from .merchant.payments import Payment
from .merchant.withdrawals import Withdrawal
from .store.shop import ShopRecords
from .webhooks.deliveries import Delivery
from .world import World

_logger = logging.getLogger("inventpay.sandbox")

FORMAT: Final = "inventpay sandbox, 1"
"""The kind of file and its version."""


_encode = msgspec.json.Encoder(decimal_format="number").encode


@attrs.frozen(kw_only=True)
class SavedClock:
    """A clock that was set: its time in Unix seconds, and its speed."""

    now: float
    speed: float


@attrs.frozen(kw_only=True)
class SavedState:
    """The state that a restart keeps. Keys, rate limits, faults and settings are chosen at each start."""

    format: str
    clock: SavedClock | None
    webhook_url: str | None
    payments: list[Payment]
    withdrawals: list[Withdrawal]
    balances: list[Balance]
    shop: ShopRecords
    deliveries: list[Delivery]
    answers: list[StoredAnswer]


def save(world: World, path: str | os.PathLike[str]) -> None:
    """Write the state of ``world`` to ``path`` atomically. Raises ``StateFileError`` if that fails."""
    write(path, encode(world))


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace the file with ``content``: a reader sees the old or the new file, also after a power cut."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StateFileError(f"The state cannot be written to {target}: {error.strerror or error}") from error


def encode(world: World) -> bytes:
    """Return the state as JSON."""
    # Read references before the records that they refer to: then a request in between leaves no reference to a missing
    # record.
    answers = world.idempotency.stored()
    deliveries = world.webhooks.outbox.records()
    shop = world.shop.records()
    payments, withdrawals, balances = world.state.records()
    clock = world.clock
    state = SavedState(
        format=FORMAT,
        clock=None if clock.is_real else SavedClock(now=clock(), speed=clock.speed),
        webhook_url=world.webhooks.url,
        payments=payments,
        withdrawals=withdrawals,
        balances=balances,
        shop=shop,
        deliveries=deliveries,
        answers=answers,
    )
    return msgspec.json.format(_encode(_converter().unstructure(state)), indent=1) + b"\n"


def load(world: World, path: str | os.PathLike[str]) -> None:
    """Replace the state of ``world`` with a saved one.

    Raises ``StateFileError``, which names the problem and its place, for a file that cannot be read; then nothing has
    changed.
    """
    state = _read(Path(path))
    world.reset()
    if state.clock is not None:
        world.clock.freeze(state.clock.now)
        if state.clock.speed:
            world.clock.run(state.clock.speed)
    world.state.restore(state.payments, state.withdrawals, state.balances)
    world.shop.restore(state.shop)
    world.idempotency.restore(state.answers)
    world.webhooks.restore(state.webhook_url, state.deliveries, state.payments)


def _read(path: Path) -> SavedState:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateFileError(f"The state cannot be read from {path}: {error.strerror or error}") from error
    try:
        document = msgspec.json.Decoder(float_hook=Decimal).decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidOperation, RecursionError) as error:
        raise _broken(path, f"it is not JSON: {error}") from error
    if not is_object(document) or document.get("format") != FORMAT:
        raise _broken(path, f'it does not begin with "format": "{FORMAT}"')
    try:
        return _converter().structure(document, SavedState)
    except Exception as error:  # cattrs collects all errors of its hooks
        problems = transform_error(error, path="state", format_exception=_in_words)
        raise _broken(path, "; ".join(problems[:3])) from error


def _broken(path: Path, problem: str) -> StateFileError:
    return StateFileError(f"{path} is no state of a sandbox: {problem}. Repair it, or move it away to start empty.")


def _in_words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) or type(error).__name__


@functools.cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    # A number in plain notation: neither JSON nor the reader limits its digits.
    converter.register_unstructure_hook(Decimal, lambda value: msgspec.Raw(plain(value).encode()))
    # Free members, such as the settings of a store, are restored unchanged.
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
    converter.register_structure_hook(Decimal, lambda value, _: _decimal(value))
    converter.register_structure_hook(float, lambda value, _: float(_decimal(value)))
    converter.register_structure_hook(int, lambda value, _: _whole(value))
    converter.register_structure_hook(bool, lambda value, _: _boolean(value))
    converter.register_structure_hook(str, lambda value, _: _text(value))
    # A StrEnum is a str too, and would be read as one.
    converter.register_structure_hook(StrEnum, lambda value, kind: kind(value))
    converter.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    converter.register_structure_hook(bytes, lambda value, _: base64.b64decode(_text(value), validate=True))
    converter.register_unstructure_hook(Coin, lambda coin: coin.code)
    converter.register_structure_hook(Coin, lambda code, _: _coin(code))
    return converter


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {shown(value)}")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"must be a number, not {shown(value)}")
    return Decimal(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return value


def _coin(code: object) -> Coin:
    if not isinstance(code, str) or code not in COINS:
        raise ValueError(f"must be one of {', '.join(COINS)}, not {shown(code)}")
    return COINS[code]


@contextmanager
def kept(world: World, path: str | os.PathLike[str], *, every: float = 1.0) -> Generator[None, None, None]:
    """Load the file if it exists, and keep it up to date while the block runs.

    It is written at the start, at the end, and between them once in ``every`` seconds if a request may have changed the
    state. Raises ``StateFileError`` at the start or the end if the file cannot be read or written.
    """
    if Path(path).exists():
        load(world, path)
    save(world, path)
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(world, path, every, over), name="inventpay-sandbox-state")
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        save(world, path)


def _keep(world: World, path: str | os.PathLike[str], every: float, over: threading.Event) -> None:
    saved = _changing_requests(world)
    while not over.wait(every):
        changes = _changing_requests(world)
        if changes != saved:
            try:
                save(world, path)
            except StateFileError as error:
                _logger.warning("%s", error)
            saved = changes


def _changing_requests(world: World) -> int:
    return sum(count for (label, _), count in list(world.request_log.counts.items()) if not label.startswith("GET "))
