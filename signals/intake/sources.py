"""Who may send: the configured sources as each request needs them. What can be computed before a request is.

Their secrets are set and rotated by `credentials`.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from signals.models import AddressList, Source
from tradeops.core import logs, network, sealed, signing
from tradeops.core.configuration import Cached
from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Address, Network, Ranges

# Where the admin, the configuration file and the commands look for them.
from .credentials import end_previous as end_previous
from .credentials import generate as generate
from .credentials import had_secret as had_secret
from .credentials import has_secret as has_secret
from .credentials import rotate as rotate
from .credentials import set_secret as set_secret

logger = logs.get(__name__)

RESERVED_SLUGS = frozenset({"test", "execution", "tradingview"})  # paths of their own (I1)
TRADINGVIEW = "tradingview"
MAX_DEFAULTS = 8

_NO_DIGEST = "-" * 64
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What a source's two secrets come to. The previous one counts before `until`; one that is not there, never.

    A key that is not there is random, so that nobody can sign with it, and a digest that is not there is no
    token's: whoever compares does the same for every source.
    """

    digest: str = field(repr=False)
    previous_digest: str = field(repr=False)
    key: bytes = field(repr=False)
    previous_key: bytes = field(repr=False)
    until: datetime

    def token_is(self, digest: str, now: datetime) -> bool:
        present = hmac.compare_digest(digest, self.digest)
        previous = hmac.compare_digest(digest, self.previous_digest)
        return present | (previous & (now < self.until))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """A source ready for use: its row, its secrets decoded, its networks parsed. None = any address."""

    row: Source
    networks: tuple[Network, ...] | None
    tradingview: bool
    known: bool = True
    active: bool
    token: Live  # each for its own kind of authentication; another kind's never matches
    hmac: Live
    standard: Live
    ranges: Ranges

    def admits(self, address: Address | None) -> bool:
        return self.networks is None if address is None else address in self.ranges


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """Every source that is not retired; the disabled ones too, since their refusals are logged by name."""

    by_slug: Mapping[str, Sender]
    by_digest: Mapping[str, Sender]
    defaults: tuple[Sender, ...]  # of both signing kinds
    nobody: Sender  # stands where no source is: it costs what one costs, and nothing proves it
    pepper: bytes = field(repr=False)
    tradingview: Ranges

    def digest(self, token: str) -> str:
        return sealed.digest(self.pepper, token)

    def is_tradingview(self, address: Address | None) -> bool:
        return address is not None and address in self.tradingview


def check(source: Source) -> None:
    """Rules over several fields. Raises ConfigurationError whose `code` is the field's name."""
    if source.default and source.auth == Source.Auth.TOKEN:
        raise ConfigurationError(
            "`default` is for sources that sign; a token names its source by itself", code="default"
        )
    if source.respond == Source.Respond.DELIVERY and TRADINGVIEW in source.allowed_ips:
        raise ConfigurationError(
            "`respond: delivery` is not for TradingView: it cancels after 3 seconds and would send again what the "
            "endpoints refused; let it be answered at once",
            code="respond",
        )


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


def _live(row: Source, auth: str) -> Live:
    mine = row.auth == auth
    return Live(
        digest=(mine and row.token_digest) or _NO_DIGEST,
        previous_digest=(mine and row.previous_token_digest) or _NO_DIGEST,
        key=_key(row, row.secret) if mine and row.secret else secrets.token_bytes(32),
        previous_key=_key(row, row.previous_secret) if mine and row.previous_secret else secrets.token_bytes(32),
        until=row.previous_until or NEVER,
    )


def _key(row: Source, secret: str) -> bytes:
    try:
        return signing.key_bytes(secret)
    except ConfigurationError as error:
        logger.error("a stored secret cannot be used; nobody can sign with it", source=row.slug, error=str(error))
        return secrets.token_bytes(32)


def _sender(row: Source, lists: Mapping[str, list[str]], *, known: bool = True) -> Sender:
    networks = _networks(row.allowed_ips, lists, owner=row.slug) if row.allowed_ips else None
    return Sender(
        row=row,
        networks=networks,
        tradingview=TRADINGVIEW in row.allowed_ips,
        known=known,
        active=known and row.active,
        token=_live(row, Source.Auth.TOKEN),
        hmac=_live(row, Source.Auth.HMAC),
        standard=_live(row, Source.Auth.STANDARD),
        ranges=network.EVERYWHERE if networks is None else Ranges(networks),
    )


def _load() -> Directory:
    lists = {row.slug: row.networks for row in AddressList.objects.all()}
    senders = [_sender(row, lists) for row in Source.objects.filter(retired_at=None).order_by("pk")]
    signing_ones = (one for one in senders if one.row.auth != Source.Auth.TOKEN and one.row.default and one.active)
    digests = {one.row.previous_token_digest: one for one in senders} | {one.row.token_digest: one for one in senders}
    digests.pop("", None)
    return Directory(
        by_slug={one.row.slug: one for one in senders if one.row.slug not in RESERVED_SLUGS},
        by_digest=digests,
        defaults=tuple(signing_ones)[:MAX_DEFAULTS],
        nobody=_sender(Source(), lists, known=False),
        pepper=sealed.pepper(),
        tradingview=Ranges(_networks(lists.get(TRADINGVIEW, []), {}, owner=TRADINGVIEW)),
    )


directory: Cached[Directory] = Cached(_load)
