"""What the rules are asked about one account: the order that is about to be approved, and what is around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from accounts import credentials
from accounts.models import Account
from signals.market import calendar
from signals.models import MaintenanceWindow, Strategy
from signals.portfolio import blocked, equity
from signals.portfolio.exposure import Book
from signals.risk import facts, gate, losses, maintenance
from signals.risk.base import OrderCount, Proposal
from signals.strategies.actions import Leg, Plan
from tradeops.core.money import ZERO

from . import proposals, wanted
from .desk import Desk
from .gather import Case


def proposal(desk: Desk, plan: Plan, *, reduces: bool) -> Proposal:
    """`reduces`: only what binds exits is asked."""
    case, look, strategy = desk.case, desk.look, desk.case.strategy
    exits = reduces and (case.reduces or bool(plan.legs))
    found = Proposal(
        now=desk.now,
        reduces=reduces,
        strategy=strategy.slug,
        account=look.account.slug,
        age_seconds=proposals.age(case, desk.now),
        max_age_seconds=strategy.exit_max_age_seconds if exits else strategy.max_age_seconds,
        ticker=case.alert.symbol,
        symbol=desk.key.symbol,
        quote_currency=look.instrument.quote if look.instrument else "",
        account_currency=look.account.currency,
        quantity=ZERO,
        orders=len(plan.legs),
        quote=look.quote,
        quote_problem=look.quote_problem,
        max_price_age_seconds=strategy.max_price_age_seconds,
        account_problem=_problem(desk),
        switches_on=desk.switches.stopping(strategy=strategy.slug, account=look.account.slug),
        halted=desk.switches.halts(strategy.slug),
        maintenance=_maintenance(desk),
        windows=strategy.windows,
        market=look.account.market,
        hedged=credentials.hedges(look.account),
        netting=strategy.netting == Strategy.Netting.ALLOW,
        book=Book(desk.key, desk.exposure),
    )
    if reduces:
        return found
    found = replace(found, **_of_now(desk), **_of_the_message(desk))
    opens = opening(plan)
    if opens is None:
        return found
    present = desk.exposure.held(desk.key).get(opens.position_side)
    return replace(
        found,
        side=opens.side,
        position_side=opens.position_side,
        quantity=opens.quantity,
        price=wanted.price(case, look) or wanted.far_side(look.quote, opens.side),
        position_quantity=present.quantity if present else ZERO,
        closes=_closed_first(plan, opens),
    )


def opening(plan: Plan) -> Leg | None:
    return next((leg for leg in plan.legs if leg.intent == "open"), None)


def _closed_first(plan: Plan, opens: Leg) -> Decimal:
    """What is surely held of the other side, and closed before this is opened."""
    return sum((leg.quantity for leg in plan.legs if _is_before(leg, opens)), ZERO)


def _is_before(leg: Leg, opens: Leg) -> bool:
    return leg.intent == "close" and leg.position_side != opens.position_side and not leg.after_doubt


def ahead(case: Case, *, now: datetime) -> None:
    """What the rules need and what may take time: read, and written where it is old, before the transaction."""
    measured = []
    for look in case.outlooks:
        names = {"strategy": case.strategy.slug, "account": look.account.slug}
        for limit in gate.limits_for("market_hours", **names):
            calendar.around(limit.value, now)
        if not case.reduces and facts.needs_equity(**names):
            measured.append((look.account, {look.quote.symbol: look.quote.last} if look.quote else {}))
    losses.keep_fresh(measured, now=now)


def _of_now(desk: Desk) -> dict[str, Any]:
    """How the account, and the strategy on it, have fared."""
    account, found = desk.look.account.pk, desk.facts
    count = None
    if found.orders is not None:
        made = {pk: count for (strategy, pk), count in desk.exposure.orders.items() if strategy == desk.key.strategy}
        count = OrderCount(
            sum(found.orders.values()) + sum(made.values()), found.orders.get(account, 0) + made.get(account, 0)
        )
    return {
        "worth": found.worths.get(account),
        "last_minute": count,
        "last_loss_at": None if found.losses is None else found.losses.get(account),
        "losses_known": found.losses is not None and account not in found.losses_unknown,
    }


def _of_the_message(desk: Desk) -> dict[str, Any]:
    case, account = desk.case, desk.look.account
    alert, mapped = case.alert, case.mapped
    spot = account.market == Account.Market.SPOT
    option = Account.Market.OPTION in (account.market, alert.market, mapped.market if mapped else "")
    return {
        "confidence": _confidence(desk),
        "leverage": None if spot else alert.leverage or account.leverage,
        "is_option": option or alert.strike is not None or bool(alert.expiration),
        "expiration": _day(alert.expiration),
        "today": equity.day_of(account, desk.now),
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # not given, or by an analysis that has its own idea of it
        return None


def _confidence(desk: Desk) -> Decimal | None:
    """The engine's own, 0 to 1; of engine A it is the message's."""
    return desk.opinion.confidence


def _maintenance(desk: Desk) -> str:
    """What is being maintained of what the order needs; empty = nothing."""
    found = maintenance.window(
        (MaintenanceWindow.Kind.VENUE, desk.look.account.broker),
        (MaintenanceWindow.Kind.STRATEGY, desk.case.strategy.slug),
        now=desk.now,
    )
    return maintenance.describe(found) if found else ""


def _problem(desk: Desk) -> str:
    """Why the account takes no entries; empty = it does."""
    account = desk.look.account
    if account.retired_at is not None:
        return "retired"
    if not account.active:
        return "paused"
    if account.frozen_reason:
        return f"frozen ({account.frozen_reason})"
    if account.external_trades == Account.ExternalTrades.BLOCK and blocked.is_blocked(
        account=account.pk, symbol=desk.key.symbol
    ):
        return "waiting for a person's look at a trade made by hand"
    unusable = credentials.problem_of(account)
    if unusable:
        return unusable
    if (account.pk, desk.key.symbol) in desk.exposure.in_doubt:
        return "waiting for the venue to tell what became of an order"
    return ""
