"""Whose request it is: the address and the country that may be believed (I5, E6).

A header says what whoever sent it wants it to say, so headers count only where the peer is a trusted proxy
(`TRADEOPS_TRUSTED_PROXIES`), and then only the part that such a proxy wrote. Each appends to `X-Forwarded-For` the
address that it was asked from, so the list is read from the right: the first hop that is no trusted proxy is the
client, and what stands left of it is that client's own writing.

`CF-Connecting-IP` and `CF-IPCountry` are written by Cloudflare and handed on unread by every other proxy, also when a
stranger made them up. They count where Cloudflare itself is the outermost trusted hop (there they win over the list,
of which a Cloudflare customer's own program may write the rightmost hop), and where no trusted proxy names a client
at all. `TRADEOPS_CLIENT_ADDRESS_HEADER` names another header instead; then it alone is read.

`Forwarded`, `X-Real-IP`, `True-Client-IP`, `X-Client-IP` and the like are never read: a proxy that does not set one
hands on the stranger's.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from tradeops.core import cloudflare, network
from tradeops.core.network import Address, Ranges

FORWARDED_FOR = "X-Forwarded-For"
CLOUDFLARE = "CF-Connecting-IP"
MOST_HOPS = 20  # more proxies than anybody has; a longer list is a stranger's

_CLOUDFLARE = Ranges(cloudflare.NETWORKS)
_REMEMBERED = 4096  # addresses that are not parsed again


def client_address(request: HttpRequest) -> Address | None:
    """The client's address by the rules above; None where a trusted proxy names something that is no address.

    None is in no network: sources with a list of addresses refuse it.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if peer is None or not settings.TRUSTED_PROXIES or not _trusted(peer, settings.TRUSTED_PROXIES):
        return peer
    return _behind(request, peer)[0]


def client_country(request: HttpRequest) -> str:
    """The country as Cloudflare tells it, an ISO 3166 code or `T1` for Tor; empty if nobody credible does."""
    country: str = request.META.get("HTTP_CF_IPCOUNTRY", "")
    if not country or not settings.TRUSTED_PROXIES:
        return ""
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if peer is None or not _trusted(peer, settings.TRUSTED_PROXIES) or not _behind(request, peer)[1]:
        return ""
    country = country.strip().upper()
    well_formed = len(country) == 2 and country.isascii() and country.isalnum() and country[0].isalpha()
    return country if well_formed and country != "XX" else ""


def _behind(request: HttpRequest, peer: Address) -> tuple[Address | None, bool]:
    """The client of a trusted peer, and whether Cloudflare's headers are Cloudflare's."""
    name = settings.CLIENT_ADDRESS_HEADER
    if name == CLOUDFLARE:
        told = _header(request, CLOUDFLARE)
        return (_parse(told) if told else peer), bool(told)
    edge, client, named = _walk(_header(request, name), peer)
    if name != FORWARDED_FOR:
        return client, False
    from_cloudflare = not named or edge in _CLOUDFLARE
    told = _header(request, CLOUDFLARE)
    return (_parse(told) if told and from_cloudflare else client), from_cloudflare


def _walk(forwarded: str, peer: Address) -> tuple[Address, Address | None, bool]:
    """The outermost trusted hop, the client, and whether a hop named it: a list of proxies alone names nobody."""
    edge = peer
    hops = forwarded.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if forwarded else []
    while hops:
        hop = _parse(hops.pop().strip())
        if hop is None or not _trusted(hop, settings.TRUSTED_PROXIES):
            return edge, hop, True
        edge = hop
    return edge, edge, False


def _header(request: HttpRequest, name: str) -> str:
    value: str = request.META.get("HTTP_" + name.upper().replace("-", "_"), "")
    return value.strip()


@lru_cache(_REMEMBERED)
def _parse(text: str) -> Address | None:
    """An address, with or without the port that some proxies add."""
    try:
        return network.parse(text)
    except ValueError:
        pass
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()):
        host = text
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = network.parse(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    return address if bracketed or address.version == 4 else None


def _trusted(address: Address, proxies: tuple[str, ...]) -> bool:
    return address in _ranges(proxies)


@lru_cache(8)
def _ranges(proxies: tuple[str, ...]) -> Ranges:
    return Ranges(ipaddress.ip_network(text) for text in proxies)
