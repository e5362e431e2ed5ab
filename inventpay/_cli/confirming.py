"""Confirmation by a person before money moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .failures import NotConfirmedError
from .output import facts, note
from .session import Session, ask_yes, is_interactive


def confirm(
    session: Session,
    action: str,
    details: Sequence[tuple[str, object]],
    *,
    yes: bool,
    listing: Callable[[], str] | None = None,
) -> None:
    """Show what will move, and where; ask unless ``yes``. ``listing`` returns lines to show before.

    Raises NotConfirmedError where a person says no, or none can be asked.
    """
    if yes:
        return
    if not is_interactive():
        raise NotConfirmedError("nothing was sent: this moves money; pass --yes to confirm it without a terminal")
    note(f"{action}\n")
    if listing is not None:
        note(f"{listing()}\n")
    note(facts([("host", session.base_url), ("mode", session.mode), ("merchant", _merchant(session)), *details]))
    note("")
    if not ask_yes("Send it? [y/N] "):
        raise NotConfirmedError("nothing was sent")


def _merchant(session: Session) -> str:
    balances = session.client.balances.all()
    names = [name for name in (balances.business_name, balances.merchant_id) if name is not None]
    return ", ".join(names) or "not named by the API"
