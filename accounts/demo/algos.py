"""The endpoints of algo orders (docs-v5, "Algo Trading"): stop loss, take profit, trigger, trailing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import checks, fields, triggers
from .books import Algo, Books
from .calls import Call
from .instruments import Listing
from .venue import Venue
from .wire import WHOLE, Refusal, answer, millis, text

TYPES = ("conditional", "oco", "trigger", "move_order_stop")
BELONGS = {  # which price fields a type may have; all others are refused
    "conditional": {"tpTriggerPx", "tpTriggerPxType", "tpOrdPx", "slTriggerPx", "slTriggerPxType", "slOrdPx"},
    "oco": {"tpTriggerPx", "tpTriggerPxType", "tpOrdPx", "slTriggerPx", "slTriggerPxType", "slOrdPx"},
    "trigger": {"triggerPx", "orderPx", "triggerPxType"},
    "move_order_stop": {"callbackRatio", "callbackSpread", "activePx"},
}
PRICES = frozenset().union(*BELONGS.values())
WHICH = frozenset({"algoId", "algoClOrdId", "instType", "instId", "ordType", "after", "before", "limit"})
PRICE_TYPES = ("last", "index", "mark")


def place(call: Call) -> dict[str, Any]:
    asked = call.body
    if not isinstance(asked, dict):
        raise Refusal("50002")
    row = {"algoId": "", "clOrdId": "", "algoClOrdId": str(asked.get("algoClOrdId", "")), "sCode": "0", "sMsg": "",
           "tag": str(asked.get("tag", ""))}  # fmt: skip
    try:
        if "trade" not in call.books.permissions:
            raise Refusal("50120")
        algo = _checked(call.venue, call.books, asked)
        algo.visible += call.venue.faults.late(call.faults.get("late"))
        triggers.add(call.venue, call.books, algo)
        row["algoId"] = algo.algo_id
    except Refusal as error:
        if error.code in WHOLE:
            raise
        row |= {"sCode": error.code, "sMsg": error.message}
        call.venue.ledger.add(
            "refused", call.venue.now(), account=call.books.name, clOrdId=row["algoClOrdId"],
            instId=str(asked.get("instId", "")), code=error.code, reason=error.message,
        )  # fmt: skip
    return _wrapped([row])


def _wrapped(rows: list[dict[str, str]]) -> dict[str, Any]:
    failed = any(row["sCode"] != "0" for row in rows)
    return {"code": "1" if failed else "0", "msg": "All operations failed" if failed else "", "data": rows}


def _checked(venue: Venue, books: Books, asked: Mapping[str, Any]) -> Algo:
    fields.only(asked, fields.ALGO)
    listing = venue.listing(str(asked.get("instId", "")))
    side = fields.one_of(asked, "side", ("buy", "sell"))
    kind = fields.one_of(asked, "ordType", TYPES)
    for name in sorted(PRICES - BELONGS[kind]):
        if name in asked:
            raise Refusal("51000", name)
    client_id = fields.client_id(asked, "algoClOrdId")
    if client_id and client_id in books.algo_ids:
        raise Refusal("51065")
    last = venue.prices.of(listing.inst_id).last
    {"trigger": _check_trigger, "move_order_stop": _check_trailing}.get(kind, _check_exits)(listing, asked, side, last)
    now = venue.now()
    return Algo(
        algo_id=venue.number(), client_id=client_id, listing=listing, side=side,
        mode=checks.trade_mode(books, listing, asked), pos_side=checks.position_side(books, listing, asked), type=kind,
        size=_size(listing, asked, side, kind), created=now, updated=now, visible=now, asked=dict(asked),
        reduce_only=checks.reduce_only(books, listing, asked),
    )  # fmt: skip


def _size(listing: Listing, asked: Mapping[str, Any], side: str, kind: str) -> Decimal:
    """closeFraction only 1, for a whole position; on spot a market buy's size may be in quote currency."""
    if "closeFraction" in asked:
        if asked["closeFraction"] != "1" or "sz" in asked or listing.spot or kind not in ("conditional", "oco"):
            raise Refusal("51000", "closeFraction")
        return Decimal(0)
    size = fields.amount(asked, "sz")
    if "tgtCcy" in asked:
        if not listing.spot or kind == "trigger":
            raise Refusal("51281" if kind == "trigger" else "51000", "tgtCcy")
        fields.one_of(asked, "tgtCcy", ("base_ccy", "quote_ccy"))
    in_quote = listing.spot and side == "buy" and kind in ("conditional", "oco") and asked.get("tgtCcy") != "base_ccy"
    if not in_quote:
        checks.check_size(listing, size, market=True)
    return size


