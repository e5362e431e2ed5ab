"""Read a query string, and report all problems together, under their parameters' names."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import invalid


class Query:
    """The parameters of a GET. A refused one has its default, which is never used: ``check`` raises first."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters
        self._problems: dict[str, str] = {}

    def check(self) -> None:
        """Raise 400 if any parameter was refused."""
        if self._problems:
            raise invalid(self._problems)

    def whole(self, name: str, lowest: int, highest: int, default: int) -> int:
        """Return a whole number between the bounds, or the default if it is absent."""
        text = self._parameters.get(name)
        if text is None:
            return default
        # The length comes before `int`, which refuses thousands of digits with an error of its own.
        if text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and lowest <= int(text) <= highest:
            return int(text)
        self._problems[name] = f"Must be a whole number from {lowest} to {highest}"
        return default

    def flag(self, name: str, neither: str) -> bool | None:
        """Return ``true`` or ``false``; the value ``neither`` counts as absent."""
        text = self._parameters.get(name)
        if text in (None, neither):
            return None
        if text not in ("true", "false"):
            self._problems[name] = f"Must be true, false or {neither}"
        return text == "true"

    def text(self, name: str, max_length: int) -> str | None:
        """Return text of at most ``max_length`` characters, or None if it is absent."""
        text = self._parameters.get(name)
        if text is not None and not 1 <= len(text) <= max_length:
            self._problems[name] = f"Must have 1 to {max_length} characters"
        return text
