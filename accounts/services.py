"""Writes of accounts. A retired account stays: ledgers refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import credentials, venue_host
from accounts.brokers import kinds
from accounts.models import Account, Client
from tradeops.core import configuration, events
from tradeops.core.errors import ConfigurationError, Refused
from tradeops.core.events import Event, Level

HOUSE = "house"
_FIELDS = [field for field in Account._meta.concrete_fields if not field.primary_key]
_STATE = ("frozen_reason", "frozen_at", "frozen_by", "created_at")


def client(slug: str = HOUSE) -> Client:
    """The client of that slug, made at its first mention; `house` owns what nobody was named for."""
    return Client.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").capitalize()})[0]


def create(*, slug: str, broker: str, client_slug: str = HOUSE, **fields: Any) -> Account:
    """A new account. `fields` are the model's. Raises ConfigurationError for what its broker cannot do."""
    account = Account(slug=slug, broker=broker, client=client(client_slug), **fields)
    check(account)
    account.save()
    return account


def update(*, account: Account, changes: Mapping[str, Any], by: str, now: datetime) -> Account:
    """Sets the given model fields (`client` by slug) and stores the row, as `save` does."""
    for name, value in changes.items():
        setattr(account, name, client(value) if name == "client" else value)
    return save(account=account, by=by, now=now)


def save(*, account: Account, by: str, now: datetime) -> Account:
    """Stores a row whose fields were changed. Credentials do not follow an account to another venue, address or
    environment: they are erased, and that is told. Raises ConfigurationError, storing nothing."""
    check(account)
    with transaction.atomic():
        before = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        # A freeze that came since the row was read is not undone by a form or a file.
        account.save(update_fields=[field.name for field in _FIELDS if field.name not in _STATE])
        moved = [name for name in credentials.BINDING if getattr(before, name) != getattr(account, name)]
        if moved:
            credentials.erase(account=account, reason=f"its {' and '.join(moved)} changed", by=by, now=now)
    return account


def check(account: Account) -> None:
    """Raises ConfigurationError when the account asks for what its broker cannot do."""
    capabilities = kinds.capabilities(account.broker)
    if account.market not in capabilities.markets:
        markets = ", ".join(sorted(capabilities.markets))
        raise ConfigurationError(f"the broker {account.broker!r} trades {markets}, not {account.market}")
    if account.sandbox and not capabilities.sandbox:
        raise ConfigurationError(f"the broker {account.broker!r} has no sandbox; leave `sandbox` out")
    if account.base_url:
        venue_host.check_url(account.base_url)
    if account.leverage is not None:
        if not capabilities.leverage or account.market == Account.Market.SPOT:
            where = "on spot" if capabilities.leverage else f"by the broker {account.broker!r}"
            raise ConfigurationError(f"leverage cannot be set {where}; leave `leverage` out")
        if account.leverage < 1:
            raise ConfigurationError("leverage must be 1 or more")
    if account.margin_mode not in {Account.MarginMode.CROSS, *capabilities.margin_modes}:
        raise ConfigurationError(f"the broker {account.broker!r} has no margin mode {account.margin_mode!r}")


def retire(*, account: Account, now: datetime) -> None:
    """Takes the account out of use. That nothing is open on it is for the caller to know: positions lie above."""
    account.active = False
    account.retired_at = now
    account.save(update_fields=["active", "retired_at"])


def freeze(*, account: Account, reason: str, by: str, now: datetime) -> bool:
    """No entry is opened on the account any more; exits pass. False when it was frozen already: the first reason stays.

    `by` is a person's name or the part of the portal that saw a reason. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("say why: the reason is what is read when it is to be unfrozen")
    with transaction.atomic():
        done = Account.objects.filter(pk=account.pk, frozen_reason="").update(
            frozen_reason=reason.strip()[:200], frozen_at=now, frozen_by=by[:150]
        )
        if done:
            _tell("frozen", Level.CRITICAL, f"{account.slug} is frozen by {by}: {reason}", account, by, reason, now)
            configuration.changed()
    account.refresh_from_db(fields=["frozen_reason", "frozen_at", "frozen_by"])
    return bool(done)


def unfreeze(*, account: Account, reason: str, by: str, now: datetime) -> bool:
    """Entries are opened again, by whatever signal comes next. False when it was not frozen."""
    if not reason.strip():
        raise Refused("say what was found: it is told together with who did it")
    with transaction.atomic():
        row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not row.frozen_reason:
            return False
        Account.objects.filter(pk=row.pk).update(frozen_reason="", frozen_at=None, frozen_by="")
        title = (
            f"{row.slug} is unfrozen by {by}: {reason} (it was frozen by {row.frozen_by or '?'}: {row.frozen_reason})"
        )
        _tell("unfrozen", Level.WARNING, title, row, by, reason, now)
        configuration.changed()
    account.refresh_from_db(fields=["frozen_reason", "frozen_at", "frozen_by"])
    return True


def _tell(word: str, level: Level, title: str, account: Account, by: str, reason: str, now: datetime) -> None:
    events.publish(
        Event(
            name=f"account.{word}",
            at=now,
            level=level,
            title=title,
            account=account.slug,
            body={"by": by, "reason": reason},
        )
    )
