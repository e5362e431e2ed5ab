"""JSON bytes to values and back: exact, bounded, and never through a float."""

from __future__ import annotations

import decimal
import json
import time
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import models
from inventpay._json.bounds import MAX_VALUES, has_too_many_values
from inventpay._json.converter import MAX_DEPTH, camel, read_json, structure, write_json
from inventpay._json.fields import is_member
from inventpay._json.structuring import enum_of, reader, without_none
from inventpay._json.tolerant import OddValueError, read_model
from inventpay.errors import DecodeError
from inventpay.models import Balance, Limit
from inventpay.webhooks.events import KNOWN_EVENTS


def is_model(each: Any) -> bool:
    """Whether a class is one that the API's answers are read into."""
    return issubclass(each, models.Model) and each is not models.Model


def exact(value: Any) -> Any:
    """A parsed value with every number as text, so that ``1`` and ``1.0`` differ."""
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return f"{type(value).__name__} {value}"


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.text(max_size=20),
        st.integers(-(10**40), 10**40),
        st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=20,
)


@given(json_values)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    """Text, whole numbers of any size and decimals survive the way out and back unchanged."""
    assert read_json(write_json(value)) == value


@given(json_values)
def test_what_is_read_is_what_the_standard_library_reads(value: Any) -> None:
    """Fractions are Decimals with every digit, trailing zeros included; whole numbers are ints."""
    body = write_json(value)
    assert exact(read_json(body)) == exact(json.loads(body, parse_float=Decimal))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"0.10", "0.10"),
        (b"1e5", "1E+5"),
        (b"1E-8", "1E-8"),
        (b"-0.0", "-0.0"),
        (b"0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
        (b"1e999999999", "1E+999999999"),
    ],
)
def test_fractions_keep_their_digits(body: bytes, read: str) -> None:
    """A number is the Decimal of its own text; a monstrous exponent is kept, not expanded."""
    value = read_json(body)
    assert type(value) is Decimal
    assert str(value) == read


@pytest.mark.parametrize(
    "body",
    [
        b"1e99999999999999999999",
        b"-1e99999999999999999999",
        b"1e-99999999999999999999",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"0." + b"1" * 5_000,
    ],
)
@pytest.mark.parametrize("trapped", [True, False])
def test_numbers_beyond_all_use_harm_nothing_else(body: bytes, trapped: bool) -> None:
    """They are no number of any use, whatever the caller's traps are, and the rest is read."""
    with decimal.localcontext() as context:
        context.traps[decimal.InvalidOperation] = trapped
        odd, last = read_json(b'{"a":[%s, 2]}' % body)["a"]
    assert type(odd) is Decimal
    assert odd.is_nan()
    assert last == 2


@given(st.floats(allow_nan=False))
def test_every_double_survives(value: float) -> None:
    """A double in the notation of Python, Node or Go is read as exactly that double."""
    for text in (repr(value), f"{value:.17g}", f"{value:e}"):
        if text.strip("-") != "inf":
            assert float(read_json(text.encode())) == float(text)


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_of_python_is_read(text: str) -> None:
    """Halves of surrogate pairs become U+FFFD, and nothing that is left cannot be encoded."""
    read = read_json(json.dumps([text, {text: 1}]).encode())
    assert read[0].encode().decode() == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in joined(text))
    assert list(read[1]) == [read[0]]


def joined(text: str) -> str:
    """The text with pairs of surrogates joined, as any JSON reader joins them."""
    parsed: str = json.loads(json.dumps(text))
    return parsed


def test_numbers_too_long_for_python_are_decode_errors() -> None:
    """A whole number of ten thousand digits is refused without the quadratic work of reading it."""
    with pytest.raises(DecodeError, match="cannot be read as JSON: it starts with '999"):
        read_json(b"9" * 10_000)


LAYOUTS: list[dict[str, Any]] = [{}, {"indent": 1}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}]


