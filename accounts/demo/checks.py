"""An order as it was asked for, checked field by field as OKX does (docs-v5, "Place order"), and made into an Order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradeops.core import money

from . import fields, funds, matching
from .attached import checked as checked_exits
from .books import LIVE, Books, Order
from .instruments import Listing
from .venue import TAKER, Venue
from .wire import Refusal, text

TYPES = ("market", "limit", "post_only", "fok", "ioc", "optimal_limit_ioc")
BAND = Decimal("0.1")  # a limit may be so far on the wrong side of the last price


def order(venue: Venue, books: Books, asked: Mapping[str, Any]) -> Order:
    """Raises Refusal; nothing has changed then."""
    fields.only(asked, fields.PLACE)
    listing = venue.listing(str(asked.get("instId", "")))
    side = fields.one_of(asked, "side", ("buy", "sell"))
    kind = fields.one_of(asked, "ordType", TYPES)
    mode = trade_mode(books, listing, asked)
    pos_side = position_side(books, listing, asked)
    client_id = fields.client_id(asked)
    if not fields.TAG.match(str(asked.get("tag", ""))):
        raise Refusal("51000", "tag")
    if kind == "optimal_limit_ioc" and listing.spot:
        raise Refusal("51000", "ordType")
    price = _price(venue, listing, side, kind, asked)
    size, target, currency = _size(venue, listing, side, kind, price, asked)
    check_client_id(venue, books, client_id)
    now = venue.now()
    made = Order(
        order_id=venue.number(),
        client_id=client_id,
        listing=listing,
        side=side,
        pos_side=pos_side,
        mode=mode,
        type=kind,
        size=size,
        target=target,
        target_currency=currency,
        price=price,
        reduce_only=reduce_only(books, listing, asked),
        leverage=None if listing.spot else books.leverage_of(listing.inst_id, mode, pos_side),
        tag=str(asked.get("tag", "")),
        created=now,
        updated=now,
        visible=now,
    )
    check_reduces(books, made)
    made.attached = checked_exits(venue, books, made, asked.get("attachAlgoOrds"))
    _check_funds(venue, books, made)
    _check_worth(venue, made)
    return made


def trade_mode(books: Books, listing: Listing, asked: Mapping[str, Any]) -> str:
    """cash on spot (cross in multi-currency accounts), cross or isolated elsewhere; spot accounts have spot only."""
    mode = fields.one_of(asked, "tdMode", ("cash", "cross", "isolated"))
    if not listing.spot and books.level == "1":
        raise Refusal("51010")
    if mode not in modes(books, listing):
        raise Refusal("51000", "tdMode")
    if "ccy" in asked:
        raise Refusal("51000", "ccy")  # for cross margin on spot only
    return mode


def modes(books: Books, listing: Listing) -> tuple[str, ...]:
    if not listing.spot:
        return ("cross", "isolated")
    return ("cash",) if books.level in ("1", "2") else ("cross",)


def position_side(books: Books, listing: Listing, asked: Mapping[str, Any]) -> str:
    """long or short where the account hedges; nothing, or net, everywhere else."""
    given = str(asked.get("posSide", ""))
    if listing.spot:
        if given not in ("", "net"):
            raise Refusal("51000", "posSide")
        return ""
    if books.position_mode == "long_short_mode":
        if given not in ("long", "short"):
            raise Refusal("51000", "posSide")
        return given
    if given not in ("", "net"):
        raise Refusal("51000", "posSide")
    return "net"


def reduce_only(books: Books, listing: Listing, asked: Mapping[str, Any]) -> bool:
    """Derivatives in one-way mode only; elsewhere the field does not belong."""
    if "reduceOnly" not in asked:
        return False
    if listing.spot:
        raise Refusal("51205")
    if books.position_mode == "long_short_mode":
        raise Refusal("51000", "reduceOnly")
    return fields.flag(asked, "reduceOnly")


def _price(venue: Venue, listing: Listing, side: str, kind: str, asked: Mapping[str, Any]) -> Decimal | None:
    if kind in ("market", "optimal_limit_ioc"):
        if "px" in asked:
            raise Refusal("51000", "px")
        return None
    if not asked.get("px"):
        raise Refusal("51204")
    price = fields.amount(asked, "px")
    if price % listing.tick:
        raise Refusal("51150")
    last = venue.prices.of(listing.inst_id).last
    highest, lowest = last * (1 + BAND), last * (1 - BAND)
    if side == "buy" and price > highest:
        raise Refusal("51137", text(highest))
    if side == "sell" and price < lowest:
        raise Refusal("51138", text(lowest))
    return price


def _size(
    venue: Venue, listing: Listing, side: str, kind: str, price: Decimal | None, asked: Mapping[str, Any]
) -> tuple[Decimal, Decimal, str]:
    """As asked, in base units or contracts, and the currency it was asked in (spot market orders)."""
    if "tgtCcy" in asked and not (listing.spot and kind == "market"):
        raise Refusal("51000", "tgtCcy")
    size = fields.amount(asked, "sz")
    currency = ""
    target = size
    if listing.spot and kind == "market":
        default = "quote_ccy" if side == "buy" else "base_ccy"
        currency = fields.one_of(asked, "tgtCcy", ("base_ccy", "quote_ccy"), default=default)
        if currency == "quote_ccy":
            target = money.floor_to(size / venue.prices.of(listing.inst_id).far_side(side), listing.lot)
    check_size(listing, target, market=price is None)
    return size, target, currency


def check_size(listing: Listing, size: Decimal, *, market: bool) -> None:
    if size % listing.lot:
        raise Refusal("51121")
    if size < listing.minimum:
        raise Refusal("51020")
    if market and not listing.spot and size > listing.max_market:
        raise Refusal("51202")
    if size > listing.max_limit:
        raise Refusal("51005")


def check_client_id(venue: Venue, books: Books, client_id: str) -> None:
    """A used one is refused for good; in Binance's way only while its order lives."""
    for known in books.by_client_id.get(client_id, ()):
        if not venue.faults.modes.reuse_ids or known.state in LIVE:
            raise Refusal("51016")


