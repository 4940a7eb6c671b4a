"""Where prices come from. A source is one file and one line in settings.PRICE_SOURCES (D2)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.receive import Alert
from tradeops.core.errors import ConfigurationError, TradeOpsError


class NoPrice(TradeOpsError):
    """The source has no price; the message says why, for the decision."""

    code = "no_price"


class PriceSource(Protocol):
    def quote(self, *, symbol: str, alert: Alert, account: Account, received_at: datetime, now: datetime) -> Quote:
        """The present quote of a venue symbol for the account that would trade it.

        May use the network, so never in a transaction. Raises NoPrice, or ConfigurationError for what is not installed.
        """


def kinds() -> list[str]:
    return sorted(settings.PRICE_SOURCES)


def source_name(*, strategy_prices: str, account: Account) -> str:
    """Strategy over account over kind: paper accounts are `simulated`, others `venue`."""
    return strategy_prices or account.prices or ("simulated" if account.is_paper else "venue")


def price_source(name: str) -> PriceSource:
    """By its name, or `name:which` where a source has several, such as `venue:okx`.

    Raises ConfigurationError for a name that this installation does not have.
    """
    kind, colon, which = name.partition(":")
    if kind not in settings.PRICE_SOURCES or (colon and not which):
        raise ConfigurationError(f"there is no price source {name!r}; there are {', '.join(kinds())}")
    source = import_string(settings.PRICE_SOURCES[kind])
    if not which:
        return source()
    if not getattr(source, "several", False):
        raise ConfigurationError(f"the price source {kind!r} is one; leave {':' + which!r} out")
    return source(which)


def is_remote(name: str) -> bool:
    """Whether asking it may take the time of a network call."""
    kind = name.partition(":")[0]
    return kind in settings.PRICE_SOURCES and getattr(import_string(settings.PRICE_SOURCES[kind]), "remote", False)
