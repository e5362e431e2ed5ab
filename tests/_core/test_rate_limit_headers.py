"""Rate-limit headers in all known forms are read, and invalid ones are ignored."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventpay._core.rate_limit_headers import RETRY_AFTER, TRIPLES, ServerView, parse_retry_after, read

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()
IN_30_SECONDS = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json", "date": "today", "server": "nginx"}])
def test_a_response_without_such_headers_says_nothing(headers: dict[str, str]) -> None:
    """The usual answer gives None."""
    assert read(headers, wall_now=NOW) is None


@pytest.mark.parametrize("names", TRIPLES)
def test_every_spelling_of_the_three_headers_is_read(names: tuple[str, str, str]) -> None:
    """With and without x-, in one word and in two."""
    limit, remaining, reset = names
    assert read({limit: "100", remaining: "42", reset: "17"}, wall_now=NOW) == ServerView(100, 42, 17.0, None)


@pytest.mark.parametrize(
    "value",
    [
        "30",
        "30.0",
        " 30 ",
        f"{int(NOW) + 30}",
        f"{NOW + 30:.3f}",
        f"{int(NOW * 1000) + 30_000}",
        "2026-03-01T12:00:30Z",
        "2026-03-01T12:00:30+00:00",
        "2026-03-01T13:00:30+01:00",
        "2026-03-01 12:00:30",
        "2026-03-01T12:00:30.000Z",
        "Sun, 01 Mar 2026 12:00:30 GMT",
        "Sunday, 01-Mar-26 12:00:30 GMT",
        "Sun Mar  1 12:00:30 2026",
    ],
)
def test_every_form_of_a_reset_means_the_same(value: str) -> None:
    """Seconds from now, seconds and milliseconds since the epoch, ISO dates, the three HTTP dates."""
    view = read({"x-ratelimit-reset": value}, wall_now=NOW)
    assert view is not None
    assert view.reset_in == pytest.approx(30.0)


@pytest.mark.parametrize("value", [f"{int(NOW) - 5}", "2026-03-01T11:59:55Z", f"{int(NOW * 1000) - 5_000}", "0"])
def test_a_reset_that_has_passed_is_now(value: str) -> None:
    """The server's clock may be behind ours."""
    assert read({"ratelimit-reset": value}, wall_now=NOW) == ServerView(reset_in=0.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7\t", 7.0),
        (format_datetime(IN_30_SECONDS, usegmt=True), 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("2026-03-01T12:00:30Z", 30.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    """RFC 9110 knows whole seconds and dates; decimals are common."""
    assert parse_retry_after(value, wall_now=NOW) == seconds
    assert read({RETRY_AFTER: value}, wall_now=NOW) == ServerView(retry_after=seconds)


GARBAGE = [
    "",
    " ",
    "soon",
    "-1",
    "+5",
    "1e3",
    "0x10",
    "1_000",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "٣٠",
    "３０",
    "3०",
    "9" * 400,
    "99999999999999999999",
    "50000000000",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sun, 99 Mar 2026 12:00:30 GMT",
    "Sun, 01 Mar 2026 12:00:30 +9999",
    "Sun, 01 Mar 0000 12:00:30 GMT",
    "2026-13-01T12:00:30Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-03-01T12:00:3٠Z",
    "\x00",
    "\ud800",
]


@pytest.mark.parametrize("value", [*GARBAGE, "1,000", "5, 10"])
def test_a_retry_after_that_cannot_be_read_is_ignored(value: str) -> None:
    """Signs, words, lists, other scripts' digits, and numbers or dates beyond reason count as absent."""
    assert parse_retry_after(value, wall_now=NOW) is None
    assert read({RETRY_AFTER: value}, wall_now=NOW) is None


@pytest.mark.parametrize("value", GARBAGE)
def test_no_header_says_anything_with_garbage(value: str) -> None:
    """Equal rules hold for limit, remaining and reset, in every spelling."""
    for names in TRIPLES:
        assert read(dict.fromkeys(names, value), wall_now=NOW) is None


@pytest.mark.parametrize("value", ["0", "-1", "1000000001", "50000000000", "NaN", "many"])
def test_a_limit_that_cannot_be_is_ignored(value: str) -> None:
    """A limit is a number from one to a thousand million; what stands beside it still counts."""
    headers = {"x-ratelimit-limit": value, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}
    assert read(headers, wall_now=NOW) == ServerView(None, 0, 5.0, None)


@pytest.mark.parametrize(
    ("headers", "view"),
    [
        # draft-ietf-httpapi-ratelimit-headers-00 to -06
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "50"}, ServerView(100, 50)),
        ({"ratelimit-limit": "100;w=60", "ratelimit-remaining": "50"}, ServerView(100, 50)),
        ({"ratelimit-limit": "100", "ratelimit-reset": "9"}, ServerView(100, None, 9.0)),
        # Two windows: the fields describe the one that is nearly used up, which may not be ours.
        ({"ratelimit-limit": "10, 10;w=1, 100;w=60", "ratelimit-remaining": "1"}, ServerView(100)),
        ({"ratelimit-limit": "100, 10;w=1, 100;w=60", "ratelimit-remaining": "1"}, ServerView(100, 1)),
        # -07
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, ServerView(100, 50, 30.0)),
        ({"ratelimit": "limit=100,remaining=50,reset=30", "ratelimit-policy": "100;w=60"}, ServerView(100, 50, 30.0)),
        ({"ratelimit": "limit=10, remaining=5", "ratelimit-policy": "10;w=1, 100;w=60"}, ServerView(100)),
        ({"ratelimit": "remaining=5, reset=3"}, ServerView(None, 5, 3.0)),
        # -08 and later
        ({"ratelimit": '"default";r=50;t=30'}, ServerView(None, 50, 30.0)),
        (
            {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
            ServerView(100, 50, 30.0),
        ),
        ({"ratelimit": "default ; r=50 ; t=30", "ratelimit-policy": "default;w=60;q=100"}, ServerView(100, 50, 30.0)),
        (
            {
                "ratelimit": '"day";r=900;t=4000, "min";r=7;t=30, "sec";r=1;t=1',
                "ratelimit-policy": '"sec";q=10;w=1, "min";q=60;w=60, "day";q=100000;w=86400',
            },
            ServerView(60, 7, 30.0),
        ),
        (
            {"ratelimit": '"a";r=7;t=9, "b";r=5;t=9', "ratelimit-policy": '"a";q=60;w=60, "b";q=50;w=60'},
            ServerView(50, 5, 9.0),
        ),
        ({"ratelimit": '"a";r=9;t=8, "b";r=3;t=2'}, ServerView(None, 3, 2.0)),
        # Only about other windows: nothing about ours, unless it names no window at all.
        ({"ratelimit-limit": "10;w=1", "ratelimit-remaining": "0", "ratelimit-reset": "1"}, None),
        ({"ratelimit-limit": "10, 10;w=1", "ratelimit-remaining": "0"}, None),
        ({"ratelimit-limit": "50, 10;w=1", "ratelimit-remaining": "7"}, ServerView(50, 7)),
        ({"ratelimit-policy": '"second";q=10;w=1'}, None),
        ({"ratelimit-policy": "10;w=1, 50000;w=86400"}, None),
        ({"ratelimit": "limit=10, remaining=0, reset=1", "ratelimit-policy": "10;w=1"}, None),
        ({"ratelimit": "remaining=0, reset=1", "ratelimit-policy": "10;w=1"}, None),
        ({"ratelimit": "limit=50, remaining=7", "ratelimit-policy": "10;w=1"}, ServerView(50, 7)),
        ({"ratelimit": '"sec";r=0;t=1', "ratelimit-policy": '"sec";q=10;w=1'}, None),
        ({"ratelimit": '"sec";r=0;t=1, "user";r=8', "ratelimit-policy": '"sec";q=10;w=1'}, ServerView(None, 8)),
        ({"ratelimit-limit": "10;w=1", "x-ratelimit-limit": "60"}, ServerView(60)),
        ({"ratelimit-policy": '"default";q=100;w=0'}, ServerView(100)),
        ({"ratelimit": '"a;,b";r=9;t=8;pk=:cGs=:'}, ServerView(None, 9, 8.0)),
        ({"ratelimit-policy": '"default";q=100;w=60'}, ServerView(100)),
        # The reason: the next spelling is tried when one says nothing.
        ({"ratelimit": "garbage", "x-ratelimit-limit": "60"}, ServerView(60)),
        ({"ratelimit-limit": "60", "x-ratelimit-limit": "70", "retry-after": "2"}, ServerView(60, retry_after=2.0)),
    ],
)
def test_the_fields_of_the_drafts_are_read(headers: dict[str, str], view: ServerView | None) -> None:
    """Every form the IETF drafts had; of several windows ours, and nothing that is said about another."""
    assert read(headers, wall_now=NOW) == view


@pytest.mark.parametrize(("window", "limit"), [(1.0, 10), (1.001, 10), (60.0, 60), (86_400.0, 100_000)])
def test_the_policy_of_our_own_window_counts(window: float, limit: int) -> None:
    """A caller that counts in other windows than a minute gets the values of those."""
    headers = {"ratelimit-policy": '"sec";q=10;w=1, "min";q=60;w=60, "day";q=100000;w=86400'}
    assert read(headers, wall_now=NOW, window=window) == ServerView(limit)


@pytest.mark.parametrize("field", ["ratelimit", "ratelimit-policy", "ratelimit-limit"])
def test_a_field_beyond_all_reason_is_not_even_parsed(field: str) -> None:
    """A megabyte of header is garbage."""
    assert read({field: "limit=100," * 100_000}, wall_now=NOW) is None


names = st.sampled_from(
    ["ratelimit", "ratelimit-policy", RETRY_AFTER, *(name for triple in TRIPLES for name in triple)]
)
pieces = st.sampled_from(
    [
        '"',
        ",",
        ";",
        "=",
        " ",
        "r=",
        "t=",
        "q=",
        "w=",
        "limit=",
        "reset=",
        "0",
        "7",
        "60",
        "1e9",
        "-",
        ".",
        "٣",
        "GMT",
        "Z",
    ]
)
values = st.one_of(
    st.text(st.sampled_from([chr(code) for code in range(256)])),
    st.lists(pieces).map("".join),
    st.floats().map(str),
    st.integers().map(str),
    st.datetimes().map(lambda date: date.isoformat()),
    st.datetimes().map(lambda date: format_datetime(date)),
)


@given(st.dictionaries(names, values), st.floats(0.0, 4e9))
@example({"retry-after": "Mon, 1 Jan 1 00:00:00 GMT"}, 0.0)
@example({"x-ratelimit-reset": "1 Jan"}, 0.0)
def test_no_header_ever_raises_or_means_nonsense(headers: dict[str, str], wall_now: float) -> None:
    """For any text, the view holds only finite numbers that make sense, or nothing."""
    view = read(headers, wall_now=wall_now)
    if view is None:
        return
    assert view != ServerView()
    assert view.limit is None or 1 <= view.limit <= 1e9
    assert view.remaining is None or 0 <= view.remaining <= 1e9
    for seconds in (view.reset_in, view.retry_after):
        assert seconds is None or (math.isfinite(seconds) and 0.0 <= seconds <= 31 * 86_400)
