"""Read addresses of Redis and Valkey, and create clients. The secrets in an address never appear in output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from attrs import frozen

from .._credentials import Secret
from ..errors import ConfigurationError

_SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
    "redis+unix": "unix",
}
_KINDS: Final = ("sentinel", "cluster")
_HOW: Final = (
    'such as "redis://:password@host:6379/0", "rediss://..." for TLS, "unix:///path/to/socket", '
    '"redis+sentinel://host:26379,host2:26379/mymaster/0" or "redis+cluster://host:6379"'
)
_SENTINEL_PORT: Final = 26379


@frozen
class Address:
    """The address of a Redis server, and a function that connects to it."""

    label: str
    """The address without user, password and options, for logs and messages."""
    is_ours: bool
    """Whether this package closes the client that ``connect`` returns."""
    connect: Callable[[float], Any]
    """Create a client whose steps take at most the given seconds each. It may send requests, and so raise an error."""

    def __repr__(self) -> str:
        return f"<Address {self.label}>"


def read_address(value: Any) -> Address:
    """Return the address in a URL, or that of a blocking client of redis-py.

    Raises ConfigurationError for any other value, and if redis-py is missing.
    """
    try:
        import redis
        from redis.client import Pipeline
        from redis.cluster import ClusterPipeline
    except ImportError:
        raise ConfigurationError(
            'a shared limiter needs redis-py: install this package with its extra "redis"'
        ) from None
    if isinstance(value, (Pipeline, ClusterPipeline)):
        raise ConfigurationError("a pipeline answers no command by itself; pass the redis.Redis that it is from")
    if isinstance(value, (redis.Redis, redis.RedisCluster)):
        return Address(f"a {type(value).__name__} client", False, lambda _timeout: value)
    if not isinstance(value, str):
        if type(value).__module__.startswith("redis.asyncio"):
            raise ConfigurationError(
                "pass a URL or a blocking client, redis.Redis: one connection serves all event loops and threads of a "
                "process, and a client of redis.asyncio belongs to one event loop"
            )
        raise ConfigurationError(f"the address of Redis is a URL, {_HOW}, or a redis.Redis; not {type(value).__name__}")
    return _read_url(value)


def _read_url(url: str) -> Address:
    try:
        # Do not read urlsplit's port: an address of Sentinel has several.
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError(f"the address of Redis is no URL: write it {_HOW}") from None
    scheme, _, kind = parts.scheme.partition("+")
    if parts.scheme in _SCHEMES:
        scheme, kind = _SCHEMES[parts.scheme], ""
    elif scheme in _SCHEMES and kind in _KINDS:
        scheme = _SCHEMES[scheme]
    else:
        raise ConfigurationError(f"the address of Redis has an unsupported scheme: write it {_HOW}")
    place = parts.netloc.rpartition("@")[2]
    if not place and scheme != "unix":
        raise ConfigurationError(f"the address of Redis names no host: write it {_HOW}")
    if scheme == "unix" and not parts.path:
        raise ConfigurationError(f"the address of Redis names no socket: write it {_HOW}")
    if scheme != "unix" and kind != "sentinel" and not (parts.path.strip("/") or "0").isdecimal():
        raise ConfigurationError(f"the address of Redis ends in a database that is no number: write it {_HOW}")
    label = f"{parts.scheme}://{place}{parts.path}"
    if kind == "sentinel":
        return Address(label, True, _sentinel(parts, scheme))
    bare, user, password = _without_credentials(parts, scheme)
    _try_out(bare)
    if kind == "cluster":
        return Address(label, True, lambda timeout: _cluster(bare, {**_options(timeout), **_login(user, password)}))
    return Address(label, True, lambda timeout: _single(bare, {**_options(timeout), **_login(user, password)}))


def _without_credentials(parts: Any, scheme: str) -> tuple[str, str, Secret]:
    """Return the URL without user and password, the user, and the password."""
    credentials, _, place = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    user, password = unquote(user), unquote(password)
    query: list[tuple[str, str]] = []
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name == "username":
            user = user or text
        elif name == "password":
            password = password or text
        else:
            query.append((name, text))
    bare = f"{scheme}://{place}{parts.path}" + (f"?{urlencode(query)}" if query else "")
    return bare, user, Secret(password)


def _login(user: str, password: Secret) -> dict[str, Any]:
    """Return the option with user and password, in a form that no ``repr`` of redis-py shows."""
    from redis import UsernamePasswordCredentialProvider

    if not user and not password.reveal():
        return {}
    return {"credential_provider": UsernamePasswordCredentialProvider(user, password.reveal())}


def _try_out(url: str) -> None:
    """Create an unconnected connection, to check that redis-py can read the URL."""
    try:
        _single(url, _options(1.0)).connection_pool.make_connection()
    except (ValueError, TypeError):
        # The message of redis-py may quote the URL, so it is not shown.
        raise ConfigurationError(
            f"redis-py cannot read the port, the database or an option of the address of Redis: write it {_HOW}"
        ) from None


def _options(timeout: float) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "socket_keepalive": True,
        # Retries are decided in this package, which keeps track of requests that may have arrived.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }


def _single(url: str, options: dict[str, Any]) -> Any:
    import redis

    timeout = options["socket_timeout"]
    if url.startswith("unix:"):
        del options["socket_keepalive"]
    kind: Any = redis.BlockingConnectionPool  # it waits for a connection; other pools raise an error
    return redis.Redis(connection_pool=kind.from_url(url, max_connections=16, timeout=timeout, **options))


def _cluster(url: str, options: dict[str, Any]) -> Any:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # A slot may have moved to another node: retry once, immediately. Before version 6, `retry` applied to a node.
    once: dict[str, Any] = {"retry": Retry(NoBackoff(), 1)}
    if redis.__version__.startswith("5."):
        once = {"cluster_error_retry_attempts": 1}
    return redis.RedisCluster.from_url(url, **{**options, **once})


def _sentinel(parts: Any, scheme: str) -> Callable[[float], Any]:
    place = parts.netloc.rpartition("@")[2]
    hosts = [_host_and_port(host) for host in place.split(",")]
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ConfigurationError(
            "the address of Sentinel names the service, and a database if not 0: "
            '"redis+sentinel://host:26379,host2:26379/mymaster/0"'
        )
    _, user, password = _without_credentials(parts._replace(query=""), scheme)
    named = dict(parse_qsl(parts.query))
    if set(named) - {"sentinel_username", "sentinel_password"}:
        raise ConfigurationError("the address of Sentinel takes the options sentinel_username and sentinel_password")
    own = named.get("sentinel_username", ""), Secret(named.get("sentinel_password", ""))

    def connect(timeout: float) -> Any:
        import redis

        options = _options(timeout)
        if scheme == "rediss":
            options["ssl"] = True
        kind: Any = redis.Sentinel  # redis-py does not annotate its parameters
        sentinel = kind(
            hosts,
            sentinel_kwargs={**options, **_login(*own)},
            db=int(database or "0"),
            **_login(user, password),
            **options,
        )
        return sentinel.master_for(service)

    return connect


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit("//" + text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise ConfigurationError(f"the address of Sentinel is a list of hosts with ports: write it {_HOW}")
    return host, port or _SENTINEL_PORT
