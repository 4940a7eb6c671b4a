"""Everything that is encrypted at rest, under the newest keys: what `manage.py rotate_keys` does (R7).

Each value is replaced only if it is still what was read, so one that is set meanwhile stays; running it twice, or again
after it was broken off, does no harm. Nothing is changed before everything was opened once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Cast

from accounts import second_factor, vault
from accounts.models import Credential
from tradeops.core import configuration, crypto, vault_key
from tradeops.core.env import vault_private_key, vault_public_key
from tradeops.core.errors import ConfigurationError
from tradeops.core.fields import EncryptedTextField

AUTHENTICATORS, CREDENTIALS = "authenticators", "credentials of accounts"


@dataclass(frozen=True)
class Part:
    """`renewed` of `values` were under an older key; `problem` says why this part was left alone."""

    name: str
    values: int
    renewed: int
    problem: str = ""


@dataclass(frozen=True)
class _Stored:
    field: EncryptedTextField
    key: object
    text: str

    @property
    def rows(self) -> models.QuerySet[models.Model]:
        return self.field.model._base_manager.filter(pk=self.key)


def run(*, dry_run: bool) -> list[Part]:
    """Raises ConfigurationError, before anything is changed, for a value that no key of the ring opens."""
    for field in _fields():
        for stored in _stored(field):
            crypto.decrypt(stored.text, place=field.place)
    second_factor.renew(dry_run=True)
    parts = [_field(field, dry_run=dry_run) for field in _fields()]
    devices = second_factor.devices()
    parts.append(Part(AUTHENTICATORS, devices, second_factor.renew(dry_run=dry_run)))
    parts.append(_credentials(dry_run=dry_run))
    if not dry_run:
        configuration.changed()
    return parts


def _fields() -> Iterator[EncryptedTextField]:
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield field


def _stored(field: EncryptedTextField) -> Iterator[_Stored]:
    """As it lies in the database."""
    raw = Cast(field.name, models.TextField())
    found = field.model._base_manager.annotate(_raw=raw).exclude(_raw="").order_by("pk").values_list("pk", "_raw")
    for key, text in found.iterator():
        yield _Stored(field, key, text)


def _field(field: EncryptedTextField, *, dry_run: bool) -> Part:
    values = renewed = 0
    for stored in list(_stored(field)):
        values += 1
        if crypto.is_current(stored.text):
            continue
        renewed += 1 if dry_run else _renew(stored)
    return Part(field.place, values, renewed)


def _renew(stored: _Stored) -> int:
    field = stored.field
    plain = crypto.decrypt(stored.text, place=field.place)
    as_it_was = stored.rows.annotate(_raw=Cast(field.name, models.TextField())).filter(_raw=stored.text)
    return as_it_was.update(**{field.name: plain})


def _credentials(*, dry_run: bool) -> Part:
    """They are sealed for the vault's key pair, which web processes cannot open: not every host can do this part."""
    values = Credential.objects.count()
    if not values:
        return Part(CREDENTIALS, 0, 0)
    if not vault_private_key(settings.ENV):
        return Part(CREDENTIALS, values, 0, f"{vault_key.PRIVATE} is not here; run this where the trade workers run")
    newest = vault_key.parse(vault_public_key(settings.ENV), name=vault_key.PUBLIC)[:1]
    older = [row for row in Credential.objects.all() if vault.split(row.sealed)[0] not in map(vault_key.key_id, newest)]
    if dry_run:
        return Part(CREDENTIALS, values, len(older))
    try:
        return Part(CREDENTIALS, values, vault.rotate())
    except ConfigurationError as error:
        return Part(CREDENTIALS, values, 0, str(error))
