"""The arguments of a client are checked at once, in words that say what to change."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from inventpay._api import endpoints
from inventpay._credentials import API_KEY_VARIABLE, BASE_URL_VARIABLE, WITHDRAWAL_KEY_VARIABLE
from inventpay._transport.settings import (
    ConnectionSettings,
    TransportSettings,
    read_connection_settings,
    read_transport_settings,
)
from inventpay.errors import ConfigurationError
from inventpay.options import RateClass, RateLimits, RetryPolicy
from inventpay.version import VERSION


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (API_KEY_VARIABLE, WITHDRAWAL_KEY_VARIABLE, BASE_URL_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def connection(**changes: Any) -> ConnectionSettings:
    facts: dict[str, Any] = {
        "base_url": None,
        "max_connections": 100,
        "transport": None,
        "http_client": None,
        "proxy": None,
        "verify": True,
    }
    return read_connection_settings(**{**facts, **changes})


def transport(**changes: Any) -> TransportSettings:
    facts: dict[str, Any] = {
        "api_key": "pk_live_hunter2",
        "withdrawal_key": None,
        "retry": None,
        "rate_limits": None,
        "hooks": (),
    }
    return read_transport_settings(**{**facts, **changes})


def refusal(check: Callable[..., object], **kwargs: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check(**kwargs)
    return str(caught.value)


def test_defaults_reach_the_documented_api() -> None:
    """Without arguments the client makes its own connections to the documented address."""
    settings = connection()
    assert settings.base_url == "https://api.inventpay.io"
    assert settings.is_direct
    assert not settings.is_lent
    assert not settings.is_plain_http


def test_plain_http_is_known_whatever_its_case() -> None:
    """For the sandbox no TLS context is made."""
    assert connection(base_url="HTTP://127.0.0.1:9").is_plain_http


@pytest.mark.parametrize("changes", [{"transport": object()}, {"proxy": "http://x"}, {"verify": False}])
def test_an_http_client_brings_its_own_connections(changes: dict[str, Any]) -> None:
    """Options that a given client already decided are refused, not ignored."""
    (name,) = changes
    assert refusal(connection, http_client=object(), **changes) == (
        f"{name}= and http_client= contradict each other: set it on the http_client"
    )


@pytest.mark.parametrize("changes", [{"proxy": "http://x"}, {"verify": False}, {"proxy": "http://x", "verify": "ca"}])
def test_a_transport_of_ones_own_decides_proxy_and_tls(changes: dict[str, Any]) -> None:
    """They would have no effect there, so they are refused."""
    assert refusal(connection, transport=httpx.MockTransport(lambda request: httpx.Response(200)), **changes) == (
        "proxy= and verify= have no effect on a transport= of your own: set them on it"
    )


def test_aiohttp_takes_proxy_and_tls() -> None:
    """The named transport is made by this package, with these options."""
    settings = connection(transport="aiohttp", proxy="http://user:hunter2@proxy", verify=False)
    assert not settings.is_direct
    assert not settings.is_lent
    assert "hunter2" not in repr(settings)


def test_other_names_of_transports_are_refused() -> None:
    """There is one transport that goes by a name."""
    assert refusal(connection, transport="httpx") == "transport='httpx' must be \"aiohttp\" or an httpx transport"


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, None])
def test_connections_are_counted(value: Any) -> None:
    """`max_connections` is a whole number of at least 1."""
    assert refusal(connection, max_connections=value) == (
        f"max_connections={value!r} must be a whole number of at least 1"
    )


@pytest.mark.parametrize(
    ("given", "lent"),
    [
        (httpx.MockTransport(lambda request: httpx.Response(200)), False),
        (httpx.HTTPTransport(), True),
        (httpx.AsyncHTTPTransport(), True),
        (type("Sub", (httpx.AsyncHTTPTransport,), {})(), True),
    ],
)
def test_transports_with_sockets_are_lent(given: Any, lent: bool) -> None:
    """Sockets serve one event loop of one process; a transport without any may be used anywhere."""
    settings = connection(transport=given)
    assert settings.is_lent is lent
    assert not settings.is_direct


def test_a_given_client_is_lent() -> None:
    """A client of the caller's own is never closed."""
    settings = connection(http_client=object())
    assert settings.is_lent
    assert not settings.is_direct


