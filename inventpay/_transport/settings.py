"""Everything a client was constructed with, checked once and shared by its siblings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from attrs import field, frozen

from .._api.endpoints import ENDPOINTS, Endpoint
from .._core.callables import flaw_of_plain
from .._core.hosts import is_loopback
from .._core.json_values import shown
from .._credentials import (
    API_KEY_VARIABLE,
    FILE_SUFFIX,
    SANDBOX_API_KEY,
    SANDBOX_WITHDRAWAL_KEY,
    WITHDRAWAL_KEY_VARIABLE,
    Secret,
    is_insecure,
    read_base_url,
    read_key,
)
from .._limits.capabilities import capabilities_of
from ..errors import ConfigurationError
from ..options import BASE_URL, RateClass, RateLimits, RetryPolicy, WatchSettings
from ..version import VERSION

if TYPE_CHECKING:
    from .._api.echoes import AnswerChecks
    from .._limits.limiter import Limiter
    from ..hooks import Hook

T = TypeVar("T")

VENDOR_DOMAIN: Final = "inventpay.io"
"""The domain of the live API; its hosts end with it."""

_CONNECTED_TRANSPORTS = frozenset({"AsyncHTTPTransport", "HTTPTransport", "AiohttpTransport"})
"""The transports of httpx, httpx2 and httpx-aiohttp that hold sockets."""


@frozen(kw_only=True)
class ConnectionSettings:
    """The settings of connections to the API."""

    base_url: str
    max_connections: int
    transport: Any = None
    http_client: Any = None
    proxy: Any = field(default=None, repr=False)
    verify: Any = True

    @property
    def is_plain_http(self) -> bool:
        """Whether no TLS is needed: ``http://`` is accepted for loopback hosts only."""
        return self.base_url.startswith("http://")

    @property
    def is_direct(self) -> bool:
        """Whether requests go over connections of this package."""
        return self.http_client is None and self.transport is None

    @property
    def is_lent(self) -> bool:
        """Whether the caller's own sockets are used, which serve one event loop of one process.

        Transports without sockets, such as those of tests, may be used anywhere.
        """
        if self.http_client is not None:
            return True
        return any(kind.__name__ in _CONNECTED_TRANSPORTS for kind in type(self.transport).__mro__)


@frozen(kw_only=True)
class TransportSettings:
    """The settings of every call."""

    api_key: Secret
    withdrawal_key: Secret | None
    policy: RetryPolicy
    rate_limits: RateLimits
    base_url: str = BASE_URL
    answer_checks: AnswerChecks = "raise"
    watch: WatchSettings = field(factory=WatchSettings)
    hooks: list[Hook] = field(factory=list["Hook"], eq=False)
    """The receivers of events. A client that exists gets more of them by ``add_hook``."""
    user_agent: str = f"inventpay-python/{VERSION}"

    @property
    def keys(self) -> tuple[Secret | None, ...]:
        """The keys, which must not appear in any output."""
        return (self.api_key, self.withdrawal_key)

    @property
    def testnet_addresses(self) -> bool:
        """Whether withdrawals may go to addresses of test networks: with test keys and on loopback hosts."""
        return self.api_key.reveal().startswith("pk_test_") or is_loopback(urlsplit(self.base_url).hostname or "")

    def rate_class(self, endpoint: Endpoint) -> RateClass:
        """Return the class an endpoint counts against, the user's choice first."""
        chosen = self.rate_limits.classes
        return chosen.get(endpoint.name, endpoint.rate_class) if chosen else endpoint.rate_class


def read_connection_settings(
    *,
    base_url: str | None,
    max_connections: int,
    transport: Any,
    http_client: Any,
    proxy: Any,
    verify: Any,
    allow_insecure: bool = False,
) -> ConnectionSettings:
    """Return checked settings. Raises ConfigurationError for settings that contradict each other."""
    if http_client is not None:
        for name, value, unset in (("transport", transport, None), ("proxy", proxy, None), ("verify", verify, True)):
            if value is not unset:
                raise ConfigurationError(f"{name}= and http_client= contradict each other: set it on the http_client")
    elif isinstance(transport, str):
        if transport != "aiohttp":
            raise ConfigurationError(f'transport={shown(transport)} must be "aiohttp" or an httpx transport')
    elif transport is not None and (proxy is not None or verify is not True):
        raise ConfigurationError("proxy= and verify= have no effect on a transport= of your own: set them on it")
    if isinstance(max_connections, bool) or not isinstance(max_connections, int) or max_connections < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"max_connections={shown(max_connections)} must be a whole number of at least 1")
    return ConnectionSettings(
        base_url=read_base_url(base_url, allow_insecure=allow_insecure),
        max_connections=max_connections,
        transport=transport,
        http_client=http_client,
        proxy=proxy,
        verify=verify,
    )


