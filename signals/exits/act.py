"""What is to be done for a plan now (pure), and doing it: rows only, so that a worker may die anywhere (P2).

An order's id is made of the plan and its version, which is counted up in the transaction that stores the order. Stops
and exits together never close more than is held: a stop that does not fit any more is cancelled, and the next one is
made once it is gone; an exit that cannot wait for that has it cancelled before it is sent (`execution.room`). So is a
limit exit that rests, where the stop or the time takes everything.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.brokers.base import Quote
from signals.execution import cancel, orders
from signals.models import ExitPlan, Order, Position, RoundTrip
from signals.risk import switch
from tradeops.core import failpoints, money, wake
from tradeops.core.errors import Conflict
from tradeops.core.money import ZERO, OrderType, Side

from . import evaluate, plans, state, tell
from .evaluate import ExitIntent, Watched
from .state import Closing, State

EACH = timedelta(seconds=1)
# A position of which nothing is left but dust, or whose exits the venue has, is looked at now and then.
SELDOM = timedelta(seconds=30)
# After the last try of an order that the venue turned down (`execution.again`).
AFTER_REFUSAL = timedelta(seconds=30)
# So long a stop may be on its way before the position counts as unprotected.
GRACE = timedelta(seconds=5)
_FOREVER = timedelta(days=1)


@dataclass(frozen=True)
class Make:
    """An order to be made."""

    reason: str
    type: OrderType
    quantity: Decimal
    stop_price: Decimal | None = None


@dataclass(frozen=True)
class Todo:
    """`changes` are of the plan's fields; `lacking` says why a position that is meant to have a stop has none now."""

    changes: dict[str, Any]
    makes: tuple[Make, ...] = ()
    cancels: tuple[Closing, ...] = ()
    lacking: str = ""
    over: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.changes or self.makes or self.cancels or self.over)


def todo(found: State, quote: Quote | None, *, refused: str, now: datetime) -> Todo:
    """`refused`: what the venue said to the plan's last order, if none may be tried yet. Pure."""
    if found.position.quantity <= 0:
        stops = tuple(order for order in found.stops if not order.asked)
        return Todo({}, cancels=stops, over=not found.stops)
    if found.venue.problem:
        return Todo({}, lacking="" if _is_covered(found) else found.venue.problem)
    if found.leaving and refused:
        return Todo({})
    watched = state.watched(found)
    intent = _again(found) or evaluate.evaluate(watched, quote, now)
    if intent is not None:
        return _leave(found, intent)
    changes = {} if quote is None else _moves(found, evaluate.moved(watched, quote))
    after = replace(found, plan=_with(found.plan, changes))
    makes, cancels = _stops(after, refused=refused)
    if found.plan.stop_order_quantity and not makes and not after.fitting:  # it was taken back for another order
        changes |= {"stop_order_id": "", "stop_order_quantity": ZERO}
    return Todo(changes, makes, cancels, lacking=_lacking(after, quote, refused))


def _again(found: State) -> ExitIntent | None:
    """An exit of everything that was decided and has not closed everything yet."""
    return ExitIntent(found.plan.reason, found.free) if found.leaving and found.free > 0 else None


def _leave(found: State, intent: ExitIntent) -> Todo:
    quantity = money.floor_to(intent.quantity, found.venue.lot)
    changes: dict[str, Any] = {}
    if intent.targets:
        changes["targets"] = [
            {**target, "done": True} if number in intent.targets else target
            for number, target in enumerate(found.plan.targets)
        ]
    if intent.quantity == found.free:  # not so where a part of it waits for its price
        changes["reason"] = intent.reason
    changes = {name: value for name, value in changes.items() if getattr(found.plan, name) != value}
    if quantity < found.venue.least or quantity <= 0:
        text = f"{money.plain(intent.quantity)} is below the venue's minimum: it stays as dust"
        return Todo(changes | _if_new(found.plan, problem=text) if intent.quantity else changes)
    in_the_way = found.stops if intent.targets else [*found.stops, *found.waiting]
    stops = tuple(order for order in in_the_way if not order.asked)
    return Todo(changes, (Make(intent.reason, OrderType.MARKET, quantity),), stops)


