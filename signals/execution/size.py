"""How much of an order may be sent, and at which prices: the venue's maximum, lot, tick and minimum (X3, S6).

Everything is rounded down, never up. Dust below the minimum is said, not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from accounts.brokers import local, registry
from accounts.brokers.base import Broker, BrokerError, Instrument, Intended, Rejection
from accounts.models import Account
from signals.models import Order
from tradeops.core import clock, money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import EXACT, ZERO, OrderType, Side

from . import again, orders
from .orders import Step


@dataclass(frozen=True)
class Sized:
    """What may be sent, in base units and whole lots, and the steps that led there; or the problem and its code."""

    quantity: Decimal
    steps: tuple[Step, ...]
    problem: str = ""
    code: str = ""
    in_parts: bool = False  # the venue takes no more at once, and more than this is to be closed


# What local venues allow of orders, by the orders' keys.
Funds = Mapping[int, Decimal | None]


def funds(found: Sequence[Order]) -> Funds:
    """What can be asked at once: the others' venues are asked when they are measured."""
    asked: list[tuple[int, Broker, local.Wanted]] = []
    for order in found:
        with suppress(ConfigurationError):  # measuring says so
            broker, price = registry.broker_for(order.account), _price(order)
            if price > 0 and _binds(order, broker) and local.tells_together(broker):
                asked.append((order.pk, broker, local.Wanted(order.symbol, Side(order.side), price, _intended(order))))
    told = local.max_quantities([(broker, wanted) for _, broker, wanted in asked])
    return {key: most for (key, _, _), most in zip(asked, told, strict=True) if not isinstance(most, BrokerError)}


def measure(order: Order, broker: Broker, instrument: Instrument, *, funds: Funds) -> Sized:
    """May ask the venue for its maximum, unless `funds` has it. Raises what the broker raises."""
    steps: list[Step] = [
        ("pair", f"{order.symbol} → {instrument.venue_symbol or order.symbol}", clock.now()),
        ("instrument", _rules(instrument), clock.now()),
    ]
    price = _price(order)
    cap, said = _most(order, broker, instrument, price, funds)
    steps.append(("max_size", said, clock.now()))
    wanted = order.quantity if cap is None else min(order.quantity, cap)
    quantity = money.floor_to(wanted, instrument.lot)
    at = clock.now()
    steps.append(("size", f"{money.plain(order.quantity)} asked, {money.plain(wanted)} possible", at))
    steps.append(("round", f"{money.plain(order.quantity)} → {money.plain(quantity)}{_prices(order, instrument)}", at))
    steps.append(("client_order_id", order.client_order_id, at))
    code, problem = _problem(order, instrument, quantity, cap=cap, price=price)
    most = instrument.most_at_once(OrderType(order.type), price=price)
    in_parts = order.intent == Order.Intent.CLOSE and 0 < most == cap and cap < order.quantity
    return Sized(quantity, tuple(steps), problem, code, in_parts)


def _rules(instrument: Instrument) -> str:
    lot, tick, least = map(money.plain, (instrument.lot, instrument.tick, instrument.min_quantity))
    worth = f", at least {money.plain(instrument.min_notional)} {instrument.quote}" if instrument.min_notional else ""
    return f"lot {lot}, tick {tick}, min {least}{worth}"


def _price(order: Order) -> Decimal:
    """What the order would trade at, as far as one can tell now."""
    return order.price or order.stop_price or orders.reference_price(order) or ZERO


def _most(
    order: Order, broker: Broker, instrument: Instrument, price: Decimal, funds: Funds
) -> tuple[Decimal | None, str]:
    """The most that may be sent, and in words where it comes from; None = any size."""
    bounds: list[tuple[Decimal, str]] = []
    binds = _binds(order, broker)
    closes = order.intent == Order.Intent.CLOSE
    if closes and (order.attempt or order.code == orders.AFTER_DOUBT or not binds):
        # It may have been reduced since the decision; where coins are sold on a local venue, these say so themselves.
        bounds.append((again.held(order), "the position has"))
    if price > 0 and binds:
        if order.pk in funds:
            allowed = funds[order.pk]
        else:
            side = Side(order.side)
            allowed = broker.max_quantity(order.symbol, side=side, price=price, intended=_intended(order))
        if allowed is not None:
            bounds.append((allowed, "the venue allows"))
    most = instrument.most_at_once(OrderType(order.type), price=price)
    if most > 0:
        bounds.append((most, "the venue takes at once"))
    if not bounds:
        return None, "any size"
    cap, why = min(bounds)
    return cap, f"{why} {money.plain(money.floor_to(cap, instrument.lot))}"


def _intended(order: Order) -> Intended:
    return Intended(quantity=order.quantity, leverage=order.leverage, margin_mode=order.margin_mode)


def _binds(order: Order, broker: Broker) -> bool:
    """Whether the order takes what the venue counts as free: a close does so on spot only, where its coins are looked
    up at local venues. One of contracts frees margin: cut to what is free, it would leave a part open (D3)."""
    if order.intent != Order.Intent.CLOSE:
        return True
    return broker.capabilities.local and order.account.market == Account.Market.SPOT


def _prices(order: Order, instrument: Instrument) -> str:
    """The prices as they are sent, for the step that tells of rounding."""
    given = (("stop", order.stop_price), ("price", order.price))
    return "".join(
        f", {name} {money.plain(value)} → {money.plain(money.floor_to(value, instrument.tick))}"
        for name, value in given
        if value is not None
    )


def _problem(
    order: Order, instrument: Instrument, quantity: Decimal, *, cap: Decimal | None, price: Decimal
) -> tuple[str, str]:
    """(code, sentence); empty = it may be sent."""
    closes = order.intent == Order.Intent.CLOSE
    if closes and cap is not None and cap <= 0 and order.quantity > 0:
        return Rejection.NOTHING_TO_REDUCE.value, "there is nothing left to reduce"
    if quantity < instrument.min_quantity or quantity <= 0:
        text = f"{money.plain(quantity)} is below the venue's minimum of {money.plain(instrument.min_quantity)}"
        if cap is not None and cap < order.quantity and not closes:
            text += ": the account's funds allow no more"
        if closes:
            text += ": it stays as dust"
        return Rejection.BELOW_MINIMUM.value, text
    worth = EXACT.multiply(quantity, price)
    # Many venues let exits below it pass: there they are asked.
    if not closes and 0 < worth < instrument.min_notional:
        least = f"{money.plain(instrument.min_notional)} {instrument.quote}"
        return Rejection.BELOW_MINIMUM.value, f"{money.plain(worth)} is below the venue's minimum of {least}"
    if any(value is not None and money.floor_to(value, instrument.tick) <= 0 for value in _given(order)):
        return Rejection.BAD_PRICE.value, f"the price is below the venue's tick of {money.plain(instrument.tick)}"
    return "", ""


def _given(order: Order) -> tuple[Decimal | None, ...]:
    return order.price, order.stop_price
