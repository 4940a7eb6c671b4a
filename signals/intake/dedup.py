"""The same alert twice is one signal (I8)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from signals.models import DedupKey, Source
from signals.receive import Alert

from . import strict_json
from .payload import Message

ID_REMEMBERED = timedelta(days=30)
# A captured signed body stays valid for ever, so it is remembered for as long as there are signals.
ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)

Key = tuple[int, str]  # source, digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    key: Key
    public_id: str
    expires_at: datetime


def key(*, message: Message, alert: Alert) -> str:
    """The sender's id, or what the message says whatever its spelling; unique within a source."""
    told = b"id:" + alert.sender_id.encode() if alert.sender_id else b"body:" + strict_json.canonical(message.fields)
    return hashlib.sha256(told).hexdigest()


def expiry(*, source: Source, alert: Alert, now: datetime) -> datetime:
    if source.auth != Source.Auth.TOKEN:
        return ALWAYS
    return now + (ID_REMEMBERED if alert.sender_id else timedelta(seconds=source.dedup_seconds))


# One statement, so that of any number of processes exactly one gets a row back. A concurrent one waits on the
# unique index for the other's commit and then sees its unexpired key. An expired key lives again.
_CLAIM = (
    "INSERT INTO signals_dedupkey (source_id, key, signal_public_id, expires_at) VALUES {values}"
    " ON CONFLICT (source_id, key) DO UPDATE"
    " SET signal_public_id = excluded.signal_public_id, expires_at = excluded.expires_at"
    " WHERE signals_dedupkey.expires_at <= %s RETURNING signal_public_id"
)


def claim(claims: Sequence[Claim], *, now: datetime) -> set[str]:
    """The public ids that are now the signals of their keys; in the transaction that inserts these signals.

    The keys differ from each other. All processes claim in the order of the keys, so that none waits for one that
    waits for it.
    """
    adapt = connection.ops.adapt_datetimefield_value
    values: list[Any] = []
    for one in sorted(claims, key=lambda one: one.key):
        values += [*one.key, one.public_id, adapt(one.expires_at)]
    statement = _CLAIM.format(values=", ".join(["(%s, %s, %s, %s)"] * len(claims)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, adapt(now)])
        return {public_id for [public_id] in cursor.fetchall()}


def originals(keys: Iterable[Key]) -> dict[Key, str]:
    """The public ids of the signals that have these keys."""
    wanted = set(keys)
    rows = DedupKey.objects.filter(key__in=[digest for _, digest in wanted])
    found = {
        (source, digest): public for source, digest, public in rows.values_list("source", "key", "signal_public_id")
    }
    return {key: found[key] for key in wanted}
