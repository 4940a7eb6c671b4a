"""What a test or a person may do to the venue from outside: /_venue/… on the same port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields as fields_of
from dataclasses import replace
from decimal import Decimal
from typing import Any

from . import matching
from .books import LIVE, Books, Order, Position
from .venue import Venue
from .wire import millis, text

SETTABLE = ("position_mode", "level", "permissions", "addresses", "passphrase", "simulated")


def accounts(venue: Venue) -> list[dict[str, str]]:
    """Names and keys; what is secret was told to whoever started the venue."""
    return [
        {"account": books.name, "key": books.key, "posMode": books.position_mode} for books in venue.accounts.values()
    ]


def ledger(venue: Venue, *, since: int = 0) -> dict[str, Any]:
    """All entries after number `since`, and where every account stands, without any delay."""
    return {
        "entries": venue.ledger.since(since),
        "positions": [_position(name, one) for name, one in _positions(venue)],
        "balances": {
            name: {currency: text(amount) for currency, amount in sorted(books.cash.items()) if amount}
            for name, books in venue.accounts.items()
        },
    }


def _positions(venue: Venue) -> list[tuple[str, Position]]:
    return [(name, one) for name, books in venue.accounts.items() for one in books.open_positions()]


def _position(name: str, one: Position) -> dict[str, str]:
    quantity = one.size * one.listing.contract * (-1 if one.pos_side == "short" else 1)
    return {
        "account": name, "instId": one.listing.inst_id, "mgnMode": one.mode, "posSide": one.pos_side,
        "sz": text(one.size), "quantity": text(quantity), "avgPx": text(one.average),
    }  # fmt: skip


def requests(venue: Venue) -> dict[str, Any]:
    return {"requests": venue.requests}


def price(venue: Venue, *, inst_id: str, last: str, bid: str = "", ask: str = "") -> dict[str, Any]:
    """Moves the price; resting orders and stops that it reaches fill."""
    venue.listing(inst_id)
    venue.prices.set(inst_id, Decimal(last), bid=_optional(bid), ask=_optional(ask))
    matching.reprice(venue, venue.accounts.values(), inst_id)
    venue.moved(inst_id)
    return {}


def _optional(amount: str) -> Decimal | None:
    return Decimal(amount) if amount else None


def fill(venue: Venue, *, order: str, size: str = "", price: str = "", account: str = "") -> dict[str, Any]:
    """Fills a resting order, by ordId or clOrdId, whole or in part (base units or contracts)."""
    for books, found in _orders(venue, order, account):
        if found.state in LIVE:
            at = Decimal(price) if price else found.price or venue.prices.of(found.listing.inst_id).far_side(found.side)
            matching.fill(venue, books, found, Decimal(size) if size else found.remaining, at)
            return {"state": found.state}
    raise ValueError(f"no order {order} rests here")


def _orders(venue: Venue, name: str, account: str) -> list[tuple[Books, Order]]:
    return [
        (books, order)
        for books in venue.accounts.values()
        if account in ("", books.name)
        for order in ([books.orders[name]] if name in books.orders else books.by_client_id.get(name, []))
    ]


def cancel(venue: Venue, *, order: str, account: str = "") -> dict[str, Any]:
    """As if a person had cancelled it in the venue's own app."""
    for books, found in _orders(venue, order, account):
        if found.state in LIVE:
            matching.cancel(venue, books, found, matching.BY_USER)
            return {"state": found.state}
    raise ValueError(f"no order {order} rests here")


