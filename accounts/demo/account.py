"""The account's own endpoints (docs-v5, "Trading Account")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import checks, fields, funds, settle
from .books import ZERO, Position
from .calls import Call
from .wire import Refusal, answer, millis, text

MODES = ("cross", "isolated")


def balance(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"ccy"})
    wanted = [name for name in call.query.get("ccy", "").split(",") if name]
    venue, books = call.venue, call.books
    frozen, margin = funds.frozen(venue, books), funds.margin(venue, books)
    unrealised = _unrealised(call)
    details, total = [], ZERO
    for currency in sorted({*books.cash, *frozen, *margin}):
        cash = books.cash.get(currency, ZERO)
        equity = cash + unrealised.get(currency, ZERO)
        dollars = equity * _dollars(call, currency)
        total += dollars
        if (wanted and currency not in wanted) or (not cash and not equity):
            continue
        held = frozen.get(currency, ZERO)
        free = max(cash - held - margin.get(currency, ZERO), ZERO)
        details.append({
            "ccy": currency, "cashBal": text(cash), "eq": text(equity), "availBal": text(free), "availEq": text(free),
            "frozenBal": text(max(equity - free, ZERO)), "ordFrozen": text(held),
            "upl": text(unrealised.get(currency, ZERO)), "eqUsd": text(dollars), "disEq": text(dollars),
            "liab": "", "crossLiab": "", "isoLiab": "", "interest": "", "isoEq": "0", "mgnRatio": "", "maxLoan": "",
            "notionalLever": "0", "stgyEq": "0", "twap": "0", "uplLiab": "", "spotInUseAmt": "", "borrowFroz": "",
            "uTime": millis(venue.now()),
        })  # fmt: skip
    return answer([{
        "uTime": millis(venue.now()), "totalEq": text(total), "isoEq": "0", "adjEq": "", "availEq": "",
        "ordFroz": "", "imr": "", "mmr": "", "mgnRatio": "", "notionalUsd": "", "upl": "", "borrowFroz": "",
        "details": details,
    }])  # fmt: skip


def _unrealised(call: Call) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for position in call.books.open_positions():
        currency = position.listing.quote
        profit = position.profit(call.venue.prices.of(position.listing.inst_id).last)
        found[currency] = found.get(currency, ZERO) + profit
    return found


def _dollars(call: Call, currency: str) -> Decimal:
    if currency == "USDT":
        return Decimal(1)
    known = f"{currency}-USDT" in call.venue.listings
    return call.venue.prices.of(f"{currency}-USDT").last if known else ZERO


def positions(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"instType", "instId", "posId"})
    wanted = [name for name in call.query.get("instId", "").split(",") if name]
    return answer([
        _position_row(call, position)
        for position in settle.shown_positions(call.venue, call.books)
        if (not wanted or position.listing.inst_id in wanted)
        and call.query.get("instType") in (None, "", position.listing.inst_type)
    ])  # fmt: skip


def _position_row(call: Call, position: Position) -> dict[str, Any]:
    listing = position.listing
    price = call.venue.prices.of(listing.inst_id).last
    leverage = call.books.leverage_of(listing.inst_id, position.mode, position.pos_side)
    worth = position.worth(price)
    liquidation = position.average * (1 - position.direction / leverage)
    return {
        "instType": listing.inst_type, "instId": listing.inst_id, "mgnMode": position.mode,
        "posId": position.number, "posSide": position.pos_side, "pos": text(position.size),
        "availPos": text(position.size) if position.pos_side != "net" else "", "posCcy": "", "ccy": listing.quote,
        "avgPx": text(position.average), "markPx": text(price), "last": text(price), "idxPx": text(price),
        "upl": text(position.profit(price)), "uplRatio": "", "realizedPnl": text(position.realised),
        "lever": text(leverage), "liqPx": text(max(liquidation, ZERO)), "notionalUsd": text(worth),
        "imr": text(worth / leverage) if position.mode == "cross" else "",
        "margin": text(position.worth(position.average) / leverage) if position.mode == "isolated" else "",
        "mgnRatio": "", "mmr": "", "liab": "", "liabCcy": "", "interest": "", "adl": "1", "fee": "", "fundingFee": "",
        "tradeId": "", "closeOrderAlgo": [], "cTime": millis(position.created), "uTime": millis(position.updated),
    }  # fmt: skip


def config(call: Call) -> dict[str, Any]:
    books = call.books
    return answer([{
        "uid": books.uid, "mainUid": books.uid, "acctLv": books.level, "posMode": books.position_mode,
        "autoLoan": False, "greeksType": "PA", "level": "Lv1", "levelTmp": "", "ctIsoMode": "automatic",
        "mgnIsoMode": "automatic", "spotOffsetType": "", "roleType": "0", "traderInsts": [], "spotRoleType": "0",
        "spotTraderInsts": [], "opAuth": "0", "kycLv": "3", "label": books.name, "ip": ",".join(books.addresses),
        "perm": books.permissions, "liquidationGear": "-1", "enableSpotBorrow": False, "spotBorrowAutoRepay": False,
        "type": "0", "acctStpMode": "cancel_maker", "feeType": "0", "settleCcy": "", "settleCcyList": [],
    }])  # fmt: skip


def set_position_mode(call: Call) -> dict[str, Any]:
    fields.only(call.body, {"posMode"})
    mode = fields.one_of(call.body, "posMode", ("net_mode", "long_short_mode"))
    busy = any(call.books.open_positions()) or any(not one.listing.spot for one in call.books.live.values())
    if busy and mode != call.books.position_mode:
        raise Refusal("59000")
    call.books.position_mode = mode
    return answer([{"posMode": mode}])


def set_leverage(call: Call) -> dict[str, Any]:
    fields.only(call.body, fields.LEVERAGE)
    listing = call.venue.listing(str(call.body.get("instId", "")))
    lever = fields.amount(call.body, "lever")
    mode = fields.one_of(call.body, "mgnMode", MODES)
    sided = mode == "isolated" and call.books.position_mode == "long_short_mode"
    pos_side = fields.one_of(call.body, "posSide", ("long", "short")) if sided else str(call.body.get("posSide", ""))
    if listing.spot or (not sided and pos_side not in ("", "net")):
        raise Refusal("51000", "instId" if listing.spot else "posSide")
    if lever > listing.max_leverage:
        raise Refusal("59102")
    call.books.leverage[(listing.inst_id, mode, pos_side if sided else "")] = lever
    call.venue.ledger.add(
        "set", call.venue.now(), account=call.books.name, instId=listing.inst_id, mgnMode=mode, posSide=pos_side,
        lever=text(lever),
    )  # fmt: skip
    return answer([{"lever": text(lever), "mgnMode": mode, "instId": listing.inst_id, "posSide": pos_side or "net"}])


def leverage_info(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"instId", "ccy", "mgnMode"})
    mode = fields.one_of(call.query, "mgnMode", MODES)
    hedged = call.books.position_mode == "long_short_mode"
    rows = []
    for name in fields.needed(call.query, "instId").split(","):
        listing = call.venue.listing(name)
        if listing.spot:
            raise Refusal("51000", "instId")
        for side in ("long", "short") if hedged else ("net",):
            lever = call.books.leverage_of(name, mode, side)
            rows.append({"instId": name, "mgnMode": mode, "posSide": side, "lever": text(lever), "ccy": ""})
    return answer(rows)


def max_size(call: Call) -> dict[str, Any]:
    """maxBuy and maxSell: base units on spot, contracts elsewhere."""
    fields.only(call.query, {"instId", "tdMode", "ccy", "px", "leverage", "tradeQuoteCcy"})
    return answer([_largest(call, name, "maxBuy", "maxSell") for name in _instruments(call)])


def max_avail_size(call: Call) -> dict[str, Any]:
    """availBuy and availSell: on spot in quote and in base currency, elsewhere as available margin."""
    fields.only(call.query, {"instId", "tdMode", "ccy", "reduceOnly", "px", "quickMgnType", "tradeQuoteCcy"})
    mode = fields.one_of(call.query, "tdMode", ("cash", *MODES))
    rows = []
    for name in _instruments(call):
        listing = call.venue.listing(name)
        if mode not in checks.modes(call.books, listing):
            raise Refusal("51000", "tdMode")
        buy = funds.available(call.venue, call.books, listing.quote)
        sell = funds.available(call.venue, call.books, listing.base) if listing.spot else buy
        rows.append({"instId": name, "availBuy": text(buy), "availSell": text(sell)})
    return answer(rows)


def _instruments(call: Call) -> list[str]:
    names = fields.needed(call.query, "instId").split(",")
    if len(names) > 5:
        raise Refusal("51000", "instId")
    return names


def _largest(call: Call, name: str, buy: str, sell: str) -> dict[str, str]:
    listing = call.venue.listing(name)
    mode = fields.one_of(call.query, "tdMode", ("cash", *MODES))
    if mode not in checks.modes(call.books, listing):
        raise Refusal("51000", "tdMode")
    row = {"instId": name, "ccy": listing.base if listing.spot else listing.quote}
    leverage = fields.amount(call.query, "leverage") if call.query.get("leverage") else None
    for field_, side in ((buy, "buy"), (sell, "sell")):
        price = fields.amount(call.query, "px") if call.query.get("px") else call.venue.prices.of(name).far_side(side)
        most = funds.largest(call.venue, call.books, listing, mode, side, price, leverage)
        row[field_] = text(most.quantize(Decimal("1e-16"), "ROUND_DOWN"))
    return row


def bills(call: Call) -> dict[str, Any]:
    """What moved cash without a trade of the account's own: transfers (type 1) and funding (type 8), newest first."""
    fields.only(call.query, fields.PAGE | {"instType", "instId", "ccy", "mgnMode", "type", "subType"})
    query = call.query
    begin, end = int(query.get("begin") or 0), int(query.get("end") or 1 << 62)
    older = int(query.get("after") or 1 << 62)
    found = [
        row
        for row in reversed(call.books.bills)
        if all(query.get(name) in (None, "", row[name]) for name in ("type", "subType", "instType", "ccy"))
        and begin <= int(row["ts"]) <= end
        and int(row["billId"]) < older
    ]
    return answer(found[: int(query.get("limit") or 100)])
