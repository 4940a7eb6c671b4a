"""How each leg of a plan is executed: type, prices and leverage (X2).

A message's exits are a plan of `signals.exits` from the first fill on, whatever the venue could arm by itself: what it
arms with an entry waits for the whole fill, and nobody resizes it when a part is closed (P2).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from accounts.brokers import registry
from accounts.brokers.base import Capabilities, Quote
from accounts.models import Account
from signals.risk.base import FAIL, Verdict
from signals.strategies import sizing, terms
from signals.strategies.actions import Leg, Plan
from signals.strategies.sizing import Basis
from signals.strategies.terms import MARKET, NoTerms, Terms
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import OrderType, Side

from .gather import Case, Outlook


def price(case: Case, look: Outlook) -> Decimal | None:
    """What the message says that its entry trades at; None for a market order, and where it does not say."""
    if look.mapped is None or case.alert.order_type == OrderType.MARKET:
        return None
    try:
        return terms.read(case.alert, look.mapped).at
    except NoTerms:
        return None


def far_side(quote: Quote | None, side: Side) -> Decimal | None:
    """What a market order would pay or get."""
    if quote is None:
        return None
    return quote.ask if side is Side.BUY else quote.bid


def is_reached(case: Case, look: Outlook, plan: Plan) -> bool:
    """Whether a limit exit would trade at once: then it goes at market where a broker has no limit orders."""
    at = price(case, look)
    if at is None or case.alert.order_type != OrderType.LIMIT or not plan.legs:
        return False
    there = [(leg.side, far_side(look.quote, leg.side)) for leg in plan.legs]
    return all(now is not None and (at >= now if side is Side.BUY else at <= now) for side, now in there)


def read(case: Case, look: Outlook, plan: Plan, basis: Basis | None) -> tuple[list[Terms], list[Verdict]]:
    """The terms of each leg; or the verdict that says why the message makes no order of it.

    What is closed on the way to an entry goes at market: the entry must not wait for a price. An exit of which the
    message does not say enough goes at market too, since its purpose is plain.
    """
    if look.mapped is None or not plan.legs:
        return [MARKET] * len(plan.legs), []
    opens = any(leg.intent == "open" for leg in plan.legs)
    try:
        asked = terms.read(case.alert, look.mapped)
    except NoTerms as error:
        if opens:
            return [], [Verdict("order", FAIL, case.alert.order_type, None, str(error))]
        asked = MARKET
    if not opens:
        # Where the broker has no such orders, and the exit is let through all the same, its price is reached.
        known = asked.type in _able(look.account).order_types
        return [asked if known else MARKET] * len(plan.legs), []
    try:
        return [_entry(case, look, leg, asked, basis) if leg.intent == "open" else MARKET for leg in plan.legs], []
    except NoTerms as error:
        return [], [Verdict("order", FAIL, case.alert.stop_loss or None, None, str(error))]


def _entry(case: Case, look: Outlook, leg: Leg, asked: Terms, basis: Basis | None) -> Terms:
    assert look.mapped is not None
    account, able = look.account, _able(look.account)
    at = asked.at or far_side(look.quote, leg.side)
    terms.check_exits(case.alert, look.mapped, position_side=leg.position_side, price=at)
    spot = account.market == Account.Market.SPOT
    amount = None
    if spot and able.quote_amount and asked.type is OrderType.MARKET and leg.side is Side.BUY and basis is not None:
        amount = _amount(case, leg, basis)
    return replace(
        asked,
        quote_amount=amount,
        leverage=None if spot or not able.leverage else case.alert.leverage or account.leverage,
        margin_mode="" if spot else case.alert.margin_mode or account.margin_mode,
    )


def _amount(case: Case, leg: Leg, basis: Basis) -> Decimal | None:
    """The money that is to be spent, where that was said and nothing is taken off it."""
    try:
        whole = leg.quantity == sizing.quantity(case.strategy.sizing_mode, basis)
    except sizing.NoSize:  # the size came from elsewhere
        return None
    return sizing.amount(case.strategy.sizing_mode, basis) if whole else None


def _able(account: Account) -> Capabilities:
    try:
        return registry.capabilities(account.broker)
    except ConfigurationError:  # `capability` has said so
        return Capabilities(markets=frozenset(), order_types=frozenset())
