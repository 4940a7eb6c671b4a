"""Algo orders in wait of their price: when one fires it becomes an order like any other."""

from __future__ import annotations

from decimal import Decimal

from tradeops.core import money

from . import funds, matching
from .books import ZERO, Algo, Books, Order
from .venue import Venue

# docs-v5, "Order details": source
SOURCES = {"conditional": "7", "oco": "7", "trigger": "6", "move_order_stop": "25"}


def attach(venue: Venue) -> None:
    """From now on prices fire what waits for them, and fills arm what came with the order."""
    venue.moved = lambda inst_id: moved(venue, inst_id)
    venue.traded = lambda books, order, size: traded(venue, books, order)


def moved(venue: Venue, inst_id: str) -> None:
    for books in venue.accounts.values():
        for algo in list(books.algos.values()):
            if algo.state == "live" and algo.listing.inst_id == inst_id:
                look(venue, books, algo)


def traded(venue: Venue, books: Books, order: Order) -> None:
    """A filled entry arms its exits; a position that is gone takes with it what would only close it."""
    if order.state == "filled" and order.attached:
        _arm(venue, books, order)
    if order.listing.spot:
        return
    held = books.positions.get((order.listing.inst_id, order.mode, order.pos_side))
    if held is None or held.size:
        return
    for algo in books.algos.values():
        same = (algo.listing, algo.mode, algo.pos_side) == (order.listing, order.mode, order.pos_side)
        if same and algo.state == "live" and algo.parent:
            algo.state, algo.updated = "canceled", venue.now()


def _arm(venue: Venue, books: Books, order: Order) -> None:
    for asked in order.attached:
        both = "tpTriggerPx" in asked and "slTriggerPx" in asked
        algo = Algo(
            algo_id=venue.number(), client_id=asked.get("attachAlgoClOrdId", ""), listing=order.listing,
            side="sell" if order.side == "buy" else "buy", pos_side=order.pos_side, mode=order.mode,
            type="oco" if both else "conditional", size=Decimal(asked["sz"]) if "sz" in asked else order.filled,
            created=venue.now(), updated=venue.now(), visible=order.visible, asked=asked, parent=order.order_id,
            reduce_only=order.pos_side == "net",
        )  # fmt: skip
        add(venue, books, algo)


def add(venue: Venue, books: Books, algo: Algo) -> None:
    books.algos[algo.algo_id] = algo
    if algo.client_id:
        books.algo_ids[algo.client_id] = algo
    venue.ledger.add(
        "algo", venue.now(), account=books.name, algoId=algo.algo_id, algoClOrdId=algo.client_id,
        instId=algo.listing.inst_id, side=algo.side, ordType=algo.type, sz=str(algo.size), parent=algo.parent,
    )  # fmt: skip
    look(venue, books, algo)


def look(venue: Venue, books: Books, algo: Algo) -> None:
    """Fires it if the last price has come to it."""
    last = venue.prices.of(algo.listing.inst_id).last
    if algo.type == "trigger":
        trigger = Decimal(algo.asked["triggerPx"])
        if algo.best is None:
            algo.best = last  # where the price was when it came: it fires when the trigger is crossed from there
        if (algo.best < trigger <= last) or (algo.best > trigger >= last) or algo.best == trigger:
            _fire(venue, books, algo, algo.asked["orderPx"], "")
    elif algo.type == "move_order_stop":
        _trail(venue, books, algo, last)
    else:
        _look_at_exit(venue, books, algo, last)


def _look_at_exit(venue: Venue, books: Books, algo: Algo, last: Decimal) -> None:
    sell = algo.side == "sell"
    if "slTriggerPx" in algo.asked:
        trigger = Decimal(algo.asked["slTriggerPx"])
        if last <= trigger if sell else last >= trigger:
            _fire(venue, books, algo, algo.asked["slOrdPx"], "sl")
            return
    if "tpTriggerPx" in algo.asked:
        trigger = Decimal(algo.asked["tpTriggerPx"])
        if last >= trigger if sell else last <= trigger:
            _fire(venue, books, algo, algo.asked["tpOrdPx"], "tp")


def _trail(venue: Venue, books: Books, algo: Algo, last: Decimal) -> None:
    """Armed at activePx (or at once), it follows the best price and fires when the price comes back by the distance."""
    sell = algo.side == "sell"
    if algo.best is None:
        active = algo.asked.get("activePx")
        reached = not active or (last >= Decimal(active) if sell else last <= Decimal(active))
        algo.best = last if reached else None
        return
    algo.best = max(algo.best, last) if sell else min(algo.best, last)
    ratio, spread = algo.asked.get("callbackRatio"), algo.asked.get("callbackSpread")
    distance = algo.best * Decimal(ratio) if ratio else Decimal(spread or 0)
    if last <= algo.best - distance if sell else last >= algo.best + distance:
        _fire(venue, books, algo, "-1", "")


def _fire(venue: Venue, books: Books, algo: Algo, price: str, side: str) -> None:
    """-1 is a market order. What the account cannot pay for, or has nothing left to close with, fails."""
    now = venue.now()
    algo.actual_side, algo.updated, algo.triggered = side, now, now
    target = _size(venue, books, algo)
    number = venue.number()
    # OKX gives such orders an id of its own; ours is the algo's.
    order = Order(
        order_id=number, client_id=f"O{number}", listing=algo.listing, side=algo.side, pos_side=algo.pos_side,
        mode=algo.mode, type="market" if price == "-1" else "limit", size=target, target=target,
        price=None if price == "-1" else Decimal(price), reduce_only=algo.reduce_only, algo_id=algo.algo_id,
        target_currency="base_ccy" if algo.listing.spot and price == "-1" else "",
        algo_client_id=algo.client_id, source=SOURCES[algo.type], created=now, updated=now, visible=now,
        leverage=None if algo.listing.spot else books.leverage_of(algo.listing.inst_id, algo.mode, algo.pos_side),
    )  # fmt: skip
    most = matching.closable(books, order)
    if most is not None:
        order.size = order.target = min(order.target, most)
    if order.target <= 0 or (most is None and not _paid(venue, books, order)):
        algo.state, algo.fail_code = "order_failed", "51008" if most is None else "51169"
        return
    algo.state, algo.actual_size = "effective", order.target
    algo.order_ids.append(order.order_id)
    matching.enter(venue, books, order, {})


def _size(venue: Venue, books: Books, algo: Algo) -> Decimal:
    """A whole position (closeFraction 1), or what was asked; on spot a sale sells no more than there is."""
    listing = algo.listing
    if algo.asked.get("closeFraction"):
        held = books.positions.get((listing.inst_id, algo.mode, algo.pos_side))
        return abs(held.size) if held else ZERO
    if listing.spot and algo.side == "sell":
        return money.floor_to(min(algo.size, funds.available(venue, books, listing.base)), listing.lot)
    if listing.spot and algo.asked.get("tgtCcy", "quote_ccy") == "quote_ccy" and algo.type != "trigger":
        return money.floor_to(algo.size / venue.prices.of(listing.inst_id).ask, listing.lot)
    return algo.size


def _paid(venue: Venue, books: Books, order: Order) -> bool:
    currency, needed = funds.held_by(order, venue)
    return needed <= funds.available(venue, books, currency)
