"""The plan of a position's exits, made at its first fill and kept up with each: in the fill's own transaction (P2).

A message's own stop, targets and trailing stop take the place of the strategy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction

from signals.models import ExitPlan, Order
from signals.pipeline import plans as configured
from signals.portfolio import trips
from signals.portfolio.positions import Movement
from signals.strategies.symbols import Mapped
from tradeops.core import clock, failpoints, logs, money, wake
from tradeops.core.errors import ConfigurationError

from . import rules, runner
from .plans import levels, open_plan, with_a_plan
from .rules import Rules

logger = logs.get(__name__)
_OF_A_MESSAGE = ("stop_loss", "take_profit", "trailing_stop")


def follow(moved: Sequence[tuple[Order, Sequence[Movement]]]) -> None:
    """What new fills of orders did to positions, whose rows are locked. No network."""
    planned = with_a_plan({movement.position.pk for _, movements in moved for movement in movements})
    for order, movements in moved:
        for movement in movements:
            if movement.adds:
                _entered(order, movement, planned)
            elif movement.position.pk in planned:
                _left(movement)


def _left(movement: Movement) -> None:
    plan = open_plan(movement.position.pk)
    if plan is not None:
        _look_at_once(plan)


def _entered(order: Order, movement: Movement, planned: set[int]) -> None:
    """`planned`: the positions that have a plan which is not closed."""
    position, plan, replaced = movement.position.pk, None, False
    if position in planned:
        replaced, plan = (_end_leftover(position), None) if movement.opened else (False, open_plan(position))
    own = _own(order)
    given = _wanted(order, own)
    if plan is None and not given and not replaced:
        return
    try:
        read = rules.read(given if plan is None or own else plan.rules["exits"])
    except ConfigurationError as error:
        logger.error("exits that cannot be read", client_order_id=order.client_order_id, error=str(error))
        read = Rules()
    if plan is None:
        plan = _new(order, movement, given)
    elif own:
        plan.rules = {"exits": given}
    _set(plan, read, movement)
    plan.save()
    planned.add(position)
    trips.risk(movement.trip, plan.initial_stop)
    failpoints.reached("exits.planned")
    _look_at_once(plan)


def _end_leftover(position: int) -> bool:
    """A plan whose position was flat in between, before anybody closed it; its orders are cancelled as strays."""
    now = clock.now()
    found = ExitPlan.objects.filter(position=position).exclude(state=ExitPlan.State.CLOSED)
    return bool(found.update(state=ExitPlan.State.CLOSED, closed_at=now))


def _new(order: Order, movement: Movement, given: dict[str, Any]) -> ExitPlan:
    position, now = movement.position, clock.now()
    return ExitPlan(
        position_id=position.pk,
        rules={"exits": given},
        entry_price=position.average_price or Decimal(0),
        opened_at=movement.trip.opened_at,
        due_at=now,
    )


def _own(order: Order) -> dict[str, Any]:
    """What the message itself says of exits, its prices per base unit."""
    if order.intent != Order.Intent.OPEN or order.signal is None:
        return {}
    data = order.signal.data
    own = {name: data[name] for name in _OF_A_MESSAGE if data.get(name)}
    mapped = configured.of(order.strategy_id).mapped(data.get("symbol", "")) if own else None
    if mapped is None:
        return own
    here = mapped.on(order.account.slug)
    return {name: _scaled(value, here) for name, value in own.items()}


def _scaled(value: Any, mapped: Mapped) -> Any:
    """A price, or the distance of a trailing stop, as the order's own prices were taken; a percentage stays."""
    if isinstance(value, list):
        return [{**target, "at": _scaled(target["at"], mapped)} for target in value]
    if str(value).endswith("%"):
        return value
    return money.plain(mapped.price(Decimal(value)))


def _wanted(order: Order, own: dict[str, Any]) -> dict[str, Any]:
    if order.intent != Order.Intent.OPEN:
        return {}  # a close that went too far: nobody planned that position
    strategy = {name: value for name, value in (order.strategy.exits or {}).items() if value is not None}
    return {**strategy, **own}


def _set(plan: ExitPlan, read: Rules, movement: Movement) -> None:
    position = movement.position
    sign = 1 if position.side == "long" else -1
    plan.entry_price = position.average_price or plan.entry_price
    plan.entered_quantity += movement.quantity
    found = levels(read, entry=plan.entry_price, sign=sign)
    moved = plan.stop_price is not None and plan.stop_price != plan.initial_stop
    if not moved or found.stop is None or (found.stop - (plan.stop_price or found.stop)) * sign > 0:
        plan.stop_price = plan.stop_price if moved and found.stop is None else found.stop
    plan.initial_stop = found.stop
    done = [target.get("done", False) for target in plan.targets]
    plan.targets = [
        {
            "at": money.plain(price),
            "share": money.plain(target.share),
            "done": number < len(done) and done[number],
        }
        for number, (price, target) in enumerate(zip(found.targets, read.take_profit, strict=True))
    ]
    if read.time_stop is not None and plan.closes_at is None:
        plan.closes_at, plan.closes_because = plan.opened_at + read.time_stop, "time_stop"


def _look_at_once(plan: ExitPlan) -> None:
    """The next look is now: by whoever tends, or, where nothing but rows is needed, by this process at the commit."""
    plan.due_at = clock.now()
    plan.save(update_fields=["due_at"])
    wake.notify()
    transaction.on_commit(partial(runner.attend, plan.pk), robust=True)
