"""Response headers and answers as plain values."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from inventpay.headers import Headers
from inventpay.responses import APIResponse

HEADERS = Headers([("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("SET-COOKIE", "b=2")])


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_names_ignore_case(name: str) -> None:
    """Looking up, asking and getting ignore case."""
    assert HEADERS[name] == "application/json"
    assert name in HEADERS
    assert HEADERS.get(name) == "application/json"


def test_names_are_kept_in_lower_case() -> None:
    """Iteration gives each name once, in lower case, in the order of arrival."""
    assert list(HEADERS) == ["content-type", "set-cookie"]
    assert len(HEADERS) == 2
    assert repr(HEADERS) == "Headers({'content-type': 'application/json', 'set-cookie': 'a=1, b=2'})"


def test_repeated_fields_are_one_list() -> None:
    """Fields that are sent more than once are joined (RFC 9110, section 5.3)."""
    assert HEADERS["set-cookie"] == "a=1, b=2"


def test_what_is_not_there_is_not_there() -> None:
    """A missing header is a KeyError or a default; what is no name is in no headers."""
    assert "x" not in HEADERS
    assert cast("Any", 5) not in HEADERS
    assert HEADERS.get("x", "default") == "default"
    with pytest.raises(KeyError):
        HEADERS["X"]


def test_headers_compare_as_mappings() -> None:
    """Equal to a dict of the same fields."""
    assert HEADERS == {"content-type": "application/json", "set-cookie": "a=1, b=2"}
    assert Headers() == {}
    assert Headers() != HEADERS


@pytest.mark.parametrize("value", [HEADERS, APIResponse(200, HEADERS, b'{"price":0.10}')])
def test_headers_and_answers_survive_pickle_and_copies(value: Any) -> None:
    """Neither holds anything of an HTTP library."""
    for copied in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert type(copied) is type(value)
        assert copied == value
        assert repr(copied) == repr(value)


def test_an_answer_is_parsed_on_demand() -> None:
    """Status, headers, body as bytes, and the parsed body with exact fractions; the repr shows no body."""
    response = APIResponse(200, HEADERS, b'{"price":0.10,"secret":"hunter2"}')
    assert response.status == 200
    assert response.body == b'{"price":0.10,"secret":"hunter2"}'
    assert response.json() == {"price": Decimal("0.10"), "secret": "hunter2"}
    assert "hunter2" not in repr(response)
    assert repr(response).endswith(", body=<33 bytes>)")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        response.status = 500  # type: ignore[misc]
