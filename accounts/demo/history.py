"""Orders and trades as they are shown: late where the venue is told to be late, newest first, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import fields, trading
from .books import LIVE, Order, Trade
from .calls import Call
from .wire import Refusal, answer, millis, text

PENDING = fields.WHICH | fields.PAGE | {"ordType", "state"}
HISTORY = PENDING | {"category"}
FILLS = fields.WHICH | fields.PAGE | {"ordId", "subType"}
SOURCES = {"1": "Order canceled by user", "13": "FOK order was not filled at once",
           "14": "IOC order was not filled completely", "22": "Nothing left to reduce",
           "31": "Post-only order would take liquidity"}  # fmt: skip


def order(call: Call) -> dict[str, Any]:
    fields.only(call.query, fields.ONE_ORDER)
    call.venue.listing(call.query.get("instId", ""))
    found = _shown(call, trading.find(call.books, call.query))
    if found is None or found.listing.inst_id != call.query["instId"]:
        raise Refusal("51603")
    return answer([order_row(found)])


def _shown(call: Call, found: Order | None) -> Order | None:
    """In Binance's way an id has several orders: the newest that may be seen yet."""
    now = call.venue.now()
    if found is None or found.visible <= now:
        return found
    earlier = [one for one in call.books.by_client_id.get(found.client_id, ()) if one.visible <= now]
    return earlier[-1] if earlier and not call.query.get("ordId") else None


def pending(call: Call) -> dict[str, Any]:
    fields.only(call.query, PENDING)
    return answer(_page(call, reversed(call.books.live.values()), _order_id, order_row, _order_fits))


