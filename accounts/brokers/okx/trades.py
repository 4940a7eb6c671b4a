"""The account's trades and what brought each about (P1).

A row of «Get transaction details» tells liquidation, auto-deleveraging and delivery by its `subType`. Who asked for the
rest is on its order: our `clOrdId` (which fills often leave out), an algo order of ours (`algoClOrdId`), an exit
attached to an entry of ours, or somebody else's.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from accounts.brokers.base import Access, Cause, FillReport, TradeReport
from tradeops.core.money import Side

from . import attached, bills, paging, reports
from .client import Client, Item
from .instruments import Instruments, Traded, amount, inst_type
from .lookup import RECENT, Lookup

REMEMBERED = 5000

# The `clOrdId` that OKX itself gives to an order which an algo order has triggered; ours is its `algoClOrdId`.
_MADE_BY_OKX = re.compile(r"O\d{9,}")
_LIQUIDATION = frozenset({"100", "101", "102", "103", "104", "105", "106", "107", "110", "111"})
_VENUE = frozenset({"112", "113", "118", "119", "125", "126", "127", "128"})  # delivery, conversion, auto-deleveraging
_CATEGORIES = {
    "full_liquidation": Cause.LIQUIDATION,
    "partial_liquidation": Cause.LIQUIDATION,
    "adl": Cause.VENUE,
    "delivery": Cause.VENUE,
    "ddh": Cause.VENUE,
    "auto_conversion": Cause.VENUE,
}


@dataclass(frozen=True)
class _Origin:
    client_order_id: str = ""
    parent: str = ""
    cause: Cause = Cause.HAND


class Trades:
    def __init__(self, client: Client, access: Access, instruments: Instruments, lookup: Lookup) -> None:
        self._client = client
        self._access = access
        self._instruments = instruments
        self._lookup = lookup
        self._lock = threading.Lock()
        self._origins: dict[str, _Origin] = {}  # by ordId; it never changes

    def since(self, moment: datetime, symbol: str) -> tuple[TradeReport, ...]:
        """Oldest first. Instruments that the portal has no symbol for are left out."""
        found = []
        for row in self._rows(moment, symbol):
            traded = self._instruments.of_market(str(row["instId"]), self._access.market)
            if traded is not None:
                found.append(self._report(row, traded))
        found += self._funding(moment, symbol)
        return tuple(sorted(found, key=_order))

    def _rows(self, moment: datetime, symbol: str) -> Iterator[Item]:
        recent = datetime.now(UTC) - moment < RECENT
        path, key = ("/trade/fills", "fills") if recent else ("/trade/fills-history", "fills_history")
        params = {"begin": str(int(moment.timestamp() * 1000))}
        if not recent:
            params["instType"] = inst_type(self._access.market)  # required there
        if symbol:
            params["instId"] = self._instruments.get(symbol).inst_id
        return paging.rows(self._client, path, params, key, by="billId")

    def _funding(self, moment: datetime, symbol: str) -> Iterator[TradeReport]:
        """«Get bills details», type 8: trades of no quantity whose `fee` is what was paid."""
        if inst_type(self._access.market) != "SWAP":
            return
        for row in bills.read(self._client, kind=bills.FUNDING, since=moment, instType="SWAP"):
            traded = self._instruments.by_id(str(row.get("instId") or ""))
            if traded is not None and symbol in ("", traded.instrument.symbol):
                yield _funding(row, traded)

    def _report(self, row: Item, traded: Traded) -> TradeReport:
        origin = self._origin(row, traded)
        side = str(row.get("posSide") or "")
        return TradeReport(
            fill=reports.fill(row, traded),
            symbol=traded.instrument.symbol,
            side=Side(str(row["side"])),
            venue_order_id=str(row.get("ordId") or ""),
            client_order_id=origin.client_order_id,
            parent_client_order_id=origin.parent,
            position_side=side if side in ("long", "short") else "",
            cause=origin.cause,
        )

    def _origin(self, row: Item, traded: Traded) -> _Origin:
        kind = str(row.get("subType") or "")
        if kind in _LIQUIDATION:
            return _Origin(cause=Cause.LIQUIDATION)
        if kind in _VENUE:
            return _Origin(cause=Cause.VENUE)
        given = str(row.get("clOrdId") or "")
        if given and not _MADE_BY_OKX.fullmatch(given):
            return _Origin(client_order_id=given)
        order_id = str(row.get("ordId") or "")
        if not order_id:
            return _Origin(cause=Cause.VENUE)
        with self._lock:
            known = self._origins.get(order_id)
        if known is None:
            known = self._asked(order_id, traded)
            with self._lock:
                if len(self._origins) >= REMEMBERED:
                    self._origins.clear()
                self._origins[order_id] = known
        return known

    def _asked(self, order_id: str, traded: Traded) -> _Origin:
        answer = self._lookup.plain({"ordId": order_id}, traded)
        if answer is None:
            return _Origin()
        order = answer.first()
        category = _CATEGORIES.get(str(order.get("category")))
        if category is not None:
            return _Origin(cause=category)
        ours = str(order.get("algoClOrdId") or "")
        parent = attached.parent_of(ours)
        if parent is not None:
            cause = parent.cause or self._fired(order)
            return _Origin(parent=parent.client_order_id, cause=cause)
        if ours:
            return _Origin(client_order_id=ours)
        given = str(order.get("clOrdId") or "")
        return _Origin(client_order_id="" if _MADE_BY_OKX.fullmatch(given) else given, cause=self._foreign(order))

    def _foreign(self, order: Item) -> Cause:
        """`source`: 7 a TP/SL order fired, 25 a trailing stop; all else somebody placed."""
        source = str(order.get("source") or "")
        if source == "25":
            return Cause.TRAILING
        return self._fired(order) if source == "7" else Cause.HAND

    def _fired(self, order: Item) -> Cause:
        """Which side of a TP/SL order it was (`actualSide`)."""
        answer = self._lookup.algo(algo_id=str(order.get("algoId") or "")) if order.get("algoId") else None
        side = str(answer.first().get("actualSide") or "") if answer is not None else ""
        return Cause.TAKE_PROFIT if side == "tp" else Cause.STOP_LOSS


def _order(trade: TradeReport) -> tuple[datetime, int, str]:
    """By time, and within a millisecond by the venue's number, which is text: 9 before 10."""
    return trade.fill.at, len(trade.fill.trade_id), trade.fill.trade_id


def _funding(row: Item, traded: Traded) -> TradeReport:
    paid = FillReport(
        trade_id=f"funding-{row['billId']}",
        quantity=Decimal(0),
        price=Decimal(0),
        fee=-amount(row.get("balChg")),
        fee_currency=str(row.get("ccy") or ""),
        at=reports.moment(row["ts"]),
    )
    return TradeReport(
        fill=paid, symbol=traded.instrument.symbol, side=Side.BUY, venue_order_id="", cause=Cause.FUNDING
    )
