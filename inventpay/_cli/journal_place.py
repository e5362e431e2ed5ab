"""The default journal of payouts: one for each account, in the user's state folder."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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

    The account is the base URL and the merchant, so that a rotated key and a renamed file meet the same ids. Raises the
    errors of a call for the balances, and OSError for a folder that cannot be made.
    """
    owner = session.client.balances.all().merchant_id or session.fingerprint
    readable = re.sub(r"[^A-Za-z0-9]+", "-", owner).strip("-")[:40]
    digest = hashlib.sha256(f"{session.base_url}\n{owner}".encode()).hexdigest()[:12]
    folder = state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"payouts-{readable}-{digest}.sqlite3"
