"""Options are checked once, when a client is made, and keys are never shown."""

from __future__ import annotations

import copy
import logging
import math
import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._core.hosts import is_loopback
from inventpay._credentials import (
    API_KEY_VARIABLE,
    BASE_URL_VARIABLE,
    FILE_SUFFIX,
    WITHDRAWAL_KEY_VARIABLE,
    Secret,
    read_base_url,
    read_key,
)
from inventpay.errors import ConfigurationError
from inventpay.options import (
    ATTEMPT_TIMEOUT,
    BASE_URL,
    MAX_RETRIES,
    TIMEOUT,
    UNSET,
    CallOptions,
    RateClass,
    RateLimits,
    RetryPolicy,
    read_call_options,
    read_headers,
    seconds,
)


def refusal(check: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check(*args, **kwargs)
    assert caught.value.outcome == "not_sent"
    return str(caught.value)


# Durations


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        (0, 0.0),
        (2, 2.0),
        (0.5, 0.5),
        (timedelta(minutes=2, milliseconds=5), 120.005),
        (math.inf, None),
        pytest.param(10**400, None, id="huge"),
    ],
)
def test_durations_are_seconds(value: Any, read: float | None) -> None:
    """Numbers are seconds, a timedelta says its own unit; ``None`` and infinity are no bound."""
    assert seconds(value, "timeout") == read


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-1, "timeout must be 0 or more seconds, not -1"),
        (-0.001, "timeout must be 0 or more seconds, not -0.001"),
        (math.nan, "timeout must be 0 or more seconds, not nan"),
        (-math.inf, "timeout must be 0 or more seconds, not -inf"),
        (timedelta(seconds=-1), "timeout must be 0 or more seconds, not -1.0"),
        pytest.param(-(10**5000), "timeout must be 0 or more seconds, not <int of more than 60 digits>", id="huge"),
        (True, "timeout is seconds as a number or a timedelta, not bool"),
        ("5", "timeout is seconds as a number or a timedelta, not str"),
        ((5, 5), "timeout is seconds as a number or a timedelta, not tuple"),
    ],
)
def test_what_is_no_duration_is_refused(value: Any, problem: str) -> None:
    """Negative, not a number, or not a duration at all: the message names the option."""
    assert refusal(seconds, value, "timeout") == problem


# Call options


def said(base: CallOptions | None = None, **changes: Any) -> CallOptions:
    unset = {
        "timeout": UNSET,
        "attempt_timeout": UNSET,
        "max_wait": UNSET,
        "max_retries": UNSET,
        "headers": None,
    }
    return read_call_options(base or CallOptions(), **{**unset, **changes})


def test_call_options_have_the_documented_defaults() -> None:
    """Sixty seconds a call, thirty an attempt, as long as it takes for a token, two retries."""
    assert said() == CallOptions(timeout=90.0, attempt_timeout=30.0, max_wait=None, max_retries=2, headers=())
    assert (TIMEOUT, ATTEMPT_TIMEOUT, MAX_RETRIES) == (90.0, 30.0, 2)


def test_what_is_not_said_stays_and_none_switches_off() -> None:
    """Unset keeps what the base says; ``None`` removes a bound; a timedelta is read."""
    base = CallOptions(timeout=5.0, attempt_timeout=4.0, max_wait=3.0, max_retries=7)
    assert said(base) == base
    changed = said(base, timeout=None, attempt_timeout=timedelta(seconds=1), max_wait=0, max_retries=0)
    assert changed == CallOptions(timeout=None, attempt_timeout=1.0, max_wait=0.0, max_retries=0)


def test_headers_add_up_and_replace_those_of_the_same_name() -> None:
    """A sibling's headers go on top of the client's, whatever their case."""
    base = said(headers={"X-Team": "a", "X-Trace": "1"})
    assert said(base, headers={"x-team": "b"}).headers == (("X-Trace", "1"), ("x-team", "b"))


@pytest.mark.parametrize("value", [-1, 1.0, "2", True, None, math.inf])
def test_max_retries_is_a_whole_number(value: Any) -> None:
    """The message speaks of the argument, not of an inner class."""
    assert refusal(said, max_retries=value) == f"max_retries={value!r} must be a whole number of at least 0"


