"""Stop losses and take profits that come with an entry (docs-v5, "Place order": attachAlgoOrds)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import fields
from .books import Books, Order
from .venue import Venue
from .wire import Refusal

MOST = 20
PRICE_TYPES = ("last", "index", "mark")


def checked(venue: Venue, books: Books, order: Order, asked: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The exits as they will be armed. Raises Refusal."""
    if not asked:
        return []
    if order.reduce_only:
        raise Refusal("51100")
    if order.pos_side in ("long", "short") and (order.pos_side == "long") != (order.side == "buy"):
        raise Refusal("51333")
    if len(asked) > MOST:
        raise Refusal("50025", "attachAlgoOrds", MOST)
    found = [_one(venue, books, order, exit_) for exit_ in asked]
    _check_split(order, found)
    return found


def _one(venue: Venue, books: Books, order: Order, asked: dict[str, Any]) -> dict[str, Any]:
    fields.only(asked, fields.ATTACHED)
    client_id = fields.client_id(asked, "attachAlgoClOrdId")
    if client_id and (client_id in books.algo_ids or client_id in books.by_client_id):
        raise Refusal("51068", client_id)
    stop, target = "slTriggerPx" in asked, "tpTriggerPx" in asked
    if not (stop or target):
        raise Refusal("50015", "tpTriggerPx", "slTriggerPx")
    for kind, present in (("sl", stop), ("tp", target)):
        if present != (f"{kind}OrdPx" in asked):
            raise Refusal("50014", f"{kind}OrdPx" if present else f"{kind}TriggerPx")
        if present:
            _check_price(venue, order, kind, asked)
    if "sz" in asked and fields.amount(asked, "sz") % order.listing.lot:
        raise Refusal("51121")
    return dict(asked)


def _check_price(venue: Venue, order: Order, kind: str, asked: dict[str, Any]) -> None:
    """On the tick, and on the right side of the order's price (or of the market, for a market order)."""
    trigger = fields.amount(asked, f"{kind}TriggerPx")
    fields.one_of(asked, f"{kind}TriggerPxType", PRICE_TYPES, default="last")
    if trigger % order.listing.tick:
        raise Refusal("51150")
    if asked[f"{kind}OrdPx"] != "-1" and fields.amount(asked, f"{kind}OrdPx") % order.listing.tick:
        raise Refusal("51150")
    price = venue.prices.of(order.listing.inst_id)
    reference = order.price or (price.ask if order.side == "buy" else price.bid)
    above = (kind == "tp") == (order.side == "buy")
    if (trigger > reference) != above or trigger == reference:
        codes = {("tp", "buy"): ("51046", "51050"), ("sl", "buy"): ("51047", "51051"),
                 ("tp", "sell"): ("51048", "51052"), ("sl", "sell"): ("51049", "51053")}  # fmt: skip
        limit, market = codes[kind, order.side]
        raise Refusal(limit if order.price else market)


def _check_split(order: Order, exits: list[dict[str, Any]]) -> None:
    """Several exits: one direction each, every target with its size, and together the order's."""
    if len(exits) == 1:
        return
    targets = [one for one in exits if "tpTriggerPx" in one]
    if any("slTriggerPx" in one for one in targets):
        raise Refusal("51076")
    if len(targets) > 1:
        if order.listing.spot:
            raise Refusal("51077")
        if any(one["tpOrdPx"] != "-1" for one in targets):
            raise Refusal("51082")
        if any("sz" not in one for one in targets):
            raise Refusal("51089")
        if sum((Decimal(one["sz"]) for one in targets), Decimal(0)) != order.target:
            raise Refusal("51083")
