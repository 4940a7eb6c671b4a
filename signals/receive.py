"""The one way a signal comes into being: intake, analysis and test alerts all end in `receive.store`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from signals.models import Signal
from tradeops.core import clock, money, rows, wake
from tradeops.core.ids import uuid7


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A message in the portal's own terms (I3). Amounts are exact, times aware; empty text means not given.

    At least one of `action`, `direction` and `market_position` is given. `extra` holds the sender's unknown fields.
    """

    symbol: str
    action: str = ""
    direction: str = ""
    market_position: str = ""
    market_position_size: Decimal | None = None
    prev_market_position: str = ""
    strategy: str = ""
    market: str = ""
    timeframe: str = ""
    sent_at: datetime | None = None
    bar_time: str = ""
    sender_id: str = ""
    order_type: str = "market"
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = ""
    post_only: bool = False
    quantity: Decimal | None = None
    quote_amount: Decimal | None = None
    percent: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str = ""
    stop_loss: str = ""
    take_profit: list[dict[str, str]] = field(default_factory=list)
    trailing_stop: str = ""
    reduce_only: bool = False
    strike: Decimal | None = None
    expiration: str = ""
    confidence: Decimal | None = None
    dry_run: bool = False
    comment: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What was given, JSON-ready: amounts as text, times ISO 8601; the inverse of `from_json`."""
        found: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is None or value is False or value in ("", [], {}):  # a zero amount equals False
                continue
            if isinstance(value, Decimal):
                value = money.plain(value)
            elif isinstance(value, datetime):
                value = clock.iso_ms(value)
            found[name] = value
        return found

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Alert:
        given = dict(data)
        for name in _DECIMALS & given.keys():
            given[name] = Decimal(given[name])
        if "sent_at" in given:
            given["sent_at"] = datetime.fromisoformat(given["sent_at"])
        return cls(**given)


_NAMES = tuple(item.name for item in dataclasses.fields(Alert))
_DECIMALS = {item.name for item in dataclasses.fields(Alert) if "Decimal" in str(item.type)}


def new(
    *,
    source_id: int | None,
    alert: Alert,
    raw: Any,
    routes: list[str],
    request_id: str,
    address: str | None,
    size: int,
    received_at: datetime,
    public_id: str | None = None,
    variants: Mapping[str, str] | None = None,
) -> Signal:
    """A signal (RECEIVED) for `store`.

    `raw` is the body as sent, JSON-ready and without its credential; `routes` are slugs of strategies, and `variants`
    the engines that experiments have chosen for some of them; `size` is in bytes; `public_id` is given where another
    row of the transaction names the signal before it is there.
    """
    return Signal(
        public_id=public_id or uuid7(),
        source_id=source_id,
        request_id=request_id,
        received_at=received_at,
        symbol=alert.symbol,
        action=alert.action or alert.direction or alert.market_position,
        sent_at=alert.sent_at,
        data=alert.to_json(),
        raw=raw,
        routes=routes,
        variants=dict(variants or {}),
        address=address,
        size=size,
    )


def store(signals: Sequence[Signal]) -> None:
    """Inserts them, in their order, in the caller's transaction, and wakes who works on them at the commit."""
    if signals:
        rows.insert_all(signals)
        wake.notify(wake.SIGNALS)