def test_keys_come_from_arguments_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both keys are read from the variables that bear their names; arguments win."""
    monkeypatch.setenv(API_KEY_VARIABLE, "pk_env")
    monkeypatch.setenv(WITHDRAWAL_KEY_VARIABLE, "wk_env")
    settings = transport(api_key=None)
    assert settings.api_key.reveal() == "pk_env"
    assert settings.withdrawal_key is not None
    assert settings.withdrawal_key.reveal() == "wk_env"
    settings = transport(api_key="pk_argument", withdrawal_key="wk_argument")
    assert settings.api_key.reveal() == "pk_argument"
    assert settings.withdrawal_key is not None
    assert settings.withdrawal_key.reveal() == "wk_argument"


def test_a_missing_key_names_the_variable() -> None:
    """The message says both ways to give a key, and where it is found."""
    assert refusal(transport, api_key=None) == (
        "no API key: pass api_key=, or set the environment variable INVENTPAY_API_KEY, or INVENTPAY_API_KEY_FILE to "
        "the path of a file with the key (inventpay.io: Dashboard, Settings, API Keys)"
    )


def test_the_withdrawal_key_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only withdrawals need it; an empty variable is as good as none."""
    assert transport().withdrawal_key is None
    monkeypatch.setenv(WITHDRAWAL_KEY_VARIABLE, "")
    assert transport().withdrawal_key is None
    assert "withdrawal_key= holds no usable key" in refusal(transport, withdrawal_key="wk hunter2")


def test_settings_show_no_key_and_are_not_pickled() -> None:
    """Neither repr nor pickle carries a key out of the process."""
    settings = transport(withdrawal_key="wk_live_hunter2")
    assert "hunter2" not in repr(settings)
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        pickle.dumps(settings)


def test_the_user_agent_names_the_version() -> None:
    """Support can tell which release sent a request."""
    assert transport().user_agent == f"inventpay-python/{VERSION}"


def test_policies_have_defaults_and_are_kept() -> None:
    """A given value is used as it is."""
    assert (transport().policy, transport().rate_limits) == (RetryPolicy(), RateLimits())
    policy, limits = RetryPolicy(budget=0), RateLimits(other=1)
    settings = transport(retry=policy, rate_limits=limits)
    assert settings.policy is policy
    assert settings.rate_limits is limits


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"retry": 3}, "retry= takes a RetryPolicy, not int"),
        ({"retry": {"budget": 1}}, "retry= takes a RetryPolicy, not dict"),
        ({"rate_limits": 100}, "rate_limits= takes a RateLimits, not int"),
        ({"rate_limits": RateLimits}, "rate_limits= takes a RateLimits, not type"),
    ],
)
def test_policies_of_other_types_are_refused(changes: dict[str, Any], problem: str) -> None:
    """A number in the place of a policy is a mistake, not a default."""
    assert refusal(transport, **changes) == problem


def test_an_endpoint_counts_against_its_class_or_the_users() -> None:
    """The user's choice wins over the table; everything else stays."""
    settings = transport(rate_limits=RateLimits(classes={"GET /v1/withdrawal/{withdrawalId}": "status_checks"}))
    assert settings.rate_class(endpoints.WITHDRAWAL) is RateClass.STATUS_CHECKS
    assert settings.rate_class(endpoints.BALANCE) is RateClass.OTHER


def test_a_class_for_an_unknown_endpoint_is_refused() -> None:
    """A misspelt endpoint would silently count as before; the message lists those there are."""
    message = refusal(transport, rate_limits=RateLimits(classes={"GET /v1/withdrawals": "other"}))
    assert message.startswith("RateLimits(classes=...): no endpoint is called 'GET /v1/withdrawals'; there are POST ")
    assert all(name in message for name in endpoints.ENDPOINTS)


def plain_hook(event: object) -> None:
    """A hook."""


async def async_hook(event: object) -> None:
    """No hook: it would never be awaited."""


class CallableHook:
    """A hook with a memory."""

    def __call__(self, event: object) -> None:
        """A hook."""