def read_transport_settings(
    *,
    api_key: str | None,
    withdrawal_key: str | None,
    retry: RetryPolicy | None,
    rate_limits: RateLimits | None,
    hooks: Iterable[Hook],
    base_url: str = BASE_URL,
    connects: bool = True,
    answer_checks: AnswerChecks = "raise",
    watch: WatchSettings | None = None,
) -> TransportSettings:
    """Return checked settings. ``connects`` is whether requests go to the host of ``base_url``, not to a mock.

    Raises ConfigurationError for a missing key, and for keys that do not belong together.
    """
    key = read_key(api_key, variable=API_KEY_VARIABLE, argument="api_key")
    if key is None:
        raise ConfigurationError(
            f"no API key: pass api_key=, or set the environment variable {API_KEY_VARIABLE}, or {API_KEY_VARIABLE}"
            f"{FILE_SUFFIX} to the path of a file with the key (inventpay.io: Dashboard, Settings, API Keys)"
        )
    other = read_key(withdrawal_key, variable=WITHDRAWAL_KEY_VARIABLE, argument="withdrawal_key")
    if is_insecure(base_url):
        _check_insecure(key, "api_key", SANDBOX_API_KEY)
        _check_insecure(other, "withdrawal_key", SANDBOX_WITHDRAWAL_KEY)
    _check_mix_ups(key.reveal(), None if other is None else other.reveal(), base_url if connects else "")
    return TransportSettings(
        api_key=key,
        withdrawal_key=other,
        policy=_instance(retry, RetryPolicy, "retry"),
        rate_limits=_checked_classes(_instance(rate_limits, RateLimits, "rate_limits")),
        base_url=base_url,
        answer_checks=_checked_answer_checks(answer_checks),
        watch=_instance(watch, WatchSettings, "watch_settings"),
        hooks=_checked_hooks(hooks),
    )


def _check_mix_ups(key: str, other: str | None, base_url: str) -> None:
    """Raise ConfigurationError for keys that stand in each other's place, by their documented prefixes."""
    if key.startswith("wk_"):
        raise ConfigurationError(
            'api_key= holds a withdrawal key, which begins with "wk_"; the API key begins with "pk_"'
        )
    is_vendors = (urlsplit(base_url).hostname or "").endswith(VENDOR_DOMAIN)
    if is_vendors and key.startswith(SANDBOX_API_KEY):
        raise ConfigurationError(
            f"api_key= holds the key of a sandbox, but base_url {shown(base_url)} is the live API; set base_url= to "
            f"the sandbox, or {API_KEY_VARIABLE} to a live key"
        )
    if other is None:
        return
    if other == key:
        raise ConfigurationError("api_key= and withdrawal_key= are the same; they are two keys of the dashboard")
    if other.startswith("pk_"):
        raise ConfigurationError(
            'withdrawal_key= holds an API key, which begins with "pk_"; the withdrawal key begins with "wk_"'
        )
    for prefix, others in (("pk_test_", "wk_live_"), ("pk_live_", "wk_test_")):
        if is_vendors and key.startswith(prefix) and other.startswith(others):
            raise ConfigurationError(
                f'api_key= begins with "{prefix}" and withdrawal_key= with "{others}": one is a test key, the other a '
                "live one"
            )


def _check_insecure(key: Secret | None, argument: str, prefix: str) -> None:
    if key is not None and not key.reveal().startswith(prefix):
        raise ConfigurationError(
            f'{argument} is not the key of a sandbox (they begin with "{prefix}"), and would be sent unencrypted: '
            "allow_insecure=True is for sandboxes only; use https://"
        )


def check_lease_timeout(limiter: Limiter, attempt_timeout: float | None) -> None:
    """Raise ConfigurationError where a shared limiter gives a token back before the attempt that uses it must end.

    The token would be spent twice, and the API would count more calls than the limit.
    """
    lease_timeout = capabilities_of(limiter).lease_timeout
    if lease_timeout is not None and attempt_timeout is not None and lease_timeout < attempt_timeout:
        raise ConfigurationError(
            f"attempt_timeout={attempt_timeout:g} is longer than lease_timeout={lease_timeout:g} of the limiter: "
            "a token would be used again while its call is still under way; raise lease_timeout= or lower "
            "attempt_timeout="
        )


def _instance(value: T | None, kind: type[T], argument: str) -> T:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ConfigurationError(f"{argument}= takes a {kind.__name__}, not {type(value).__name__}")
    return value


def _checked_answer_checks(value: AnswerChecks) -> AnswerChecks:
    if value not in ("raise", "warn"):
        raise ConfigurationError(f'answer_checks={shown(value)} must be "raise" or "warn"')
    return value


def _checked_classes(limits: RateLimits) -> RateLimits:
    for name in limits.classes:
        if name not in ENDPOINTS:
            known = ", ".join(ENDPOINTS)
            raise ConfigurationError(f"RateLimits(classes=...): no endpoint is called {shown(name)}; there are {known}")
    return limits


def _checked_hooks(hooks: Iterable[Hook]) -> list[Hook]:
    if not isinstance(hooks, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("hooks= takes a sequence of callables, such as hooks=[on_event]")
    return [checked_hook(hook) for hook in hooks]


def checked_hook(hook: Hook) -> Hook:
    """Return the hook. Raises ConfigurationError for one that cannot be called, or whose result would be awaited."""
    if not callable(hook):
        raise ConfigurationError(f"hooks= takes a sequence of callables; {shown(hook)} is not callable")
    flaw = flaw_of_plain(hook)
    if flaw is not None:
        raise ConfigurationError(f"hooks= takes plain functions; {shown(hook)} {flaw}")
    return hook