@pytest.mark.parametrize(
    ("most", "layout"),
    [
        *((50, layout) for layout in LAYOUTS),
        (MAX_VALUES, LAYOUTS[0]),
        *(pytest.param(MAX_VALUES, layout, marks=pytest.mark.soak) for layout in LAYOUTS[1:]),
    ],
)
def test_values_have_a_bound(most: int, layout: dict[str, Any]) -> None:
    """Exactly the allowed number of values is read, one more is refused before it is parsed, in any layout."""
    for more in (0, 1):
        left = most - 1 + more
        documents: list[Any] = [
            [0] * left,
            [[]] * left,
            [{"a": ',"[]{}\\'}] * (left // 2) + [0] * (left % 2),
            {f'{number}"': "x,\\" for number in range(left)},
        ]
        for document in documents:
            text = json.dumps(document, **layout).encode()
            assert has_too_many_values(text, most) is bool(more)
            assert values_in(document) == most + more


def values_in(value: Any) -> int:
    """The number of values in a document, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values_in, inner))


@given(json_values, st.integers(1, 40), st.sampled_from([None, 1]))
def test_the_bound_counts_values(value: Any, most: int, indent: int | None) -> None:
    """The count over bytes is that over the parsed document."""
    text = json.dumps(value, indent=indent, default=str).encode()
    if len(text) >= 2 * most:
        assert has_too_many_values(text, most) is (values_in(json.loads(text)) > most)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 2_700_000 + b"[]]",
        b'["' + b'"," ' * 2_000_000,
        b"[" * 8_000_000,
        b'{"a":' * 1_500_000,
        b'["' + b"\\\\" * 2_000_000 + b'"' + b",1" * 60_000 + b"]",
    ],
    ids=["empty lists", "texts", "brackets", "objects", "backslashes"],
)
def test_a_hostile_answer_is_refused_before_it_becomes_objects(body: bytes) -> None:
    """Eight megabytes of small values would hold up an event loop for seconds; they are counted, not parsed."""
    began = time.process_time()
    with pytest.raises(DecodeError, match="the answer has more than 50,000 values"):
        read_json(body)
    # 50 ms on a quiet machine.
    assert time.process_time() - began < 0.25


@pytest.mark.parametrize("bracket", [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_a_bound(bracket: tuple[bytes, bytes]) -> None:
    """Sixty-four levels are read, one more is refused: what is deeper could not be printed or pickled."""
    opening, closing = bracket
    nested = opening * MAX_DEPTH + (b"1") + closing * MAX_DEPTH
    assert read_json(nested) is not None
    with pytest.raises(DecodeError, match="nested too deeply"):
        read_json(opening + nested + closing)


def test_siblings_and_text_are_not_depth() -> None:
    """A long flat list of objects is no deep document, nor is text that holds brackets."""
    assert len(read_json(b"[" + b",".join([b'{"a":[{}]}'] * 1000) + b"]")) == 1000
    assert read_json(b'"' + b"[" * 1000 + b'"') == "[" * 1000


def test_depth_is_found_behind_siblings() -> None:
    """Closed brackets on the way down do not hide the depth."""
    nested = b"[[]," * MAX_DEPTH + b"[]" + b"]" * MAX_DEPTH
    with pytest.raises(DecodeError, match="nested too deeply"):
        read_json(nested)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "it is empty"),
        (b" \n ", "it is empty"),
        (b"<html>" + b"x" * 100, f"it starts with '<html>{'x' * 54}'"),
        (b"\xff\xfe", "it starts with '\ufffd\ufffd'"),
    ],
)
def test_what_is_no_json_is_shown_by_its_beginning(body: bytes, shown: str) -> None:
    """The message shows how the body begins, which shows a proxy's page at a glance; the error keeps the body."""
    with pytest.raises(DecodeError) as caught:
        read_json(body)
    assert caught.value.message.startswith(f"the answer cannot be read as JSON: {shown} (")
    assert caught.value.body == body
    assert caught.value.json_path == "$"


@pytest.mark.parametrize(
    ("name", "json_name"),
    [
        ("amount", "amount"),
        ("available_balance", "availableBalance"),
        ("expires_at_timestamp", "expiresAtTimestamp"),
        ("qr_code", "qrCode"),
    ],
)
def test_attributes_are_the_snake_case_of_json_names(name: str, json_name: str) -> None:
    """One rule names every attribute."""
    assert camel(name) == json_name


@pytest.mark.parametrize("name", models.__all__)
def test_every_attribute_has_a_json_name_of_its_own(name: str) -> None:
    """No two attributes of a model read the same member."""
    model = getattr(models, name)
    if attrs.has(model):
        names = [camel(attribute.name) for attribute in attrs.fields(model)]
        assert len(set(names)) == len(names)


def test_structure_names_the_first_problem_only() -> None:
    """Of several problems one is named: its path leads to it, and the message stays one line."""
    with pytest.raises(DecodeError) as caught:
        structure(Balance, {"currency": 5, "availableBalance": None}, path="$.x")
    assert caught.value.message == "$.x.currency is a number, not text"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_structure_keeps_the_given_object_as_raw() -> None:
    """Without another ``raw`` the object itself is kept."""
    data = {"limit": 1, "used": 0, "more": True}
    assert structure(Limit, data, path="$").raw is data
    assert structure(Limit, data, path="$", raw={"outer": data}).raw == {"outer": data}


MODELS: list[Any] = [
    *(each for name in models.__all__ if is_model(each := getattr(models, name))),
    *KNOWN_EVENTS.values(),
]


def documented(kind: Any) -> Any:
    """JSON that a value of this kind is made of."""
    kind, _ = without_none(kind)
    if attrs.has(kind):
        kinds = get_type_hints(kind)
        return {camel(field.name): documented(kinds[field.name]) for field in attrs.fields(kind) if is_member(field)}
    if enum_of(kind):
        return "BTC"
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is not None:
        inner = documented(get_args(kind)[0 if get_origin(kind) is tuple else 1])
        return [inner] if get_origin(kind) is tuple else {"name": inner}
    return {Decimal: "1.50", datetime: "2024-01-01T12:00:00.000Z", str: "text", int: 3, bool: True}.get(kind, 1)


ODDITIES = [
    None,
    True,
    0,
    Decimal("1.5"),
    Decimal("NaN"),
    10**500,
    "1.5",
    "12",
    "true",
    1704110400,
    1704110400000,
    "text",
    "2024-01-01T12:00:00",
    [],
    ["text"],
    [1],
    {},
    {"name": 1},
    ...,
]


def malformed_document(model: Any, odd: list[tuple[int, Any]]) -> dict[str, Any]:
    """A document of a model with some of its members replaced, or missing."""
    document: dict[str, Any] = documented(model)
    for index, value in odd:
        member = camel(attrs.fields(model)[index % len(attrs.fields(model))].name)
        if value is ...:
            document.pop(member, None)
        else:
            document[member] = value
    return document


malformed_models = st.sampled_from(MODELS)
malformed_members = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(ODDITIES)), max_size=2)


