"""The source of a connection: the address or network that limits and penalties apply to."""

import ipaddress

_IPV6_PREFIX = 64  # One household or organisation has at least so many addresses.


def source_of(address: str) -> str:
    """Return the source of an address: an IPv4 address itself, the /64 network of IPv6."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - a peer without an address, such as a local socket
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, _IPV6_PREFIX), strict=False))
