"""What Alpaca lists by pages: fills (account activities) and orders with their legs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Transfer

from .client import Client
from .orders import moment

PAGE = 100


def fills(client: Client, *, since: datetime) -> list[dict[str, Any]]:
    """`GET /v2/account/activities/FILL`, oldest first, each once."""
    found = _pages(client, "/account/activities/FILL", after=_text(since - timedelta(milliseconds=1)))
    return [item for item in found if moment(item["transaction_time"]) >= since]


def _pages(client: Client, path: str, *, after: str, **params: str) -> list[dict[str, Any]]:
    """`after` excludes its own moment."""
    found: dict[str, dict[str, Any]] = {}
    token = ""
    while True:
        asked = {"after": after, "direction": "asc", "page_size": PAGE, **params}
        page = client.get(path, asked | ({"page_token": token} if token else {}), keys="history:fills")
        found |= {str(item["id"]): item for item in page}
        if len(page) < PAGE:
            return list(found.values())
        token = str(page[-1]["id"])


# "Account Activities": cash in and out, journals of cash between accounts, cash that comes with a moved account.
_TRANSFERS = "CSD,CSW,JNLC,ACATC"


def transfers(client: Client, *, since: datetime) -> tuple[Transfer, ...]:
    """`GET /v2/account/activities`, oldest first. They bear a date and no time: one of the day of `since` counts."""
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    after = _text(day - timedelta(milliseconds=1))
    listed = _pages(client, "/account/activities", after=after, activity_types=_TRANSFERS)
    found = [_transfer(item) for item in listed if str(item.get("status") or "executed") != "canceled"]
    return tuple(sorted((one for one in found if one.at >= day), key=lambda one: (one.at, one.id)))


def _transfer(item: Mapping[str, Any]) -> Transfer:
    return Transfer(
        id=str(item["id"]),
        currency="USD",
        amount=Decimal(str(item["net_amount"])),
        at=datetime.fromisoformat(str(item["date"])[:10]).replace(tzinfo=UTC),
    )


def fills_of(client: Client, order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fills of one order."""
    since = moment(str(order.get("submitted_at") or order["created_at"])) - timedelta(seconds=1)
    return [item for item in fills(client, since=since) if str(item["order_id"]) == str(order["id"])]


def nested(client: Client, *, after: datetime) -> list[dict[str, Any]]:
    """Orders of any status since then, with their legs inside."""
    asked = {"status": "all", "nested": "true", "limit": 500, "direction": "desc", "after": _text(after)}
    return list(client.get("/orders", asked, keys="history:orders"))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