@pytest.mark.parametrize("name", ["timeout", "attempt_timeout", "max_wait"])
def test_each_bound_is_checked_by_its_name(name: str) -> None:
    """A negative duration is refused by the name of its option."""
    assert refusal(said, **{name: -1}).startswith(f"{name} must be")


def test_unset_shows_itself_in_signatures() -> None:
    """The default of ``with_options`` reads well in a signature."""
    assert repr(UNSET) == "UNSET"


# Rate limits


def test_rate_limits_have_the_documented_defaults() -> None:
    """100 payment creations, 300 status checks, 10 withdrawals and 60 others in a minute."""
    limits = RateLimits()
    assert {kind: limits.limit(kind) for kind in RateClass} == {
        RateClass.PAYMENT_CREATION: 100,
        RateClass.STATUS_CHECKS: 300,
        RateClass.WITHDRAWALS: 10,
        RateClass.OTHER: 60,
    }
    assert (limits.window, limits.counting, limits.max_burst, limits.classes) == (60.0, "unknown", None, {})


@pytest.mark.parametrize("name", ["payment_creation", "status_checks", "withdrawals", "other"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, None, math.inf, math.nan])
def test_limits_are_whole_numbers_of_at_least_one(name: str, value: Any) -> None:
    """No limit below 1 and no fraction: the message names the class and the bound."""
    assert refusal(RateLimits, **{name: value}) == (
        f"RateLimits({name}={value!r}) must be a whole number of at least 1"
    )


@pytest.mark.parametrize("value", [0, -60, math.nan, math.inf, "60", True, None])
def test_a_window_is_a_positive_number_of_seconds(value: Any) -> None:
    """A window that is not positive would divide by zero somewhere."""
    assert (
        refusal(RateLimits, window=value) == f"RateLimits(window={value!r}) must be a finite number of at least 0.001"
    )


def test_numbers_too_large_for_arithmetic_are_refused() -> None:
    """An int that no float can hold is refused here instead of overflowing in a bucket."""
    assert refusal(RateLimits, other=10**400) == (
        "RateLimits(other=<int of more than 60 digits>) must be a whole number of at least 1"
    )


@pytest.mark.parametrize("value", [0, -1, 2.0, "5", True])
def test_a_burst_is_none_or_a_whole_number(value: Any) -> None:
    """``max_burst`` is at least 1 where it is set."""
    assert refusal(RateLimits, max_burst=value) == (
        f"RateLimits(max_burst={value!r}) must be a whole number of at least 1"
    )


def test_a_burst_may_be_set() -> None:
    """A burst of one paces from the first call on."""
    assert RateLimits(max_burst=1).max_burst == 1


@pytest.mark.parametrize("counting", ["unknown", "window"])
def test_known_rules_pass(counting: Any) -> None:
    """Both rules are accepted."""
    assert RateLimits(counting=counting).counting == counting


@pytest.mark.parametrize("counting", ["fixed", "", None, 1])
def test_other_rules_are_refused(counting: Any) -> None:
    """The message names both rules."""
    assert refusal(RateLimits, counting=counting) == f'RateLimits(counting={counting!r}) must be "unknown" or "window"'


def test_classes_may_be_overridden_by_name_or_member() -> None:
    """An endpoint is counted in another class, given as text or as a member; the mapping is a copy."""
    given: dict[str, Any] = {
        "GET /v1/withdrawal/{withdrawalId}": "status_checks",
        "POST /v1/create_invoice": RateClass.OTHER,
    }
    limits = RateLimits(classes=given)
    given.clear()
    assert limits.classes == {
        "GET /v1/withdrawal/{withdrawalId}": RateClass.STATUS_CHECKS,
        "POST /v1/create_invoice": RateClass.OTHER,
    }
    assert isinstance(limits.classes["GET /v1/withdrawal/{withdrawalId}"], RateClass)


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        (
            {"GET /v1/withdrawal/{withdrawalId}": "status"},
            "RateLimits(classes=...): 'status' is not a valid RateClass; "
            "the classes are payment_creation, status_checks, withdrawals, other",
        ),
        (None, "RateLimits(classes=...) maps endpoints to classes; it is None"),
        (["status_checks"], "RateLimits(classes=...) maps endpoints to classes; it is ['status_checks']"),
    ],
)
def test_unknown_classes_are_refused(classes: Any, problem: str) -> None:
    """The message lists the classes there are."""
    assert refusal(RateLimits, classes=classes) == problem