def finished(call: Call) -> dict[str, Any]:
    """Both histories: what has come to its end."""
    fields.only(call.query, HISTORY)
    fields.one_of(call.query, "instType", ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"))
    ended = (one for one in reversed(call.books.orders.values()) if one.state not in LIVE)
    return answer(_page(call, ended, _order_id, order_row, _order_fits))


def fills(call: Call) -> dict[str, Any]:
    fields.only(call.query, FILLS)
    return _fills(call)


def fills_history(call: Call) -> dict[str, Any]:
    fields.only(call.query, FILLS)
    fields.one_of(call.query, "instType", ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"))
    return _fills(call)


def _fills(call: Call) -> dict[str, Any]:
    wanted = call.query.get("ordId")
    if wanted:
        known = call.books.orders.get(wanted)
        trades: Iterable[Trade] = reversed(known.trades) if known else ()
    else:
        trades = reversed(call.books.trades)
    return answer(_page(call, trades, lambda trade: trade.bill_id, trade_row, _trade_fits))


def _page(
    call: Call,
    newest_first: Iterable[Any],
    number: Callable[[Any], str],
    row: Callable[[Any], dict[str, Any]],
    fits: Callable[[Any, Mapping[str, str]], bool],
) -> list[dict[str, Any]]:
    """after: older than this id; before: newer than it; begin and end: milliseconds, both included."""
    query, now = call.query, call.venue.now()
    limit = int(query.get("limit", "100")) if query.get("limit", "100").isdecimal() else 0
    if not 1 <= limit <= 100:
        raise Refusal("51000", "limit")
    found: list[dict[str, Any]] = []
    for one in newest_first:
        if len(found) == limit:
            break
        if one.visible <= now and _within(number(one), one, query) and fits(one, query):
            found.append(row(one))
    return found


def _within(number: str, one: Order | Trade, query: Mapping[str, str]) -> bool:
    at = int((one.created if isinstance(one, Order) else one.at) * 1000)
    return (
        (not query.get("after") or int(number) < int(query["after"]))
        and (not query.get("before") or int(number) > int(query["before"]))
        and (not query.get("begin") or at >= int(query["begin"]))
        and (not query.get("end") or at <= int(query["end"]))
    )


def _order_id(one: Order) -> str:
    return one.order_id


def _instrument_fits(one: Order, query: Mapping[str, str]) -> bool:
    return query.get("instType") in (None, "", one.listing.inst_type) and query.get("instId") in (
        None,
        "",
        one.listing.inst_id,
    )


def _order_fits(one: Order, query: Mapping[str, str]) -> bool:
    kinds = [kind for kind in query.get("ordType", "").split(",") if kind]
    return (
        _instrument_fits(one, query)
        and (not kinds or one.type in kinds)
        and query.get("state") in (None, "", one.state)
        and query.get("category") in (None, "", one.category)
    )


def _trade_fits(one: Trade, query: Mapping[str, str]) -> bool:
    return _instrument_fits(one.order, query) and query.get("subType") in (None, "", one.sub_type)


def order_row(one: Order) -> dict[str, Any]:
    last = one.trades[-1] if one.trades else None
    fee_currency = last.fee_currency if last else ""
    return {
        "instType": one.listing.inst_type,
        "instId": one.listing.inst_id,
        "tgtCcy": one.target_currency,
        "ccy": "",
        "tradeQuoteCcy": one.listing.quote if one.listing.spot else "",
        "ordId": one.order_id,
        "clOrdId": one.client_id,
        "tag": one.tag,
        "px": text(one.price),
        "pxUsd": "",
        "pxVol": "",
        "pxType": "",
        "sz": text(one.size),
        "pnl": text(one.pnl),
        "ordType": one.type,
        "side": one.side,
        "posSide": one.pos_side if not one.listing.spot else "",
        "tdMode": one.mode,
        "accFillSz": text(one.filled),
        "fillPx": text(last.price) if last else "",
        "tradeId": last.trade_id if last else "",
        "fillSz": text(last.size) if last else "0",
        "fillTime": millis(last.at) if last else "",
        "avgPx": text(one.average),
        "state": one.state,
        "lever": text(one.leverage),
        "attachAlgoClOrdId": "",
        "attachAlgoOrds": one.attached,
        "linkedAlgoOrd": {"algoId": ""},
        "stpId": "",
        "stpMode": "cancel_maker",
        "feeCcy": fee_currency,
        "fee": text(one.fee),
        "rebateCcy": fee_currency,
        "rebate": "0",
        "source": one.source,
        "category": one.category,
        "reduceOnly": "true" if one.reduce_only else "false",
        "cancelSource": one.cancel_source,
        "cancelSourceReason": SOURCES.get(one.cancel_source, ""),
        "quickMgnType": "",
        "algoClOrdId": one.algo_client_id,
        "algoId": one.algo_id,
        "isTpLimit": "false",
        "tpTriggerPx": "",
        "tpTriggerPxType": "",
        "tpOrdPx": "",
        "slTriggerPx": "",
        "slTriggerPxType": "",
        "slOrdPx": "",
        "uTime": millis(one.updated),
        "cTime": millis(one.created),
    }


def trade_row(one: Trade) -> dict[str, Any]:
    order_ = one.order
    return {
        "instType": order_.listing.inst_type,
        "instId": order_.listing.inst_id,
        "tradeId": one.trade_id,
        "ordId": order_.order_id,
        "clOrdId": "" if order_.algo_id else order_.client_id,  # as often as not
        "billId": one.bill_id,
        "subType": one.sub_type,
        "tag": order_.tag,
        "fillPx": text(one.price),
        "fillSz": text(one.size),
        "fillIdxPx": text(one.price),
        "fillPnl": text(one.pnl),
        "fillPxVol": "",
        "fillPxUsd": "",
        "fillMarkVol": "",
        "fillFwdPx": "",
        "fillMarkPx": "",
        "side": order_.side,
        "posSide": order_.pos_side or "net",
        "execType": "M" if one.maker else "T",
        "feeCcy": one.fee_currency,
        "fee": text(one.fee),
        "ts": millis(one.at),
        "fillTime": millis(one.at),
        "tradeQuoteCcy": order_.listing.quote if order_.listing.spot else "",
    }
