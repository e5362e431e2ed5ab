"""Errors of payouts, beside those of the calls."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..errors import ConfigurationError, InvalidArgumentError

__all__ = ["JournalError", "PayoutPlanError", "PayoutProblem"]


@frozen(kw_only=True)
class PayoutProblem:
    """One reason for which rows cannot be planned."""

    message: str
    """The problem in words, and the remedy."""
    line: int | None = None
    """Line of the file, from 1; ``None`` where the row is not from a file."""
    id: str | None = None
    """Id of the row; ``None`` where it has none, or the problem is of no single row."""

    def __str__(self) -> str:
        place = [f"line {self.line}"] if self.line is not None else []
        place += [f"id {self.id!r}"] if self.id is not None else []
        return f"{', '.join(place)}: {self.message}" if place else self.message


class PayoutPlanError(InvalidArgumentError):
    """Rows that cannot be planned, with all their problems. Nothing was written, and nothing was sent."""

    problems: tuple[PayoutProblem, ...]
    """Every problem that was found, in the order of the rows."""

    def __init__(self, problems: Sequence[PayoutProblem], *, argument: str = "payouts") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"nothing was planned, because of {count}:\n{lines}", argument=argument)
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[PayoutPlanError], tuple[Sequence[PayoutProblem]]]:
        return type(self), (self.problems,)


class JournalError(ConfigurationError):
    """The journal cannot be used, or could not be written.

    Where an answer could not be written, ``resource_id`` is the id of the withdrawal that it named.
    """


class RowChangedError(Exception):
    """A row is in another state than the one in which it was read; internal."""
