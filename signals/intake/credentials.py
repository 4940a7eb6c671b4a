"""The secrets of sources: set, or rotated so that the previous one is good for a while longer (I6)."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from signals.models import Source
from tradeops.core import clock, configuration, events, sealed, signing
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.events import Event

LONGEST_OVERLAP = timedelta(days=30)
_FIELDS = ("token_digest", "secret", "previous_token_digest", "previous_secret", "previous_until")


def set_secret(*, source: Source, secret: str) -> None:
    """Puts `secret` on the row in the form its `auth` needs: a token's keyed digest, or an encrypted signing key.

    It replaces the present one at once, and ends a rotation that is under way: a secret is set anew when the old ones
    should not be good any more. Does not save: an active source without a secret cannot exist, so both go in one write
    of the caller's, who also calls `configuration.changed()`. Raises ConfigurationError for a secret of fewer than 12
    characters, one that is not the base64 it claims to be, or a token that another source has.
    """
    signing.check_strength(secret)
    if source.auth == Source.Auth.TOKEN:
        digest = sealed.token_digest(secret)
        if _others_with(source, digest):
            raise ConfigurationError(
                "another source has this token already; a token names one source", code="token_taken"
            )
        source.token_digest, source.secret = digest, ""
    else:
        signing.key_bytes(secret)
        source.token_digest, source.secret = "", secret
    _forget_previous(source)


def has_secret(*, source: Source, secret: str) -> bool:
    """Whether `secret` is the present one of the row; constant-time."""
    if source.auth == Source.Auth.TOKEN:
        return hmac.compare_digest(source.token_digest, sealed.token_digest(secret))
    return hmac.compare_digest(source.secret.encode(), secret.encode())


def had_secret(*, source: Source, secret: str) -> bool:
    """Whether `secret` is the one before the last rotation, still good or not."""
    if source.auth == Source.Auth.TOKEN:
        return hmac.compare_digest(source.previous_token_digest, sealed.token_digest(secret))
    return bool(source.previous_secret) and hmac.compare_digest(source.previous_secret.encode(), secret.encode())


def generate(auth: str) -> str:
    """A new secret of 256 bits, in the form that senders of this kind expect."""
    if auth == Source.Auth.STANDARD:
        return signing.PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def rotate(*, source: Source, secret: str | None = None, overlap: timedelta, now: datetime) -> str:
    """Gives the source a new secret, generated unless given, and returns it: the only time that it can be seen.

    The present one stays good for `overlap`, so that senders can be changed one by one; an older one ends now.
    Raises ConfigurationError as `set_secret` does, or for the present secret itself.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise ConfigurationError(f"the previous secret may stay good for up to {LONGEST_OVERLAP.days} days")
    secret = secret or generate(source.auth)
    with transaction.atomic():
        row = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        if row.retired_at is not None:
            raise Conflict("it is retired; put it back first")
        if has_secret(source=row, secret=secret):
            raise ConfigurationError("this is the present secret; a rotation needs another one", code="same_secret")
        before = row.token_digest, row.secret
        set_secret(source=row, secret=secret)
        if overlap and any(before):
            row.previous_token_digest, row.previous_secret = before
            row.previous_until = now + overlap
        row.save(update_fields=_FIELDS)
        configuration.changed()
        events.publish(_rotated(row, now))
    for name in _FIELDS:
        setattr(source, name, getattr(row, name))
    return secret


def end_previous(*, source: Source, now: datetime) -> None:
    """The secret before the rotation is not good any more, from now on."""
    with transaction.atomic():
        row = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        _forget_previous(row)
        row.save(update_fields=_FIELDS[2:])
        configuration.changed()
        events.publish(
            Event(
                name="source.rotation_ended",
                at=now,
                title=f"The previous secret of source {row.slug} was ended",
                body={"source": row.slug},
            )
        )


def _others_with(source: Source, digest: str) -> bool:
    """A previous token counts too: for as long as it is good, it names its source."""
    same = Q(token_digest=digest) | Q(previous_token_digest=digest)
    return Source.objects.filter(same).exclude(pk=source.pk).exists()


def _forget_previous(source: Source) -> None:
    source.previous_token_digest, source.previous_secret, source.previous_until = "", "", None


def _rotated(row: Source, now: datetime) -> Event:
    until = row.previous_until
    rest = f"the previous one is good until {until:%Y-%m-%d %H:%M} UTC" if until else "the previous one is not good now"
    return Event(
        name="source.rotated",
        at=now,
        title=f"The secret of source {row.slug} was rotated; {rest}",
        body={"source": row.slug, "previous_until": clock.iso_ms(until) if until else None},
    )
