"""Find out why a text cannot be the key or secret that was meant: copied badly, or never filled in."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d"

_PLACEHOLDER: Final = re.compile(
    r"""
      <.*>                                                   # <your key>
    | \$?\{.*\}                                              # ${INVENTPAY_API_KEY}
    | \$[A-Z_]+ | %[A-Z_]+%                                  # $INVENTPAY_API_KEY
    | .*\.\.\.                                               # pk_live_...
    | .*\u2026                                               # the same with one character
    | ((pk|wk|whsec)_((live|test)_)?)?x{3,}                  # pk_live_xxxx
    | ((pk|wk)_((live|test)_)?|whsec_)                       # the prefix alone
    | (my|your)[-_ ]?.*(key|secret|here)
    | (api|withdrawal|webhook|secret)[-_ ]?(key|secret)?[-_ ]?here
    | change[-_ ]?me | replace[-_ ]?me | todo | placeholder
    """,
    re.IGNORECASE | re.VERBOSE,
)


def problem_with(text: str) -> str | None:
    """Return the reason why a key or secret cannot be meant as it is, ``None`` where there is none.

    The reason never shows the text.

    >>> problem_with('"whsec_1"')
    'is wrapped in quotes, as in an env file; remove them'
    """
    # No invisible character is ASCII, and a secret is read with every delivery.
    for character in "" if text.isascii() else text:
        if unicodedata.category(character) == "Cf":
            return f"holds the invisible character U+{ord(character):04X}, such as a byte order mark; copy it again"
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        return "is wrapped in quotes, as in an env file; remove them"
    if _PLACEHOLDER.fullmatch(text):
        return "is a placeholder; put the real one in its place"
    return None