def _on_tick(listing: Listing, asked: Mapping[str, Any], name: str, *, market: bool = False) -> None:
    if market and asked.get(name) == "-1":
        return
    if fields.amount(asked, name) % listing.tick:
        raise Refusal("51150")


def _check_exits(listing: Listing, asked: Mapping[str, Any], side: str, last: Decimal) -> None:
    """conditional has one of stop loss and take profit, oco both, each on its side of the last price."""
    given = [kind for kind in ("tp", "sl") if f"{kind}TriggerPx" in asked]
    if len(given) != (2 if asked["ordType"] == "oco" else 1):
        raise Refusal("50015", "tpTriggerPx", "slTriggerPx")
    codes = {("tp", "buy"): "51277", ("sl", "buy"): "51278", ("tp", "sell"): "51279", ("sl", "sell"): "51280"}
    for kind in given:
        _on_tick(listing, asked, f"{kind}TriggerPx")
        _on_tick(listing, asked, f"{kind}OrdPx", market=True)
        fields.one_of(asked, f"{kind}TriggerPxType", PRICE_TYPES, default="last")
        above = (kind == "tp") == (side == "sell")
        trigger = Decimal(asked[f"{kind}TriggerPx"])
        if trigger < last if above else trigger > last:
            raise Refusal(codes[kind, side])


def _check_trigger(listing: Listing, asked: Mapping[str, Any], side: str, last: Decimal) -> None:
    _on_tick(listing, asked, "triggerPx")
    _on_tick(listing, asked, "orderPx", market=True)
    fields.one_of(asked, "triggerPxType", PRICE_TYPES, default="last")


def _check_trailing(listing: Listing, asked: Mapping[str, Any], side: str, last: Decimal) -> None:
    """A distance as a ratio (0.01 = 1 %) or an amount; activePx on the far side of the last price."""
    if ("callbackRatio" in asked) == ("callbackSpread" in asked):
        raise Refusal("50015", "callbackRatio", "callbackSpread")
    if "callbackRatio" in asked and not Decimal("0.001") <= fields.amount(asked, "callbackRatio") <= 1:
        raise Refusal("51311", "0.1%", "100%")
    if "callbackSpread" in asked:
        _on_tick(listing, asked, "callbackSpread")
    if "activePx" in asked:
        _on_tick(listing, asked, "activePx")
        active = Decimal(asked["activePx"])
        if side == "sell" and active < last:
            raise Refusal("51258")
        if side == "buy" and active > last:
            raise Refusal("51259")


def cancel(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, list) or not all(isinstance(item, dict) for item in call.body) or not call.body:
        raise Refusal("50002")
    if len(call.body) > 10:
        raise Refusal("51111", 10)
    rows = []
    for asked in call.body:
        fields.only(asked, fields.CANCEL_ALGO)
        fields.needed(asked, "instId")
        algo = _find(call.books, asked)
        done = algo is not None and algo.state == "live"
        if algo is not None and done:
            algo.state, algo.updated = "canceled", call.venue.now()
        error = Refusal("51400")
        rows.append({
            "algoId": algo.algo_id if algo else str(asked.get("algoId", "")),
            "algoClOrdId": algo.client_id if algo else str(asked.get("algoClOrdId", "")), "tag": "", "clOrdId": "",
            "sCode": "0" if done else error.code, "sMsg": "" if done else error.message,
        })  # fmt: skip
    return _wrapped(rows)


