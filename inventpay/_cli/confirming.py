"""Confirmation by a person before money moves."""

from __future__ import annotations

from collections.abc import Sequence

from .failures import NotConfirmedError
from .output import facts, note
from .session import Session, ask_yes, is_interactive


def confirm(session: Session, action: str, details: Sequence[tuple[str, object]], *, yes: bool) -> None:
    """Show what will move, and where; ask unless ``yes``.

    Raises NotConfirmedError where a person says no, or none can be asked.
    """
    if yes:
        return
    if not is_interactive():
        raise NotConfirmedError(f"nothing was sent: {action} moves money; pass --yes to confirm it without a terminal")
    note(f"{action}\n")
    note(facts([("host", session.base_url), ("mode", session.mode), ("merchant", _merchant(session)), *details]))
    note("")
    if not ask_yes("Send it? [y/N] "):
        raise NotConfirmedError("nothing was sent")


def _merchant(session: Session) -> str:
    balances = session.client.balances.all()
    names = [name for name in (balances.business_name, balances.merchant_id) if name is not None]
    return ", ".join(names) or "not named by the API"
