"""Compare the amount that was received with the amount that was required."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from .._core.decimals import subtract

TOLERANCE: Final = Decimal("1E-8")
"""assumed: amounts that differ by no more than one unit of the eighth place after the point count as equal. That is
where the API's own amounts end, and residues of binary arithmetic lie below; no source states a tolerance."""


class AmountsDue:
    """Properties of anything that has a received and a required amount in one coin."""

    __slots__ = ()

    def _amounts(self) -> tuple[Decimal | None, Decimal | None]:
        """Return the received and the required amount, in the coin; ``None`` where unknown."""
        raise NotImplementedError

    def _missing(self) -> Decimal | None:
        received, required = self._amounts()
        return None if received is None or required is None else subtract(required, received)

    @property
    def remaining_amount(self) -> Decimal | None:
        """Amount that is missing, in the coin, at least 0; ``None`` where an amount is unknown."""
        missing = self._missing()
        return None if missing is None else max(missing, Decimal(0))

    @property
    def overpaid_amount(self) -> Decimal | None:
        """Amount that was received beyond the required one, in the coin, at least 0; ``None`` where unknown."""
        missing = self._missing()
        # Not -missing, which the caller's decimal context would round.
        return None if missing is None else max(missing.copy_negate(), Decimal(0))

    @property
    def is_underpaid(self) -> bool | None:
        """Whether something arrived, and less than required by more than ``TOLERANCE``; ``None`` where unknown."""
        missing = self._missing()
        received, _ = self._amounts()
        return None if missing is None or received is None else received > 0 and missing > TOLERANCE

    @property
    def is_overpaid(self) -> bool | None:
        """Whether more arrived than required, by more than ``TOLERANCE``; ``None`` where unknown."""
        missing = self._missing()
        return None if missing is None else missing < -TOLERANCE