@pytest.mark.parametrize("options", [RateLimits(), RetryPolicy(), CallOptions()])
def test_options_are_frozen_comparable_and_hashable(options: Any) -> None:
    """Options can be shared, compared and used as keys, and cannot be changed afterwards."""
    name = attrs.fields(type(options))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(options, name, 1)
    assert options == type(options)()
    assert hash(options) == hash(type(options)())
    assert pickle.loads(pickle.dumps(options)) == options


# Retry policy


def test_the_retry_policy_has_the_documented_defaults() -> None:
    """Half a second doubling to eight, and boto3's budget."""
    policy = RetryPolicy()
    assert (policy.initial_delay, policy.max_delay) == (0.5, 8.0)
    assert (policy.budget, policy.retry_cost, policy.success_credit) == (500, 10, 1)
    assert policy.idempotency_header == "Idempotency-Key"


@pytest.mark.parametrize("name", ["initial_delay", "max_delay"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "1", True, None, timedelta(seconds=1)])
def test_delays_are_numbers_of_seconds(name: str, value: Any) -> None:
    """Delays are finite and not negative."""
    assert refusal(RetryPolicy, **{name: value}).endswith("must be a finite number of at least 0")


@pytest.mark.parametrize("name", ["budget", "retry_cost", "success_credit"])
@pytest.mark.parametrize("value", [-1, 1.5, True, None])
def test_budgets_are_whole_numbers(name: str, value: Any) -> None:
    """Tokens are counted in whole numbers."""
    assert refusal(RetryPolicy, **{name: value}) == (
        f"RetryPolicy({name}={value!r}) must be a whole number of at least 0"
    )


@pytest.mark.parametrize("name", ["X-Idempotency-Key", "idempotency-key", "x"])
def test_the_idempotency_header_can_be_changed(name: str) -> None:
    """No source names the header, so that it can be set."""
    assert RetryPolicy(idempotency_header=name).idempotency_header == name


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "ü", "X-API-Key", "content-type", "Host", None, 5])
def test_the_idempotency_header_is_a_header_of_its_own(name: Any) -> None:
    """A name that is no header name, or means something else, would break every POST."""
    assert refusal(RetryPolicy, idempotency_header=name) == (
        f"RetryPolicy(idempotency_header={name!r}) must be a header name that means nothing else"
    )


# Secrets and keys

KEY = "pk_live_hunter2"


def test_a_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, str, format, logs nor containers print it; only ``reveal`` does."""
    secret = Secret(KEY)
    logging.getLogger("test").warning("%s %r", secret, secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s}", repr([secret]), caplog.text]
    assert not any("hunter2" in text for text in shown)
    assert repr(secret) == str(secret) == f"{secret}" == "Secret('***')"
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == KEY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol: int) -> None:
    """A key does not travel into a task queue: it comes from the environment there."""
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        pickle.dumps(Secret(KEY), protocol)
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        copy.copy(Secret(KEY))


def key(value: Any = None) -> Secret | None:
    return read_key(value, variable=API_KEY_VARIABLE, argument="api_key")


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (API_KEY_VARIABLE, WITHDRAWAL_KEY_VARIABLE, BASE_URL_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable + FILE_SUFFIX, raising=False)


def test_a_key_comes_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument wins; without one the environment is read; without both there is none."""
    assert key() is None
    monkeypatch.setenv(API_KEY_VARIABLE, "from-environment\n")
    from_environment, from_argument = key(), key(f" {KEY}\n")
    assert from_environment is not None
    assert from_environment.reveal() == "from-environment"
    assert from_argument is not None
    assert from_argument.reveal() == KEY


