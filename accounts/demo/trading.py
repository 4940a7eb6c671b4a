"""Placing and cancelling (docs-v5, "Order Book Trading": place, batch, cancel, close position)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import checks, fields, matching
from .books import LIVE, Books, Order
from .calls import Call
from .venue import Venue
from .wire import WHOLE, Refusal, answer, millis, refusal

MOST = 20


def place(call: Call) -> dict[str, Any]:
    return _wrapped(call, [_item(call, _object(call.body), _place)])


def place_batch(call: Call) -> dict[str, Any]:
    return _wrapped(call, [_item(call, asked, _place) for asked in _items(call.body)])


def cancel(call: Call) -> dict[str, Any]:
    return _wrapped(call, [_item(call, _object(call.body), _cancel)])


def cancel_batch(call: Call) -> dict[str, Any]:
    return _wrapped(call, [_item(call, asked, _cancel) for asked in _items(call.body)])


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Refusal("50002")
    return body


def _items(body: Any) -> list[Mapping[str, Any]]:
    if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
        raise Refusal("50002")
    if len(body) > MOST:
        raise Refusal("51111", MOST)
    return body


def _item(call: Call, asked: Mapping[str, Any], act: Callable[[Call, Mapping[str, Any]], Order]) -> dict[str, str]:
    """One row of the answer; what is refused here was refused for this item only."""
    row = {"ordId": "", "clOrdId": str(asked.get("clOrdId", "")), "tag": str(asked.get("tag", "")),
           "ts": millis(call.venue.now()), "sCode": "0", "sMsg": ""}  # fmt: skip
    try:
        order = act(call, asked)
        row |= {"ordId": order.order_id, "clOrdId": order.client_id}
    except Refusal as error:
        if error.code in WHOLE:
            raise
        row |= {"sCode": error.code, "sMsg": error.message}
        call.venue.ledger.add(
            "refused", call.venue.now(), account=call.books.name, clOrdId=row["clOrdId"],
            instId=str(asked.get("instId", "")), code=error.code, reason=error.message,
        )  # fmt: skip
    return row


def _wrapped(call: Call, rows: list[dict[str, str]]) -> dict[str, Any]:
    """The top code is 0 if all passed, 1 if none did, 2 if some did."""
    failed = sum(row["sCode"] != "0" for row in rows)
    code, message = "0", ""
    if failed:
        code, message = (
            ("1", "All operations failed") if failed == len(rows) else ("2", "Bulk operation partially succeeded.")
        )
    times = {"inTime": str(int(call.received * 1e6)), "outTime": str(int(call.venue.now() * 1e6))}
    return {"code": code, "msg": message, "data": rows, **times}


def _place(call: Call, asked: Mapping[str, Any]) -> Order:
    if call.expired:
        raise Refusal("50036")
    if "trade" not in call.books.permissions:
        raise Refusal("50120")
    if call.venue.faults.modes.enforce_limits:
        call.venue.limits.take(call.books.name, str(asked.get("instId", "")), call.venue.now())
    order = checks.order(call.venue, call.books, asked)
    order.visible = order.created + call.venue.faults.late(call.faults.get("late"))
    order.fault = ",".join(sorted(call.faults))
    matching.enter(call.venue, call.books, order, call.faults)
    return order


def _cancel(call: Call, asked: Mapping[str, Any]) -> Order:
    fields.only(asked, fields.CANCEL)
    call.venue.listing(str(asked.get("instId", "")))
    order = find(call.books, asked)
    if order is None or order.state not in LIVE or order.listing.inst_id != asked["instId"]:
        raise Refusal("51400")
    matching.cancel(call.venue, call.books, order, matching.BY_USER)
    return order


def find(books: Books, asked: Mapping[str, Any]) -> Order | None:
    """By ordId, or the newest of its clOrdId; where both are given ordId counts. Raises Refusal."""
    if asked.get("ordId"):
        return books.orders.get(str(asked["ordId"]))
    if asked.get("clOrdId"):
        known = books.by_client_id.get(str(asked["clOrdId"]))
        return known[-1] if known else None
    raise Refusal("51003")


def close_position(call: Call) -> dict[str, Any]:
    """A market order against the whole position; autoCxl first cancels what else would close it."""
    asked = _object(call.body)
    fields.only(asked, fields.CLOSE)
    listing = call.venue.listing(str(asked.get("instId", "")))
    mode = fields.one_of(asked, "mgnMode", ("cross", "isolated"))
    pos_side = checks.position_side(call.books, listing, asked)
    position = call.books.positions.get((listing.inst_id, mode, pos_side))
    if position is None or not position.size:
        raise Refusal("51023")
    if fields.flag(asked, "autoCxl"):
        _cancel_closing(call.venue, call.books, listing.inst_id)
    order = {
        "instId": listing.inst_id, "tdMode": mode, "side": "sell" if position.direction > 0 else "buy",
        "ordType": "market", "sz": str(abs(position.size)),
    }  # fmt: skip
    order |= {"posSide": pos_side} if pos_side != "net" else {"reduceOnly": "true"}
    order |= {name: asked[name] for name in ("clOrdId", "tag") if asked.get(name)}
    try:
        _place(replace(call, faults={}), order)
    except Refusal as error:
        return refusal(error)
    row = {"instId": listing.inst_id, "posSide": pos_side}
    return answer([row | {name: str(asked.get(name, "")) for name in ("clOrdId", "tag")}])


def _cancel_closing(venue: Venue, books: Books, inst_id: str) -> None:
    for order in list(books.live.values()):
        if order.listing.inst_id == inst_id and matching.closable(books, order) is not None:
            matching.cancel(venue, books, order, matching.BY_USER)
