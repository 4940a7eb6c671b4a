"""From a broker's name to its class, by the dotted paths in settings.BROKERS."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Account
from tradeops.core.errors import ConfigurationError

from .base import Access, Broker, Capabilities


def kinds() -> list[str]:
    return sorted(settings.BROKERS)


def _class(kind: str) -> type:
    try:
        return import_string(settings.BROKERS[kind])
    except KeyError:
        raise ConfigurationError(f"there is no broker {kind!r}; this installation has {', '.join(kinds())}") from None


def capabilities(kind: str) -> Capabilities:
    """Raises ConfigurationError for an unknown kind."""
    return _class(kind).capabilities  # type: ignore[attr-defined]


def broker_for(account: Account) -> Broker:
    """The adapter for one account, holding no connection yet. Raises ConfigurationError for an unknown kind."""
    access = Access(
        account_id=account.pk,
        slug=account.slug,
        market=account.market,
        sandbox=account.sandbox,
        base_url=account.base_url,
        fee_bps=account.fee_bps,
        initial_balances=account.initial_balances,
    )
    return _class(account.broker)(access)
