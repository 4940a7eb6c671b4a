"""The rules and bans as a structure that is asked about each request: immutable, and cheap however many there are.

Networks are kept in one dictionary for each prefix length, so that a look-up costs as many steps as there are
different lengths, at most 33 for IPv4, and not as many as there are rules.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from accounts.models import FirewallBan, FirewallRule, FirewallSettings
from tradeops.core.configuration import Cached
from tradeops.core.network import Address, Network

MOST_BANS = 20_000  # that are held in memory, the newest; each takes some 200 bytes
NEVER = datetime.max.replace(tzinfo=UTC)

_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Ruling:
    allow: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rules of one prefix length: by the address without its last `shift` bits."""

    shift: int
    rulings: dict[int, Ruling]


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    shelves: Mapping[int, tuple[Shelf, ...]]  # by IP version, the longest prefix first
    countries: Mapping[str, Ruling]
    bans: Mapping[int, datetime]  # by `place`: when it ends
    settings: FirewallSettings
    idle: bool = field(init=False)  # nothing to be asked: everybody passes

    def __post_init__(self) -> None:
        open_to_all = self.settings.default == FirewallSettings.Default.ALLOW
        asked = any(self.shelves.values()) or self.countries or self.bans
        object.__setattr__(self, "idle", open_to_all and not asked)

    def of_network(self, address: Address, now: datetime) -> Ruling | None:
        """The most specific rule in force whose network has the address."""
        number = int(address)
        for shelf in self.shelves[address.version]:
            ruling = shelf.rulings.get(number >> shelf.shift)
            if ruling is not None and ruling.until > now:
                return ruling
        return None

    def of_country(self, country: str, now: datetime) -> Ruling | None:
        ruling = self.countries.get(country)
        return ruling if ruling is not None and ruling.until > now else None


def make(*, rules: Iterable[FirewallRule], bans: Mapping[int, datetime], settings: FirewallSettings) -> Book:
    shelves: dict[int, dict[int, dict[int, Ruling]]] = {4: {}, 6: {}}
    countries: dict[str, Ruling] = {}
    for rule in rules:
        ruling = Ruling(allow=rule.action == FirewallRule.Action.ALLOW, until=rule.expires_at or NEVER)
        if rule.country:
            countries[rule.country] = ruling
            continue
        network = ipaddress.ip_network(rule.network)
        shift = _BITS[network.version] - network.prefixlen
        shelves[network.version].setdefault(shift, {})[int(network.network_address) >> shift] = ruling
    ordered = {
        version: tuple(Shelf(shift, by_length[shift]) for shift in sorted(by_length))
        for version, by_length in shelves.items()
    }
    return Book(shelves=ordered, countries=countries, bans=bans, settings=settings)


def settings() -> FirewallSettings:
    """The stored row, or what holds where there is none yet."""
    return FirewallSettings.objects.filter(pk=1).first() or FirewallSettings(pk=1)


def bans(*, now: datetime) -> dict[int, datetime]:
    """Those in force, by `place`."""
    found = FirewallBan.objects.filter(until__gt=now, lifted_at=None).order_by("-until")
    return {
        place(ipaddress.ip_address(network.partition("/")[0])): until
        for network, until in found.values_list("network", "until")[:MOST_BANS]
    }


def read(*, now: datetime) -> Book:
    """As the database has it at this moment."""
    return make(rules=FirewallRule.objects.all(), bans=bans(now=now), settings=settings())


def _load() -> Book:
    from tradeops.core import clock

    return read(now=clock.now())


current = Cached(_load)


def place(address: Address) -> int:
    """What counts as one address in a ban, as a number: an IPv6 customer has a whole /64."""
    return int(address) if address.version == 4 else (int(address) >> 64) | 1 << 64


def neighbourhood(address: Address) -> str:
    """The same for people: 203.0.113.9, or 2001:db8:1:2::/64."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def network(text: str) -> Network:
    """A rule's network in its one spelling; an IPv4-mapped IPv6 one is its IPv4 one. Raises ValueError."""
    found = ipaddress.ip_network(text.strip())
    if found.version == 6 and found.prefixlen >= 96 and found.network_address.ipv4_mapped:
        return ipaddress.IPv4Network((int(found.network_address.ipv4_mapped), found.prefixlen - 96))
    return found
