"""Words for values in error messages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._core.json_values import kind, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        ("", "text"),
        (0, "a number"),
        (Decimal("0.1"), "a number"),
        ([], "a list"),
        ({}, "an object"),
    ],
)
def test_every_kind_of_json_value_has_a_name(value: object, words: str) -> None:
    """Messages speak of JSON's kinds, not of Python's types."""
    assert kind(value) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("btc", "'btc'"),
        ("x" * 58, f"'{'x' * 58}'"),
        ("x" * 59, f"'{'x' * 56}..."),
        (b"x" * 10**6, f"b'{'x' * 55}..."),
        (10**60 - 1, "9" * 60),
        (10**60, "<int of more than 60 digits>"),
        pytest.param(-(10**5000), "<int of more than 60 digits>", id="huge"),
        (None, "None"),
        ([1] * 1000, f"[{'1, ' * 18}1,..."),
    ],
)
def test_values_are_shown_short(value: object, text: str) -> None:
    """A value is shown as its repr, in at most sixty characters, even where Python refuses to print it."""
    assert shown(value) == text
    assert len(text) <= 60


@given(st.one_of(st.text(max_size=200), st.integers(), st.floats(), st.binary(max_size=200)))
def test_short_values_are_shown_whole(value: object) -> None:
    """A value is shown as ``repr`` shows it, cut or not."""
    text = shown(value)
    assert text == repr(value) or repr(value).startswith(text.removesuffix("...")) or text.startswith("<int")
