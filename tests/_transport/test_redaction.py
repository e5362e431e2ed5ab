"""Keys are taken out of whatever was echoed, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import Headers, NotFoundError
from inventpay._credentials import Secret
from inventpay._transport.redaction import redact_error, without_keys

KEY = "pk_live_secret"
OTHER = "wk_live_secret"
KEYS = (Secret(KEY), None, Secret(OTHER))

texts = st.lists(st.sampled_from([KEY, OTHER, "a", "é", "***", ""])).map("".join)
values = st.recursive(
    texts | texts.map(str.encode) | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_no_key_is_left_anywhere(value: Any) -> None:
    """Texts, bytes, lists, objects and the names in them hold no key afterwards, and what held none is the same."""
    clean = without_keys(value, KEYS)
    assert KEY not in repr(clean)
    assert OTHER not in repr(clean)
    if KEY not in repr(value) and OTHER not in repr(value):
        assert clean == value


def test_headers_stay_headers() -> None:
    """Values of headers are cleaned, and looked up as before."""
    clean = without_keys(Headers([("X-Echo", f"<{KEY}>"), ("X-Other", "1")]), KEYS)
    assert (clean["X-Echo"], clean["x-other"]) == ("<***>", "1")


def test_a_key_too_short_to_be_one_mangles_nothing() -> None:
    """A test that uses "pay" for a key still reads its messages."""
    assert without_keys("POST /v1/create_payment", [Secret("pay")]) == "POST /v1/create_payment"


def test_the_whole_chain_of_an_error_is_cleaned() -> None:
    """Message, attributes and notes of an error are cleaned, and so are its causes and what was being handled."""
    error = NotFoundError(f"no {KEY}", details={"id": [KEY]}, body=KEY.encode(), headers=Headers([("a", KEY)]))
    error.add_note(f"asked with {KEY}")
    error.__cause__ = OSError(5, KEY)
    error.__cause__.__context__ = ValueError(KEY, [OTHER])
    error.__context__ = error.__cause__
    redact_error(error, KEYS)
    cause = error.__cause__
    for shown in (error, str(error), vars(error), cause, cause.args, cause.__context__):
        assert "secret" not in repr(shown)
    assert error.details == {"id": ["***"]}
    assert cause.args[0] == 5


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Exceptions that lead to each other in a circle are cleaned once."""
    first, second = ValueError(KEY), ValueError(KEY)
    first.__context__, second.__cause__ = second, first
    redact_error(first, KEYS)
    assert first.args == second.args == ("***",)


def test_what_holds_no_key_is_left_alone() -> None:
    """An exception of the caller's own, even one that refuses to be changed, keeps the very objects it holds."""

    @attrs.frozen
    class Theirs(Exception):
        facts: list[str]

    theirs = Theirs(["mine"])
    facts = theirs.facts
    error = NotFoundError(KEY)
    error.__context__ = theirs
    redact_error(error, KEYS)
    assert theirs.facts is facts
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        theirs.args = ()