def _if_new(plan: ExitPlan, **fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if getattr(plan, name) != value}


def _moves(found: State, moved: Watched) -> dict[str, Any]:
    tick = found.venue.tick
    stop = moved.stop
    if stop is not None and stop != found.plan.stop_price and tick > 0:
        stop = money.floor_to(stop, tick) or found.plan.stop_price
    return _if_new(
        found.plan, best_price=moved.best, stop_price=stop, break_even_done=moved.break_even_done
    )  # fmt: skip


def _with(plan: ExitPlan, changes: dict[str, Any]) -> ExitPlan:
    """A copy that says what the plan will."""
    after = ExitPlan(**{field.attname: getattr(plan, field.attname) for field in ExitPlan._meta.concrete_fields})
    for name, value in changes.items():
        setattr(after, name, value)
    return after


def _stops(found: State, *, refused: str) -> tuple[tuple[Make, ...], tuple[Closing, ...]]:
    """The stop that the venue is to hold: the wrong ones go first, then the right one is made."""
    fitting = found.fitting
    wrong = tuple(order for order in found.stops if order not in fitting and not order.asked)
    if found.stops or not found.stop_quantity or refused:
        return (), wrong
    reason = state.watched(found).stop_because
    return (Make(reason, OrderType.STOP, found.stop_quantity, found.plan.stop_price),), ()


def _is_covered(found: State) -> bool:
    """Whether its stop, if it is meant to have one, is known to rest, with nothing known of what its venue takes."""
    stop = found.plan.stop_price
    return stop is None or any(
        order.rests and order.of(found.plan) and not order.asked
        and order.stop_price == stop and order.left >= found.free
        for order in found.stops
    )  # fmt: skip


def _lacking(found: State, quote: Quote | None, refused: str) -> str:
    if found.plan.stop_price is None or found.free < found.venue.least:
        return ""
    # What waits for its price in another order has no place for a stop at the venue: the portal watches that part.
    if quote is None and (found.bound or not found.venue.rests):
        return "there is no price to watch it by"
    if not found.venue.rests or found.stop_at_venue or (found.bound and not found.stop_quantity):
        return ""
    return refused or "the stop is not at the venue"


# Doing it ----------------------------------------------------------------------------------------------------------


def carry_out(found: State, quote: Quote | None, *, refused: str, now: datetime) -> bool:
    """Once more under the locks, and then it is written; returns whether anything was. No network.

    Locks in this order: the account's scope, the position, the plan; orders that are cancelled come after the commit.
    """
    position = found.position
    with transaction.atomic():
        switch.lock(strategies=[], accounts=[position.account.slug])
        fresh = _reread(found)
        if fresh is None:
            return False
        what = todo(fresh, quote, refused=refused, now=now)
        made = [_order(fresh, make, number, quote, now=now) for number, make in enumerate(what.makes)]
        if made:
            orders.store(made, why=_why(fresh, quote))
            tell.leaving(fresh, made, quote, now=now)
            failpoints.reached("exits.stored")
        _write(fresh, what, made, now=now)
        wake.notify()
    failpoints.reached("exits.committed")
    for order in what.cancels:
        _cancel(order, "the position's stop is another now" if order.is_stop else "the position is being left", now=now)
    return not what.nothing


def _reread(found: State) -> State | None:
    """The same under locks; None if the plan is over."""
    held = Position.objects.select_for_update(no_key=True, of=("self",)).select_related("account", "strategy")
    position = held.get(pk=found.position.pk)
    plan = plans.open_plan(position.pk)
    if plan is None or plan.pk != found.plan.pk:
        return None
    key = (position.strategy_id, position.symbol, position.side)
    return replace(found, plan=plan, position=position, closing=state.closing(position.account_id).get(key, []))


