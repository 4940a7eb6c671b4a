"""«Get bills details»: what moved the account's money without a trade (rate limits: 5/s, of the archive 5/2 s)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from accounts.brokers.base import Transfer

from . import paging, reports
from .client import Client, Item
from .instruments import amount

TRANSFER, FUNDING = "1", "8"
# «last 7 days»; older ones are in the archive.
RECENT = timedelta(days=7) - timedelta(hours=1)


def read(client: Client, *, kind: str, since: datetime, **params: str) -> Iterator[Item]:
    """Newest first."""
    recent = datetime.now(UTC) - since < RECENT
    path, key = ("/account/bills", "bills") if recent else ("/account/bills-archive", "bills_archive")
    asked = {**params, "type": kind, "begin": str(int(since.timestamp() * 1000))}
    return paging.rows(client, path, asked, key, by="billId")


def transfers(client: Client, *, since: datetime) -> tuple[Transfer, ...]:
    """Type 1, into and out of the trading account (sub-types 11 and 12); `balChg` is signed. Oldest first."""
    found = [_transfer(row) for row in read(client, kind=TRANSFER, since=since)]
    return tuple(sorted(found, key=lambda one: (one.at, len(one.id), one.id)))


def _transfer(row: Item) -> Transfer:
    return Transfer(
        id=str(row["billId"]), currency=str(row["ccy"]), amount=amount(row["balChg"]), at=reports.moment(row["ts"])
    )
