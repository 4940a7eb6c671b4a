"""A delivery as the sender holds it: the columns it needs, and its message read once for all of its receivers.

Instances of the models would cost more than the database takes to find the rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from relay.models import Delivery, Message
from tradeops.core import rows


@dataclass(slots=True, kw_only=True, eq=False)
class Letter:
    """A message. `written` keeps the bytes that were made of it: most of its receivers get the same."""

    id: int
    signal: str
    strategy: str
    symbol: str
    request_id: str
    created_at: datetime
    body: dict[str, Any]
    written: dict[Any, bytes] = field(default_factory=dict, repr=False)


@dataclass(slots=True, kw_only=True, eq=False)
class Parcel:
    """As it was read under `claim_token`."""

    pk: int
    message_id: int
    endpoint_id: int
    group_id: int | None
    type: str
    subject: str
    lane: str
    dry_run: bool
    replay_of_id: int | None
    status: str
    tries: int
    expires_at: datetime
    unknown: bool
    claim_token: str
    message: Letter


# What of a delivery's state others need to know, be it held by the sender or read by anybody else.
Held = Parcel | Delivery

COLUMNS = (
    *("id", "message_id", "endpoint_id", "group_id", "type", "subject", "lane", "dry_run", "replay_of_id"),
    *("status", "tries", "expires_at", "unknown", "claim_token"),
)


_MESSAGE = ("id", "signal", "strategy", "symbol", "request_id", "created_at", "body")


def parcels(found: Collection[tuple[Any, ...]]) -> list[Parcel]:
    """From rows of `COLUMNS` as the database gives them, oldest first."""
    letters = _letters({row[1] for row in found})
    moment = _moment(connection.vendor)
    return [
        Parcel(
            pk=pk, message_id=message, endpoint_id=endpoint, group_id=group, type=type_, subject=subject, lane=lane,
            dry_run=bool(dry_run), replay_of_id=replay_of, status=status, tries=tries, expires_at=moment(expires_at),
            unknown=bool(unknown), claim_token=token, message=letters[message],
        )
        for (
            pk, message, endpoint, group, type_, subject, lane, dry_run, replay_of,
            status, tries, expires_at, unknown, token,
        ) in sorted(found)
    ]  # fmt: skip


def _letters(ids: Collection[int]) -> dict[int, Letter]:
    where = f"id IN ({', '.join(['%s'] * len(ids))})"
    found = rows.select(Message, *_MESSAGE, where=where, params=sorted(ids))
    return {
        pk: Letter(
            id=pk, signal=signal, strategy=strategy, symbol=symbol, request_id=request_id, created_at=created_at,
            body=body,
        )
        for pk, signal, strategy, symbol, request_id, created_at, body in found
    }  # fmt: skip


@cache
def _moment(vendor: str) -> Any:
    """How this database's `expires_at` becomes a time."""
    column: Any = Delivery._meta.get_field("expires_at").get_col("relay_delivery")
    chain = connection.ops.get_db_converters(column) + column.get_db_converters(connection)

    def convert(value: Any) -> datetime:
        for each in chain:
            value = each(value, column, connection)
        return value

    return convert