def check_reduces(books: Books, made: Order) -> None:
    """What only reduces needs something to reduce. Reduce-only is cut to it; a hedged close too big is refused."""
    most = matching.closable(books, made)
    if most is None:
        return
    if most == 0:
        key = (made.listing.inst_id, made.mode, made.pos_side)
        held = books.positions.get(key)
        raise Refusal("51170" if made.reduce_only and held is not None and held.size else "51169")
    if made.target > most:
        if not made.reduce_only:
            raise Refusal("51112")
        made.target = most


def _check_funds(venue: Venue, books: Books, made: Order) -> None:
    listing = made.listing
    if matching.closable(books, made) is not None:
        return
    currency, needed = funds.held_by(made, venue)
    if not listing.spot:
        price = made.price or venue.prices.of(listing.inst_id).far_side(made.side)
        needed += made.target * listing.contract * price * TAKER[listing.inst_type]
        needed -= _freed(venue, books, made)
    if needed > funds.available(venue, books, currency):
        raise Refusal("51008", currency)


def _check_worth(venue: Venue, made: Order) -> None:
    """On spot the most of a market order is in money."""
    listing = made.listing
    if not listing.spot or made.price is not None:
        return
    if made.target * venue.prices.of(listing.inst_id).far_side(made.side) > listing.max_market:
        raise Refusal("51201", text(listing.max_market))


def _freed(venue: Venue, books: Books, made: Order) -> Decimal:
    """A one-way order against the position needs margin only for what it opens beyond it."""
    held = books.positions.get((made.listing.inst_id, made.mode, made.pos_side))
    if made.pos_side != "net" or held is None or held.direction * (1 if made.side == "buy" else -1) >= 0:
        return Decimal(0)
    price = made.price or venue.prices.of(made.listing.inst_id).far_side(made.side)
    return min(2 * abs(held.size), made.target) * made.listing.contract * price / (made.leverage or 1)