def origin_id(reason: str, plan: int, version: int) -> str:
    """What an order of a plan says of where it comes from; with it goes the client order id."""
    return f"{reason}:{plan}:{version}"


def _order(found: State, make: Make, number: int, quote: Quote | None, *, now: datetime) -> Order:
    plan, position = found.plan, found.position
    account, strategy = position.account, position.strategy
    name = origin_id(make.reason, plan.pk, plan.version + 1 + number)
    return Order(
        client_order_id=orders.client_order_id(
            origin=Order.Origin.EXIT,
            origin_id=name,
            strategy=strategy.slug,
            account=account.slug,
            leg=0,
            attempt=0,
        ),
        origin=Order.Origin.EXIT,
        origin_id=name,
        strategy=strategy,
        account=account,
        mode=Order.Mode.PAPER if account.is_paper else Order.Mode.LIVE,
        symbol=position.symbol,
        side=Side.SELL if position.side == Position.Side.LONG else Side.BUY,
        position_side=position.side,
        intent=Order.Intent.CLOSE,
        type=make.type.value,
        quantity=make.quantity,
        stop_price=make.stop_price,
        quote=orders.quote_to_json(quote) if quote is not None else {},
        created_at=now,
        due_at=now,
        expires_at=now + _FOREVER,
    )


def _why(found: State, quote: Quote | None) -> str:
    seen = "" if quote is None else f"bid {money.plain(quote.bid)}, ask {money.plain(quote.ask)}, "
    return f"{seen}stop {money.plain(found.plan.stop_price) or 'none'}"


def _write(found: State, what: Todo, made: list[Order], *, now: datetime) -> None:
    plan = found.plan
    before = {field.attname: getattr(plan, field.attname) for field in ExitPlan._meta.concrete_fields}
    for name, value in what.changes.items():
        setattr(plan, name, value)
    plan.version += len(made)
    for order in made:
        if order.type == OrderType.STOP:
            plan.stop_order_id, plan.stop_order_quantity = order.client_order_id, order.quantity
    if not found.fitting and not any(order.type == OrderType.STOP for order in made):
        plan.stop_order_id, plan.stop_order_quantity = "", ZERO
    _protection(found, what, now=now)
    if what.over:
        plan.state, plan.closed_at, plan.problem = ExitPlan.State.CLOSED, now, ""
        plan.reason = _ended_by(found.position) or plan.reason
    changed = [name for name, value in before.items() if getattr(plan, name) != value]
    if changed:
        plan.save(update_fields=changed)


def _protection(found: State, what: Todo, *, now: datetime) -> None:
    """A position that is meant to have a stop and has none for longer than its way takes is UNPROTECTED."""
    plan = found.plan
    if what.over or not what.lacking or plan.reason:
        if plan.state == ExitPlan.State.UNPROTECTED and not what.over and not plan.reason:
            plan.state = ExitPlan.State.ACTIVE
            tell.protected(found, now=now)
        if plan.problem_since is not None:
            plan.problem, plan.problem_since = "", None
        return
    plan.problem = what.lacking[:300]
    plan.problem_since = plan.problem_since or now
    if now - plan.problem_since >= GRACE and plan.state == ExitPlan.State.ACTIVE:
        plan.state, plan.told_at = ExitPlan.State.UNPROTECTED, now
        tell.unprotected(found, what.lacking, now=now)


def _ended_by(position: Position) -> str:
    trips = RoundTrip.objects.filter(
        strategy=position.strategy, account=position.account, symbol=position.symbol, side=position.side
    )
    last = trips.exclude(closed_at=None).order_by("-id").first()
    return last.reason if last is not None else ""


def _cancel(order: Closing, reason: str, *, now: datetime) -> None:
    row = Order.objects.select_related("account", "strategy", "signal").get(pk=order.pk)
    with contextlib.suppress(Conflict):  # it has ended meanwhile
        cancel.ask(row, reason=reason, now=now)
