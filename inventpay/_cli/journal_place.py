"""The default journal of payouts: one for each account, in the user's state folder."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .session import Session


def state_folder() -> Path:
    """Return the folder for state that outlives a program, as the platform has it."""
    named = os.environ.get("XDG_STATE_HOME")
    if named and os.path.isabs(named):
        return Path(named) / "inventpay"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "inventpay"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "inventpay"
    return Path.home() / ".local" / "state" / "inventpay"


def default_journal(session: Session) -> Path:
    """Return the path of the account's journal, whose folder exists.

    The account is the base URL and the merchant, so that a rotated key and a renamed file meet the same ids. The API
    may name the merchant in one answer and not in the next: the first journal of a key, or of its merchant, stays the
    journal of both. Raises ConfigurationError where each has one of its own, the errors of a call for the balances, and
    OSError for a folder that cannot be made.
    """
    merchant = session.client.balances.all().merchant_id
    folder = state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [_name(session.base_url, owner) for owner in (merchant, session.fingerprint) if owner]
    known = list(dict.fromkeys(found for name in names if (found := _journal_of(folder, name)) is not None))
    if len(known) > 1:
        from ..errors import ConfigurationError

        raise ConfigurationError(
            f"the merchant and the API key have different journals, {folder / known[0]} and {folder / known[1]}: see "
            "which rows they have (inventpay payouts status --journal PATH), and name the right one with --journal"
        )
    chosen = known[0] if known else names[0]
    for name in names:
        if name != chosen and not (note := folder / f"{name}{_NOTE}").exists():
            note.write_text(chosen, encoding="utf-8")
    return folder / chosen


_NOTE: Final = ".see"
"""Ending of a file that stands for a journal, and names the one in its place."""


def _name(base_url: str, owner: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9]+", "-", owner).strip("-")[:40]
    digest = hashlib.sha256(f"{base_url}\n{owner}".encode()).hexdigest()[:12]
    return f"payouts-{readable}-{digest}.sqlite3"


def _journal_of(folder: Path, name: str) -> str | None:
    """Return the name of the journal that is there under this name, ``None`` for none."""
    if (folder / name).exists():
        return name
    try:
        named = (folder / f"{name}{_NOTE}").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return named if named and (folder / named).is_file() else None
