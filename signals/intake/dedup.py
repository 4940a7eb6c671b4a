"""The same alert twice is one signal (I8)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection

from signals.models import DedupKey, Source
from signals.receive import Alert

from . import strict_json
from .payload import Message

ID_REMEMBERED = timedelta(days=30)
# A captured signed body stays valid for ever, so it is remembered for as long as there are signals.
ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


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
_CLAIM = """
INSERT INTO signals_dedupkey (source_id, key, signal_public_id, expires_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (source_id, key) DO UPDATE
SET signal_public_id = excluded.signal_public_id, expires_at = excluded.expires_at
WHERE signals_dedupkey.expires_at <= %s
RETURNING signal_public_id
"""


def claim(*, source_id: int, key: str, public_id: str, expires_at: datetime, now: datetime) -> bool:
    """Whether `public_id` is now the signal of this key; in the transaction that inserts the signal."""
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [source_id, key, public_id, adapt(expires_at), adapt(now)])
        return cursor.fetchone() is not None


def original(*, source_id: int, key: str) -> str:
    """The public id of the signal that has this key."""
    return DedupKey.objects.values_list("signal_public_id", flat=True).get(source_id=source_id, key=key)
