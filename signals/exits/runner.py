"""Second by second: what is held is marked, and its exits are watched (P1, P2).

A duty of the tender, whose lease says who is at it; a plan's `due_at` is its claim. What a killed worker leaves behind
is due again a second later, and an order is made with its id in one transaction, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from accounts.brokers.base import Quote
from signals.market import calendar
from signals.models import ExitPlan, Order, Position
from tradeops.core import clock, failpoints, logs
from tradeops.core.errors import ConfigurationError

from . import act, marks, state
from .quotes import MESSAGE, Quotes
from .state import State

logger = logs.get(__name__)
MOST = 500
_LIVE = "state <> 'CLOSED'"


def due(*, now: datetime) -> list[int]:
    """Accounts, by primary key, with a plan or a mark whose time has come. One look into two partial indexes."""
    at = connection.ops.adapt_datetimefield_value(now)
    old = connection.ops.adapt_datetimefield_value(now - marks.EACH)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [at, old])
        return [pk for [pk] in cursor.fetchall()]


_DUE = f"""
SELECT position.account_id FROM signals_exitplan plan JOIN signals_position position ON position.id = plan.position_id
WHERE plan.{_LIVE} AND plan.due_at <= %s
UNION {marks.DUE}
"""  # noqa: S608


def run(accounts: Sequence[int], *, now: datetime) -> int:
    """One round for these accounts; returns how many plans it looked at. Uses the network."""
    quotes = Quotes(now=now)
    looked = 0
    for account in accounts:
        positions = _positions(account)
        plans = _take(account, now=now)
        marks.refresh(positions.values(), quotes, watched={plan.position_id for plan in plans}, now=now)
        closing = state.closing(account) if plans else {}
        for plan in plans:
            position = positions.get(plan.position_id) or _position(plan.position_id)
            found = _state(plan, position, closing)
            try:
                _step(found, quotes.of(position) if position.is_open else None, now=now)
            except Exception:
                logger.exception("a position's exits could not be seen to; the others go on", plan=plan.pk)
        looked += len(plans)
    return looked


def attend(plan: int) -> None:
    """One plan, right after a fill: what its stop needs, without a quote. Rows only, where the venue is known.

    One that needs a quote, since the portal watches its stop or a part of it, is due now and waits for whoever tends.
    """
    row = ExitPlan.objects.filter(pk=plan).exclude(state=ExitPlan.State.CLOSED).first()
    if row is None:
        return
    position = _position(row.position_id)
    found = _state(row, position, state.closing(position.account_id))
    if (found.venue.rests and not found.bound) or not position.is_open:
        _step(found, None, now=clock.now())


def _positions(account: int) -> dict[int, Position]:
    """The open ones of an account."""
    found = Position.objects.filter(account=account, is_open=True).select_related("account", "strategy")
    return {row.pk: row for row in found}


def _position(pk: int) -> Position:
    return Position.objects.select_related("account", "strategy").get(pk=pk)


def _take(account: int, *, now: datetime) -> list[ExitPlan]:
    """Those that are due, for this caller alone until their next time."""
    at = connection.ops.adapt_datetimefield_value(now)
    until = connection.ops.adapt_datetimefield_value(now + act.EACH)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [until, account, at, at])
        taken = [pk for [pk] in cursor.fetchall()]
    failpoints.reached("exits.taken")
    return list(ExitPlan.objects.filter(pk__in=taken).order_by("id"))


# Only what is returned is claimed: the others stay due, and have waited longest at the next look.
_TAKE = f"""
UPDATE signals_exitplan SET due_at = %s WHERE id IN (
SELECT plan.id FROM signals_exitplan plan JOIN signals_position position ON position.id = plan.position_id
WHERE plan.{_LIVE} AND position.account_id = %s AND plan.due_at <= %s ORDER BY plan.due_at, plan.id LIMIT {MOST}
) AND {_LIVE} AND due_at <= %s RETURNING id
"""  # noqa: S608


def _state(plan: ExitPlan, position: Position, closing: dict[state.Key, list[state.Closing]]) -> State:
    key = (position.strategy_id, position.symbol, position.side)
    return State(plan, position, closing.get(key, []), state.venue(position))


def _step(found: State, quote: Quote | None, *, now: datetime) -> None:
    """Looks without a lock, since mostly nothing is to be done; what is, is looked at again under the locks."""
    if quote is not None and quote.source != MESSAGE and _is_old(quote, found, now=now):
        quote = None
    found = _with_session(found)
    refused = _refused(found, now=now)
    what = act.todo(found, quote, refused=refused, now=now)
    if not what.nothing or _tells(found, what, now=now):
        act.carry_out(found, quote, refused=refused, now=now)


def _is_old(quote: Quote, found: State, *, now: datetime) -> bool:
    return (now - quote.at).total_seconds() > found.position.strategy.max_price_age_seconds


def _tells(found: State, what: act.Todo, *, now: datetime) -> bool:
    """Whether its protection is to be written, although nothing is to be done."""
    plan = found.plan
    lacking = bool(what.lacking) and not plan.reason
    return lacking != (plan.problem_since is not None) or (
        lacking and plan.state == ExitPlan.State.ACTIVE and now - (plan.problem_since or now) >= act.GRACE
    )


def _refused(found: State, *, now: datetime) -> str:
    """What the venue said to the plan's last order, if that is over and its time to be tried again has not come."""
    plan = found.plan
    if any(order.of(plan) for order in found.closing) or not (found.leaving or found.stop_quantity):
        return ""
    reason = plan.reason if found.leaving else state.watched(found).stop_because
    position = found.position
    last = (
        Order.objects.filter(
            origin=Order.Origin.EXIT,
            origin_id=act.origin_id(reason, plan.pk, plan.version),
            strategy=position.strategy_id,
            account=position.account_id,
        )
        .order_by("-attempt")
        .first()
    )
    if last is None or last.status not in (Order.Status.REJECTED, Order.Status.EXPIRED) or last.finished_at is None:
        return ""
    return last.message or last.code if now - last.finished_at < act.AFTER_REFUSAL else ""


def _with_session(found: State) -> State:
    """Finds out when the session closes, once: the calendar's days may have to be learned first."""
    plan, read = found.plan, found.rules
    if not read.calendar or "session" in plan.rules:
        return found
    closes = _session_close(read.calendar, read.before_close, after=plan.opened_at)
    rules = {**plan.rules, "session": closes.isoformat() if closes else ""}
    with transaction.atomic():
        row = ExitPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
        row.rules = rules
        if closes is not None and (row.closes_at is None or closes < row.closes_at):
            row.closes_at, row.closes_because = closes, "session_close"
        row.save(update_fields=["rules", "closes_at", "closes_because"])
    return replace(found, plan=row)


def _session_close(name: str, before: timedelta, *, after: datetime) -> datetime | None:
    """`before` the first close that comes after the entry, but not before the entry; an early close is early here too.

    An entry so late in its session is left at once: the next close would have it held overnight.
    """
    try:
        days = calendar.sessions(name, after.date() - timedelta(days=1), after.date() + timedelta(days=14))
    except ConfigurationError as error:
        logger.error("a session's close is not known", calendar=name, error=str(error))
        return None
    return next((max(after, day.closes_at - before) for day in days if day.closes_at > after), None)
