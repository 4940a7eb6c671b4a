"""Addresses and networks, and which of them the portal may connect to (L7), checked at connect time."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA special-purpose registries (RFC 6890 and updates). `is_global` alone lets the IPv6 forms that embed an
# IPv4 address through, and site-local addresses.
FORBIDDEN: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


def parse(text: str) -> Address:
    """An address without its zone; an IPv4-mapped IPv6 address is its IPv4 one. Raises ValueError."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def inside(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def may_connect(text: str, *, allowed: Iterable[Network]) -> bool:
    """True for a public address, or one in a network that the operator has allowed."""
    try:
        address = parse(text)
    except ValueError:
        return False
    return inside(address, allowed) or (address.is_global and not inside(address, FORBIDDEN))


class Ranges:
    """Networks that are asked about often: sorted and merged once, so that a look costs the same for one or many."""

    __slots__ = ("_known",)

    def __init__(self, networks: Iterable[Network]) -> None:
        found = list(networks)
        self._known = {version: _bounds(one for one in found if one.version == version) for version in (4, 6)}

    def __contains__(self, address: Address) -> bool:
        starts, ends = self._known[address.version]
        number = int(address)
        return number <= ends[bisect_right(starts, number)]


def _bounds(networks: Iterator[Network]) -> tuple[list[int], list[int]]:
    """Where each range starts and, one place further, where it ends; what is before the first ends at -1."""
    merged = list(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]  # of one version
    starts = [int(one.network_address) for one in merged]
    return starts, [-1, *(int(one.broadcast_address) for one in merged)]


EVERYWHERE = Ranges([ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")])