def _find(books: Books, asked: Mapping[str, Any]) -> Algo | None:
    if asked.get("algoId"):
        return books.algos.get(str(asked["algoId"]))
    if asked.get("algoClOrdId"):
        return books.algo_ids.get(str(asked["algoClOrdId"]))
    raise Refusal("50015", "algoId", "algoClOrdId")


def one(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"algoId", "algoClOrdId"})
    found = _find(call.books, call.query)
    if found is None or found.visible > call.venue.now():
        raise Refusal("51603")
    return answer([row(call.books, found)])


def pending(call: Call) -> dict[str, Any]:
    fields.only(call.query, WHICH)
    return _listed(call, ("live",))


def finished(call: Call) -> dict[str, Any]:
    fields.only(call.query, WHICH | {"state"})
    if not call.query.get("algoId"):
        fields.one_of(call.query, "state", ("effective", "canceled", "order_failed"))
    return _listed(
        call, (call.query["state"],) if call.query.get("state") else ("effective", "canceled", "order_failed")
    )


def _listed(call: Call, states: tuple[str, ...]) -> dict[str, Any]:
    query, now = call.query, call.venue.now()
    kinds = fields.needed(query, "ordType").split(",")
    if not set(kinds) <= {*TYPES, "iceberg", "twap", "chase"}:
        raise Refusal("51000", "ordType")

    def fits(algo: Algo) -> bool:
        return (
            algo.type in kinds
            and algo.state in states
            and algo.visible <= now
            and query.get("instId") in (None, "", algo.listing.inst_id)
            and query.get("instType") in (None, "", algo.listing.inst_type)
            and query.get("algoId") in (None, "", algo.algo_id)
            and query.get("algoClOrdId") in (None, "", algo.client_id)
            and (not query.get("after") or int(algo.algo_id) < int(query["after"]))
            and (not query.get("before") or int(algo.algo_id) > int(query["before"]))
        )

    rows = [row(call.books, algo) for algo in reversed(call.books.algos.values()) if fits(algo)]
    return answer(rows[: int(query.get("limit") or 100)])


def row(books: Books, algo: Algo) -> dict[str, Any]:
    asked = algo.asked
    prices = {name: str(asked.get(name, "")) for name in sorted(PRICES)}
    orders = [books.orders[name] for name in algo.order_ids]
    leverage = "" if algo.listing.spot else text(books.leverage_of(algo.listing.inst_id, algo.mode, algo.pos_side))
    return prices | {
        "instType": algo.listing.inst_type, "instId": algo.listing.inst_id, "algoId": algo.algo_id,
        "algoClOrdId": algo.client_id, "clOrdId": "", "ordId": algo.order_ids[-1] if algo.order_ids else "",
        "ordIdList": algo.order_ids, "sz": text(algo.size) if algo.size else "", "ordType": algo.type,
        "side": algo.side, "posSide": algo.pos_side, "tdMode": algo.mode, "tgtCcy": str(asked.get("tgtCcy", "")),
        "state": algo.state, "lever": leverage, "ordPx": str(asked.get("orderPx", "")),
        "actualSz": text(algo.actual_size),
        "actualPx": text(orders[-1].average) if orders else "", "actualSide": algo.actual_side,
        "triggerTime": millis(algo.triggered), "reduceOnly": "true" if algo.reduce_only else "false",
        "closeFraction": str(asked.get("closeFraction", "")), "failCode": algo.fail_code,
        "tag": str(asked.get("tag", "")),
        "linkedOrd": {"ordId": algo.parent}, "attachAlgoOrds": [], "moveTriggerPx": "", "ccy": "", "last": "",
        "cTime": millis(algo.created), "uTime": millis(algo.updated),
    }  # fmt: skip