def yielding_hook(event: object) -> Iterator[object]:
    """No hook: a call runs nothing of it."""
    yield event


class AsyncCallableHook:
    """No hook: it would never be awaited."""

    async def __call__(self, event: object) -> None:
        """No hook."""


def test_hooks_are_plain_callables() -> None:
    """Functions, objects and classes that can be called, in their order."""
    hooks = [plain_hook, CallableHook(), list, functools.partial(print, "event")]
    assert transport(hooks=hooks).hooks == hooks
    assert transport(hooks=iter([plain_hook])).hooks == [plain_hook]


@pytest.mark.parametrize(
    "hook", [async_hook, AsyncCallableHook(), functools.partial(async_hook), functools.partial(AsyncCallableHook())]
)
def test_async_hooks_are_refused(hook: Any) -> None:
    """A coroutine that is not awaited would be a hook that never runs."""
    message = refusal(transport, hooks=[plain_hook, hook])
    assert message.startswith("hooks= takes plain functions; ")
    assert message.endswith(" is async and would never be awaited")


@pytest.mark.parametrize("hook", [yielding_hook, functools.partial(yielding_hook)])
def test_hooks_with_a_yield_are_refused(hook: Any) -> None:
    """A call of one makes a generator, and runs nothing."""
    message = refusal(transport, hooks=[hook])
    assert message.endswith(" has a yield, so a call would run nothing of it")


@pytest.mark.parametrize("hooks", [plain_hook, None, 5])
def test_one_hook_is_no_sequence(hooks: Any) -> None:
    """A bare function is the likeliest mistake; the message shows the right form."""
    assert refusal(transport, hooks=hooks) == "hooks= takes a sequence of callables, such as hooks=[on_event]"


@pytest.mark.parametrize("hooks", [["log"], "log", [None]])
def test_what_cannot_be_called_is_no_hook(hooks: Any) -> None:
    """A name in the place of a function is refused."""
    message = refusal(transport, hooks=hooks)
    assert message.startswith("hooks= takes a sequence of callables; ")
    assert message.endswith(" is not callable")


@pytest.mark.parametrize(
    ("keys", "argument"),
    [
        ({"api_key": "pk_live_hunter2"}, "api_key"),
        ({"api_key": "cmfnz7jei0005p54eekx4e6mb"}, "api_key"),
        ({"api_key": "wk_test_sandbox"}, "api_key"),
        ({"api_key": "pk_test_sandbox", "withdrawal_key": "wk_live_hunter2"}, "withdrawal_key"),
        ({"api_key": "pk_test_sandbox", "withdrawal_key": "pk_test_sandbox"}, "withdrawal_key"),
    ],
)
def test_only_the_keys_of_a_sandbox_cross_a_network_unencrypted(keys: dict[str, str], argument: str) -> None:
    """With allow_insecure a key of the live API is refused at once, and the error does not show it."""
    insecure = connection(base_url="http://sandbox:8000", allow_insecure=True)
    with pytest.raises(ConfigurationError, match=f"{argument} is not the key of a sandbox") as caught:
        transport(**keys, base_url=insecure.base_url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://sandbox:8000", "http://10.0.0.7:8000", "HTTP://SANDBOX:8000/"])
def test_a_sandbox_elsewhere_needs_allow_insecure(base_url: str) -> None:
    """Plain http to another host is refused without the option, and accepted with it for the sandbox's keys."""
    with pytest.raises(ConfigurationError, match="allow_insecure=True for the keys of a sandbox"):
        connection(base_url=base_url)
    accepted = connection(base_url=base_url, allow_insecure=True)
    keys = {"api_key": "pk_test_sandbox_7", "withdrawal_key": "wk_test_sandbox"}
    assert transport(**keys, base_url=accepted.base_url).base_url.startswith("http://")


def test_live_keys_may_go_to_loopback_and_over_tls() -> None:
    """Neither a loopback host nor https is insecure, whatever allow_insecure says."""
    for base_url in ("http://shop.localhost:1", "http://127.0.0.1:8787", "https://api.inventpay.io"):
        checked = connection(base_url=base_url, allow_insecure=True)
        assert transport(api_key="pk_live_hunter2", base_url=checked.base_url).base_url == base_url
