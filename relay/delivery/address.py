"""No server-side request forgery (L7): each address is checked when the socket for it is made, after resolution.

What a URL looks like proves nothing: a name can resolve to anything, and differently each time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from yarl import URL

from relay.models import Endpoint
from tradeops.core import network
from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Network

from . import endpoints


class AddressRefused(OSError):
    """The address is not public and its network is not allowed; or plain http would leave the allowed networks."""


def socket_factory(*, networks: Sequence[Network], plain: bool) -> Callable[[Any], socket.socket]:
    """For aiohttp's connector: a socket for an address that may be connected to, AddressRefused for any other."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, target = info
        address = str(target[0])
        if not network.may_connect(address, allowed=networks):
            raise AddressRefused(f"{address} is a private or special address, and no private_networks entry allows it")
        if plain and not network.inside(network.parse(address), networks):
            raise AddressRefused(f"{address} is outside private_networks: plain http is refused there, use https")
        return socket.socket(family, kind, protocol)

    return make


def check_url(url: str, *, networks: Sequence[Network] | None = None) -> None:
    """Raises ConfigurationError for a URL that no message would ever be sent to.

    `https`; or `http` if the host is, or resolves only to, addresses in `networks` (default: those stored). The sender
    checks the address again at each connection, so this is for the operator's sake.
    """
    if networks is None:
        networks = endpoints.private_networks()
    parsed = _parsed(url)
    host = parsed.host or ""
    try:
        literal = network.parse(host)
    except ValueError:
        if _numeric(host):
            raise ConfigurationError(f"url: {host} is a number; write the address in its usual form") from None
        if parsed.scheme == "http":
            _check_plain_host(host, parsed.port or 80, networks)
        return
    if not network.may_connect(str(literal), allowed=networks):
        raise ConfigurationError(
            f"url: {host} is a private or special address; add its network to private_networks to allow it"
        )
    if parsed.scheme == "http" and not network.inside(literal, networks):
        raise ConfigurationError(f"url: plain http to {host} would be readable on the way; use https")


def _parsed(url: str) -> URL:
    # The parser that the sender's library uses: two parsers can disagree about which host a URL names.
    try:
        parsed = URL(url)
    except ValueError:
        raise ConfigurationError("url: not a valid address such as https://vps.example.com/webhook") from None
    longest = Endpoint._meta.get_field("url").max_length or 0
    if parsed.scheme not in ("https", "http") or not parsed.host:
        raise ConfigurationError("url: must be https://host/path (http only within private_networks)")
    if parsed.user is not None or parsed.password is not None:
        raise ConfigurationError("url: a user name or password in the address would be shown and logged; leave it out")
    if parsed.raw_fragment or "#" in url:
        raise ConfigurationError("url: the part after # is never sent; leave it out")
    if len(url) > longest:
        raise ConfigurationError(f"url: longer than {longest} characters")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError("url: contains a space or a control character")
    return parsed


def _numeric(host: str) -> bool:
    """True for 127.1, 2130706433 or 0x7f000001, which resolvers take for an IPv4 address."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdecimal() or last.startswith("0x")


def _check_plain_host(host: str, port: int, networks: Sequence[Network]) -> None:
    refusal = f"url: plain http to {host} is allowed only where all its addresses are in private_networks; use https"
    if not networks:
        raise ConfigurationError(refusal)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConfigurationError(f"url: {host} cannot be resolved here, so plain http to it is refused") from None
    if not all(network.inside(network.parse(str(info[4][0])), networks) for info in found):
        raise ConfigurationError(refusal)