def trade(
    venue: Venue, *, account: str, inst_id: str, side: str, size: str, pos_side: str = "", mode: str = "",
    client_id: str = "", category: str = "normal", reduce_only: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A market order that none of the portal's requests asked for: by hand, or by the venue (`category`)."""
    books, listing, now = venue.accounts[account], venue.listing(inst_id), venue.now()
    amount = Decimal(size)
    made = Order(
        order_id=venue.number(), client_id=client_id, listing=listing, side=side,
        pos_side="" if listing.spot else pos_side or "net", mode="cash" if listing.spot else mode or "cross",
        type="market", size=amount, target=amount, target_currency="base_ccy" if listing.spot else "",
        reduce_only=reduce_only, category=category, created=now, updated=now, visible=now,
        leverage=None if listing.spot else books.leverage_of(inst_id, mode or "cross", pos_side),
    )  # fmt: skip
    books.add(made)
    venue.ledger.order(books.name, made, now)
    matching.fill(venue, books, made, amount, venue.prices.of(inst_id).far_side(side))
    return {"ordId": made.order_id}


def liquidate(
    venue: Venue, *, account: str, inst_id: str, pos_side: str = "net", mode: str = "cross"
) -> dict[str, Any]:
    """The venue closes the position, whole."""
    position = venue.accounts[account].positions[(inst_id, mode, pos_side)]
    side = "sell" if position.direction > 0 else "buy"
    return trade(
        venue, account=account, inst_id=inst_id, side=side, size=str(abs(position.size)), pos_side=pos_side, mode=mode,
        category="full_liquidation", reduce_only=pos_side == "net",
    )  # fmt: skip


def fund(venue: Venue, *, account: str, inst_id: str, amount: str, mode: str = "cross") -> dict[str, Any]:
    """Funding of a swap: negative is paid."""
    books, listing = venue.accounts[account], venue.listing(inst_id)
    books.cash[listing.quote] = books.cash.get(listing.quote, Decimal(0)) + Decimal(amount)
    sub_type = "174" if Decimal(amount) >= 0 else "173"
    books.bills.append({
        "instType": listing.inst_type, "billId": venue.number(), "type": "8", "subType": sub_type,
        "ts": millis(venue.now()), "balChg": amount, "bal": text(books.cash[listing.quote]), "ccy": listing.quote,
        "pnl": amount, "fee": "0", "sz": "", "px": text(venue.prices.of(inst_id).last), "mgnMode": mode,
        "instId": inst_id, "ordId": "", "clOrdId": "", "tradeId": "", "execType": "",
    })  # fmt: skip
    venue.ledger.add("funding", venue.now(), account=account, instId=inst_id, amount=amount, ccy=listing.quote)
    return {}


def deposit(venue: Venue, *, account: str, currency: str, amount: str) -> dict[str, Any]:
    """Adds to the cash, or takes from it; not a trade, but a transfer from or to the funding account."""
    books = venue.accounts[account]
    books.cash[currency] = books.cash.get(currency, Decimal(0)) + Decimal(amount)
    into = Decimal(amount) >= 0
    books.bills.append({
        "instType": "", "billId": venue.number(), "type": "1", "subType": "11" if into else "12",
        "ts": millis(venue.now()), "balChg": amount, "bal": text(books.cash[currency]), "ccy": currency,
        "pnl": "0", "fee": "0", "sz": amount.lstrip("-"), "px": "", "mgnMode": "", "instId": "", "ordId": "",
        "clOrdId": "", "tradeId": "", "execType": "", "from": "6" if into else "18", "to": "18" if into else "6",
    })  # fmt: skip
    venue.ledger.add("deposit", venue.now(), account=account, amount=amount, ccy=currency)
    return {}


def change(venue: Venue, *, account: str, **settings: Any) -> dict[str, Any]:
    """position_mode, level, permissions, addresses, passphrase or simulated of an account. Raises ValueError."""
    books = venue.accounts[account]
    known = {one.name for one in fields_of(Books)} & set(SETTABLE)
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{name} of an account cannot be changed; {', '.join(sorted(known))} can")
        setattr(books, name, tuple(value) if name == "addresses" else value)
    return {}


def most_at_market(venue: Venue, *, inst_id: str, size: str) -> dict[str, Any]:
    """What one market order may have from now on: contracts, but money on spot."""
    venue.listings[inst_id] = replace(venue.listing(inst_id), max_market=Decimal(size))
    return {}


def clock(venue: Venue, *, offset: float) -> dict[str, Any]:
    venue.clock_offset = offset
    return {}


def script(venue: Venue, **facts: Any) -> dict[str, Any]:
    venue.faults.script(**facts)
    return {}


def faults(venue: Venue, **facts: Any) -> dict[str, Any]:
    venue.faults.change(**facts)
    return {}


def clear(venue: Venue) -> dict[str, Any]:
    venue.faults.clear()
    return {}


_VERBS = (
    accounts, ledger, requests, price, fill, cancel, trade, liquidate, fund, deposit, change, most_at_market, clock,
    script, faults, clear,
)  # fmt: skip
VERBS: dict[str, Callable[..., Any]] = {verb.__name__: verb for verb in _VERBS}
