"""Mutated answers are read as h11 and http.client read them, or refused for a listed reason."""

from __future__ import annotations

import pytest

from tests.soak.fuzzing import run


def test_two_thousand_mutated_answers() -> None:
    """No difference that is not listed."""
    assert sum(run(2_000, seed=7).values()) == 2_000


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_two_million_mutated_answers() -> None:
    """It holds a thousand times over."""
    assert sum(run(2_000_000, seed=1).values()) == 2_000_000
