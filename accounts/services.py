"""Writes of accounts. A retired account stays: ledgers refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.brokers import registry
from accounts.models import Account, Client
from tradeops.core.errors import ConfigurationError

HOUSE = "house"


def client(slug: str = HOUSE) -> Client:
    """The client of that slug, made at its first mention; `house` owns what nobody was named for."""
    return Client.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").capitalize()})[0]


def create(*, slug: str, broker: str, client_slug: str = HOUSE, **fields: Any) -> Account:
    """A new account. `fields` are the model's. Raises ConfigurationError for what its broker cannot do."""
    account = Account(slug=slug, broker=broker, client=client(client_slug), **fields)
    check(account)
    account.save()
    return account


def update(*, account: Account, changes: Mapping[str, Any]) -> Account:
    """Sets the given model fields (`client` by slug) and stores the row. Raises ConfigurationError, storing nothing."""
    for name, value in changes.items():
        setattr(account, name, client(value) if name == "client" else value)
    check(account)
    account.save()
    return account


def check(account: Account) -> None:
    """Raises ConfigurationError when the account asks for what its broker cannot do."""
    capabilities = registry.capabilities(account.broker)
    if account.market not in capabilities.markets:
        markets = ", ".join(sorted(capabilities.markets))
        raise ConfigurationError(f"the broker {account.broker!r} trades {markets}, not {account.market}")
    if account.sandbox and not capabilities.sandbox:
        raise ConfigurationError(f"the broker {account.broker!r} has no sandbox; leave `sandbox` out")


def retire(*, account: Account, now: datetime) -> None:
    """Takes the account out of use. That nothing is open on it is for the caller to know: positions lie above."""
    account.active = False
    account.retired_at = now
    account.save(update_fields=["active", "retired_at"])