@given(model=malformed_models, odd=malformed_members)
def test_the_quick_and_the_tolerant_way_agree(model: Any, odd: list[tuple[int, Any]]) -> None:
    """The tolerant reader makes what a model's own reader makes; what the first refuses, the second explains."""
    document = malformed_document(model, odd)
    unread: list[str] = []
    tolerant: Any = None
    problem = ("$", "$")
    try:
        tolerant = read_model(model, document, "$", unread)
    except OddValueError as error:
        problem = (error.path, str(error))
    assert problem[0].startswith("$")
    assert problem[1].startswith(problem[0])
    try:
        quick = reader(model)(document)
    except Exception:
        assert odd
    else:
        # NaN is not equal to itself; its repr is.
        assert repr(quick) == repr(tolerant)
        assert quick.raw is tolerant.raw is document
        assert quick.unread == tolerant.unread == tuple(unread) == ()


@given(model=malformed_models, odd=malformed_members)
def test_what_is_unread_reads_as_if_it_were_absent(model: Any, odd: list[tuple[int, Any]]) -> None:
    """Odd decoration changes nothing but ``unread``: no value is made up."""
    document = malformed_document(model, odd)
    try:
        answer = read_model(model, document, "$", [])
    except OddValueError:
        return
    without = {name: value for name, value in document.items() if f"$.{name}" not in answer.unread}
    assert repr(read_model(model, without, "$", [])) == repr(answer)


def test_readers_go_round_nothing() -> None:
    """No model checks, converts or adds anything in its ``__init__``, which its reader does not call."""
    for model in MODELS:
        assert not hasattr(model, "__attrs_post_init__")
        assert all(field.init and not field.validator and not field.converter for field in attrs.fields(model))