def test_a_key_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Docker, Kubernetes and systemd put keys into files; a line break at the end is not part of the key."""
    file = tmp_path / "key"
    file.write_text("from-file\n")
    monkeypatch.setenv(API_KEY_VARIABLE + FILE_SUFFIX, str(file))
    found = key()
    assert found is not None
    assert found.reveal() == "from-file"
    monkeypatch.setenv(API_KEY_VARIABLE, "from-environment")
    assert refusal(key) == (
        f"the environment variables {API_KEY_VARIABLE} and {API_KEY_VARIABLE}_FILE are both set; unset one of them"
    )
    monkeypatch.setenv(API_KEY_VARIABLE, "")
    monkeypatch.setenv(API_KEY_VARIABLE + FILE_SUFFIX, "")
    assert key() is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "holds no usable key: it is empty"),
        (b"pk_hunter2\n\nmore", "holds no usable key"),
        (b"\xff\xfepk_hunter2", "is not UTF-8 text"),
        (b"\xef\xbb\xbfpk_hunter2", "holds the invisible character U+FEFF"),
        (b"pk_hunter2" * 10_000, "is larger than 65,536 bytes"),
    ],
)
def test_a_file_without_a_key_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    """The error names the variable and the path, and nothing of the content."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(API_KEY_VARIABLE + FILE_SUFFIX, str(file))
    message = refusal(key)
    assert problem in message
    assert f"{API_KEY_VARIABLE}_FILE" in message
    assert "hunter2" not in message


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Container files like to pass variables that are empty: they mean nothing, not an empty key."""
    monkeypatch.setenv(API_KEY_VARIABLE, "")
    monkeypatch.setenv(BASE_URL_VARIABLE, "")
    assert key() is None
    assert read_base_url(None) == BASE_URL


@pytest.mark.parametrize(
    "value", ["", "  ", "pk hunter2", "pk\nhunter2", "pk\r\nX-A: hunter2", "pk\x00hunter2", "pü_hunter2"]
)
def test_unusable_keys_are_refused_without_showing_them(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A key with spaces, line breaks or non-ASCII characters would break out of its header; it is never printed."""
    message = refusal(key, value)
    assert message == (
        "api_key= holds no usable key: it is empty, or has spaces, line breaks or non-ASCII characters in it"
    )
    if value.strip() and "\x00" not in value:
        monkeypatch.setenv(API_KEY_VARIABLE, value)
        message = refusal(key)
        assert message.startswith(f"the environment variable {API_KEY_VARIABLE} holds no usable key")
        assert "hunter2" not in message


@pytest.mark.parametrize("value", [b"pk_live_hunter2", 5, ["pk_live_hunter2"], Secret(KEY)])
def test_keys_of_other_types_are_refused_without_showing_them(value: Any) -> None:
    """Bytes and other types are named, not printed."""
    message = refusal(key, value)
    assert message == f"api_key= takes a str, not {type(value).__name__}"


