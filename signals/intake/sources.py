"""Who may send: the configured sources as each request needs them, and how their secrets are set."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signals.models import AddressList, Source
from tradeops.core import logs, network, sealed, signing
from tradeops.core.configuration import Cached
from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Address, Network

logger = logs.get(__name__)

RESERVED_SLUGS = frozenset({"test", "execution", "tradingview"})  # paths of their own (I1)
TRADINGVIEW = "tradingview"
MAX_DEFAULTS = 8


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A source ready for use: its row (with the secret readable) and its networks parsed. None = any address."""

    row: Source
    networks: tuple[Network, ...] | None
    tradingview: bool

    def admits(self, address: Address | None) -> bool:
        return self.networks is None or (address is not None and network.inside(address, self.networks))


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Every source that is not retired; the disabled ones too, since their refusals are logged by name."""

    by_slug: Mapping[str, Sender]
    by_digest: Mapping[str, Sender]
    defaults: tuple[Sender, ...]
    tradingview: tuple[Network, ...]

    def is_tradingview(self, address: Address | None) -> bool:
        return address is not None and network.inside(address, self.tradingview)


def _networks(items: Iterable[str], lists: Mapping[str, list[str]], *, owner: str) -> tuple[Network, ...]:
    """What cannot be read admits nobody: a typing error must not open a source to everyone."""
    found: list[Network] = []
    for item in items:
        for text in lists.get(item, [item]):
            try:
                found.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                logger.error("not a network and not an address list; it admits nobody", source=owner, entry=text)
    return tuple(found)


def _load() -> Directory:
    lists = {row.slug: row.networks for row in AddressList.objects.all()}
    senders = [
        Sender(
            row=row,
            networks=_networks(row.allowed_ips, lists, owner=row.slug) if row.allowed_ips else None,
            tradingview=TRADINGVIEW in row.allowed_ips,
        )
        for row in Source.objects.filter(retired_at=None).order_by("pk")
    ]
    signed = (one for one in senders if one.row.auth == Source.Auth.HMAC and one.row.default and one.row.active)
    return Directory(
        by_slug={one.row.slug: one for one in senders if one.row.slug not in RESERVED_SLUGS},
        by_digest={one.row.token_digest: one for one in senders if one.row.token_digest},
        defaults=tuple(signed)[:MAX_DEFAULTS],
        tradingview=_networks(lists.get(TRADINGVIEW, []), {}, owner=TRADINGVIEW),
    )


directory: Cached[Directory] = Cached(_load)


def set_secret(*, source: Source, secret: str) -> None:
    """Puts `secret` on the row in the form its `auth` needs: a token's keyed digest, or an encrypted HMAC key.

    Does not save: an active source without a secret cannot exist, so both go in one write of the caller's,
    who also calls `configuration.changed()`. Raises ConfigurationError for a secret of fewer than 12
    characters, one that is not the base64 it claims to be, or a token that another source has.
    """
    signing.check_strength(secret)
    if source.auth == Source.Auth.TOKEN:
        digest = sealed.token_digest(secret)
        if Source.objects.filter(token_digest=digest).exclude(pk=source.pk).exists():
            raise ConfigurationError(
                "another source has this token already; a token names one source", code="token_taken"
            )
        source.token_digest, source.secret = digest, ""
    else:
        signing.key_bytes(secret)
        source.token_digest, source.secret = "", secret


def has_secret(*, source: Source, secret: str) -> bool:
    """Whether `secret` is the one the row holds; constant-time."""
    if source.auth == Source.Auth.TOKEN:
        return hmac.compare_digest(source.token_digest, sealed.token_digest(secret))
    return hmac.compare_digest(source.secret.encode(), secret.encode())
