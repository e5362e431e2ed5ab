"""The one rule for what a loopback host is, for the client and the sandbox alike."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only reach this machine.

    Names below ``localhost`` count, in any case of letters and with a dot at the end (RFC 6761, section 6.3). IPv6
    addresses may stand in brackets, and IPv4 ones may be mapped into IPv6.

    >>> [is_loopback(host) for host in ("localhost", "shop.localhost", "127.0.0.2", "[::1]", "example.com")]
    [True, True, True, True, False]
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    # Imported here: a client of the real API never needs it.
    import ipaddress

    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