# Base URLs


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, "https://api.inventpay.io"),
        ("https://api.inventpay.io/", "https://api.inventpay.io"),
        ("HTTPS://api.inventpay.io", "https://api.inventpay.io"),
        ("https://gateway.example/inventpay//", "https://gateway.example/inventpay"),
        ("https://gateway.example:8443", "https://gateway.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("HTTP://LOCALHOST:8000", "http://localhost:8000"),
        ("https://API.InventPay.io:443/", "https://api.inventpay.io"),
        ("https://api.inventpay.io:", "https://api.inventpay.io"),
        ("https://api.inventpay.io:08443", "https://api.inventpay.io:8443"),
        ("https://gateway.example/Pay", "https://gateway.example/Pay"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://api.localhost", "http://api.localhost"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_https_and_loopback_addresses_pass(value: str | None, read: str) -> None:
    """TLS anywhere, plain http to this machine only; an address has one form."""
    assert read_base_url(value) == read


def test_the_base_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read when no argument says otherwise."""
    monkeypatch.setenv(BASE_URL_VARIABLE, "http://127.0.0.1:9/")
    assert read_base_url(None) == "http://127.0.0.1:9"
    assert read_base_url("https://x.example") == "https://x.example"


PLAIN = "base_url must be printable ASCII without spaces, backslashes, query or fragment"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            "http://api.inventpay.io",
            "base_url 'http://api.inventpay.io' would send your keys unencrypted; use https:// "
            "(http:// is for loopback hosts only, and with allow_insecure=True for the keys of a sandbox)",
        ),
        (
            "http://127.0.0.1.evil.example",
            "base_url 'http://127.0.0.1.evil.example' would send your keys unencrypted; use https:// "
            "(http:// is for loopback hosts only, and with allow_insecure=True for the keys of a sandbox)",
        ),
        ("ftp://api.inventpay.io", "base_url 'ftp://api.inventpay.io' must start with \"https://\" and name a host"),
        ("api.inventpay.io", "base_url 'api.inventpay.io' must start with \"https://\" and name a host"),
        ("https://", "base_url 'https://' must start with \"https://\" and name a host"),
        ("", "base_url '' must start with \"https://\" and name a host"),
        ("https://[bad", "base_url is not a URL: Invalid IPv6 URL"),
        ("https://x:port", "base_url is not a URL: Port could not be cast to integer value as 'port'"),
        ("https://api.inventpay.io?", PLAIN),
        ("https://api.inventpay.io/?a=b", PLAIN),
        ("https://api.inventpay.io/#", PLAIN),
        ("https://api.inventpay.io /", PLAIN),
        ("https://api.inventpay.io\n", PLAIN),
        ("https://api.inventpay.io\\@evil.example", PLAIN),
        ("https://bücher.example", PLAIN),
        ("https://user@api.inventpay.io", "base_url must not hold a user name or password; pass keys with api_key="),
        ("ftp://user:hunter2@x", "base_url must not hold a user name or password; pass keys with api_key="),
        ("https://user:hunter2@[bad", "base_url is not a URL: Invalid IPv6 URL"),
        ("https://user:hunter2@x y", PLAIN),
        (b"https://api.inventpay.io", "base_url must be a str, not bytes"),
    ],
)
def test_other_addresses_are_refused(value: Any, problem: str) -> None:
    """Keys go nowhere unencrypted, and a password in the address is never shown."""
    message = refusal(read_base_url, value)
    assert message == problem
    assert "hunter2" not in message


@given(st.text(max_size=40))
def test_any_address_is_read_or_refused(value: str) -> None:
    """No text makes the check fail in another way, and what passes says where it goes."""
    try:
        read = read_base_url(value)
    except ConfigurationError:
        return
    assert read.startswith(("https://", "http://"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("", False),
    ],
)
def test_loopback_means_this_machine(host: str, loopback: bool) -> None:
    """Names and addresses of this machine, and nothing that merely looks like one."""
    assert is_loopback(host) is loopback


# Headers


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        (None, ()),
        ({}, ()),
        ({"X-Team": "payments"}, (("X-Team", "payments"),)),
        ({"X-Empty": ""}, (("X-Empty", ""),)),
        (
            {"traceparent": "00-a-b-01", "User-Agent": "shop/1"},
            (("traceparent", "00-a-b-01"), ("User-Agent", "shop/1")),
        ),
    ],
)
def test_extra_headers_pass_in_order(value: dict[str, str] | None, pairs: tuple[tuple[str, str], ...]) -> None:
    """Headers of the caller's own are kept as they are."""
    assert read_headers(value) == pairs


@pytest.mark.parametrize(
    "name",
    [
        "X-API-Key",
        "x-api-key",
        "X-Withdrawal-Key",
        "Idempotency-Key",
        "Content-Type",
        "Content-Length",
        "Host",
        "Transfer-Encoding",
    ],
)
def test_headers_of_the_client_cannot_be_replaced(name: str) -> None:
    """Overriding one of them would break authentication, retries or the body."""
    assert refusal(read_headers, {name: "hunter2"}) == f"headers={{{name!r}: ...}}: the client sets this header itself"


@pytest.mark.parametrize("name", ["", "X Team", "X-Team:", "X\r\nY", "Ü", "X\x00"])
def test_what_is_no_header_name_is_refused(name: str) -> None:
    """A name that is none would break the request, or smuggle another header in."""
    assert refusal(read_headers, {name: "hunter2"}) == f"headers={{{name!r}: ...}}: this is no header name"


@pytest.mark.parametrize("text", ["a\r\nX-API-Key: hunter2", "a\nb", "a\tb", "ü", "\x00", " hunter2", "hunter2 "])
def test_what_no_header_can_carry_is_refused_without_showing_it(text: str) -> None:
    """A value with a line break would be another header; values may be secrets and are not shown."""
    message = refusal(read_headers, {"X-Team": text})
    assert message == (
        "headers={'X-Team': ...}: the value must be printable ASCII on one line, without spaces at its ends"
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([("X-Team", "a")], "headers= takes a dict of str to str, not list"),
        ("X-Team: a", "headers= takes a dict of str to str, not str"),
        ({"X-Team": 5}, "headers= takes a dict of str to str; one of its members is something else"),
        ({b"X-Team": "a"}, "headers= takes a dict of str to str; one of its members is something else"),
    ],
)
def test_headers_are_a_dict_of_text(value: Any, problem: str) -> None:
    """Other types are refused by what they are."""
    assert refusal(read_headers, value) == problem
