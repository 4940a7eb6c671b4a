"""The only writer of an order's status: the answer, a poll, a reconciliation all end here (DESIGN §2.5).

Every function locks the order's row, checks the transition, writes order, fills, position and event in one
transaction, and can be run twice with the same report to the same end.

A worker may have been stopped for longer than its lease, and another may have taken the order over. What such a worker
writes is fenced: it counts only while the row has the claim token that the worker's `order` has. What the venue did is
true whoever tells of it, so fills always count; that it refused a send counts only for the send it refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.brokers.base import OrderReport
from signals.models import Order
from tradeops.core import failpoints, fsm, money, rows, wake
from tradeops.core.errors import Conflict
from tradeops.core.together import Together

from . import again, answers, booking, doubt, orders, tell
from .answers import Answer
from .lifecycle import FINAL, RESTING, TRANSITIONS
from .orders import Step, record, step

# What changes in the life of an order; the rest is as it was made.
_CHANGES = (
    "status", "code", "venue_code", "message", "venue_order_id", "sent_quantity", "filled_quantity", "average_price",
    "tries", "due_at", "sent_at", "finished_at", "claim_token", "lease_until", "send_expires_at", "unknown_since",
    "cancel_asked_at", "cancel_reason", "sender_token", "sender_gone_at",
)  # fmt: skip
_ON_ITS_WAY = RESTING | {Order.Status.UNKNOWN, Order.Status.FILLED}
_REFUSALS = (Order.Status.REJECTED, Order.Status.EXPIRED)


def locked(order: Order) -> Order:
    """Brings `order` up to date and locks its row until the caller's transaction ends."""
    _lock([order])
    return order


def held(order: Order) -> bool:
    """Locks the row as `locked` does; whether the claim that `order` came with is still the row's."""
    token = order.claim_token
    return locked(order).claim_token == token


def _lock(orders: Sequence[Order]) -> None:
    """In the order of their keys, as every transaction that locks several."""
    if not orders:
        return
    by_key = {order.pk: order for order in orders}
    marks = ", ".join(["%s"] * len(by_key))
    for pk, *row in rows.select(Order, "id", *_CHANGES, where=f"id IN ({marks})", params=list(by_key), lock=True):
        by_key.pop(pk).__dict__.update(zip(_CHANGES, row, strict=True))
    if by_key:
        raise Order.DoesNotExist(f"no order {sorted(by_key)}")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a venue says of an order. `base` is the currency in which a fee changes the position (empty = none does).

    `via` says how it was heard. `untouched`: the order was claimed in this very transaction, so it is as it was then,
    locked, and without fills.
    """

    order: Order
    found: OrderReport
    now: datetime
    base: str
    via: str = "answer"
    answer: Answer | None = None
    untouched: bool = False


def report(
    order: Order,
    found: OrderReport,
    *,
    now: datetime,
    base: str,
    via: str = "answer",
    answer: Answer | None = None,
) -> Order:
    """Applies what the venue says, see `Told`.

    A fill counts once by its trade id. A report that is older than what is known changes nothing. What is heard at the
    same moment is applied in one transaction.
    """
    _reports.write(Told(order=order, found=found, now=now, base=base, via=via, answer=answer))
    failpoints.reached("apply.after_commit")
    return order


def report_all(told: Sequence[Told]) -> list[Order]:
    """As `report` for each, in the caller's transaction."""
    rounds = list(_rounds(told))
    if len(rounds) > 1:
        keys = {one.order.pk for one in told}
        rows.select(Order, "id", where=f"id IN ({', '.join(['%s'] * len(keys))})", params=list(keys), lock=True)
    for some in rounds:
        _report_round(some)
    failpoints.reached("apply.before_commit")
    return [one.order for one in told]


def _rounds(told: Sequence[Told]) -> Iterable[list[Told]]:
    """Each has one report at most of an order, and of what is held of a symbol: the next sees what came of it."""
    left = list(told)
    while left:
        first: dict[tuple[int, int, str], Told] = {}
        for one in left:
            first.setdefault((one.order.strategy_id, one.order.account_id, one.order.symbol), one)
        chosen = {id(one) for one in first.values()}
        left = [one for one in left if id(one) not in chosen]
        yield list(first.values())


def _report_round(told: Sequence[Told]) -> None:
    tokens = [one.order.claim_token for one in told]
    _lock([one.order for one in told if not one.untouched])
    known = booking.known([(one.order, one.found.fills) for one in told if not one.untouched])
    booked = booking.take([booking.Told(one.order, one.found.fills, one.base) for one in told], known=known)
    for one, token, new in zip(told, tokens, booked, strict=True):
        _report(one, mine=one.untouched or one.order.claim_token == token, filled=bool(new))
    for untouched in (False, True):
        names = _MOVED_AND_CLAIMED if untouched else _MOVED
        rows.update_each([one.order for one in told if one.untouched is untouched], *names)


_reports: Together[Told, Order] = Together(report_all)


def _report(one: Told, *, mine: bool, filled: bool) -> None:
    """All but its fills, which are booked, and the order's own row, which is written with the others."""
    order, found, now = one.order, one.found, one.now
    answers.store(order, one.answer)
    order.venue_order_id = found.venue_order_id or order.venue_order_id
    target = _target(order, found)
    if _leads_on(order, target, mine=mine, filled=filled):
        before = order.status
        _settle(order, target, now=now, code=found.code, message=found.message, venue_code=found.venue_code)
        step(order, target.lower(), at=now, detail=_said(order, found, one.via))
        _after(order, before, now=now)
    else:
        if filled:
            step(order, "fill", at=now, detail=_said(order, found, one.via))
        _rest(order, now=now)


def _target(order: Order, found: OrderReport) -> str:
    target = found.status.value
    return Order.Status.PARTIALLY_FILLED.value if target == "OPEN" and order.filled_quantity > 0 else target


def _leads_on(order: Order, target: str, *, mine: bool, filled: bool) -> bool:
    """Whether the report moves the order on. Only new fills lead out of a final state: an old poll does not."""
    if target == order.status or target not in TRANSITIONS[order.status]:
        return False
    if order.status in FINAL and not filled:
        return False
    return mine or target not in _REFUSALS


def unknown(
    order: Order,
    *,
    now: datetime,
    message: str,
    look_again_at: datetime,
    by_sender: bool = False,
    venue_code: str = "",
    answer: Answer | None = None,
) -> Order:
    """The venue may or may not have it: not sent again, asked after until it is known (X6). Fenced.

    `by_sender`: it was sent, and the venue's answer did not come; then the sender's death would prove nothing.
    """
    with transaction.atomic():
        if not held(order) or order.status not in (Order.Status.SUBMITTED, Order.Status.UNKNOWN):
            return order
        answers.store(order, answer)
        if order.status != Order.Status.UNKNOWN:
            _move(order, Order.Status.UNKNOWN, now=now, code="unknown", message=message, venue_code=venue_code)
            step(order, "unknown", at=now, detail=message)
            tell.of_status(order, now=now)
        order.due_at, order.tries = doubt.look_again(order, at=look_again_at, now=now), order.tries + 1
        order.claim_token, order.lease_until = "", None
        if by_sender:
            order.sender_token = ""
        rows.update(order, "due_at", "tries", "claim_token", "lease_until", "sender_token")
        doubt.tell_if_frozen(order, now=now, message=message)
    return order


def not_sent(
    order: Order,
    *,
    now: datetime,
    message: str,
    due_at: datetime,
    counts: bool = True,
    venue_code: str = "",
    answer: Answer | None = None,
) -> Order:
    """Surely not at the venue: back to PENDING under the same id, or ended where nobody wants it any more. Fenced.

    An entry that is too old by `due_at` is EXPIRED, what somebody wanted to cancel is CANCELED. `counts` = it was a
    try; a wait for a rate limit is none.
    """
    with transaction.atomic():
        if not held(order) or order.status in FINAL | RESTING:
            return order
        answers.store(order, answer)
        before = order.status
        if before != Order.Status.PENDING:
            fsm.check(TRANSITIONS, current=before, target=Order.Status.PENDING, what=_name(order))
        order.status = Order.Status.PENDING
        order.tries = (0 if before == Order.Status.UNKNOWN else order.tries) + int(counts)
        order.due_at, order.venue_code = due_at, venue_code[:40]
        order.claim_token, order.lease_until, order.send_expires_at, order.unknown_since = "", None, None, None
        order.sender_token, order.sender_gone_at = "", None
        rows.update(order, *_BACK)
        ended = _unwanted(order, message)
        if ended is not None:
            status, code, text = ended
            _move(order, status, now=now, code=code, message=text, venue_code=venue_code)
            step(order, status.lower(), at=now, detail=text)
            _after(order, before, now=now)
            return order
        step(order, "not_sent", at=now, detail=message)
        _resolved(order, before, now=now)
        if order.intent == Order.Intent.CLOSE and counts and order.tries in (5, 20, 100):
            tell.stuck(order, now=now, message=f"after {order.tries} tries: {message}")
    return order


_BACK = (
    "status", "tries", "due_at", "venue_code", "claim_token", "lease_until", "send_expires_at", "unknown_since",
    "sender_token", "sender_gone_at",
)  # fmt: skip


def _unwanted(order: Order, message: str) -> tuple[str, str, str] | None:
    if order.cancel_asked_at is not None:
        return Order.Status.CANCELED, "canceled", order.cancel_reason or "cancelled before it was sent"
    if order.intent == Order.Intent.OPEN and order.due_at > order.expires_at:
        return Order.Status.EXPIRED, "stale", f"{message}; by then the signal is too old"
    return None


def finish(
    order: Order,
    status: str,
    *,
    now: datetime,
    code: str,
    message: str,
    steps: Iterable[Step] = (),
    venue_code: str = "",
    answer: Answer | None = None,
) -> Order:
    """Ends an order without a venue's report: rejected, canceled or expired before it was sent, or a dry run. Fenced.

    Raises Conflict when the order has moved on meanwhile, or is another worker's now.
    """
    with transaction.atomic():
        if not held(order):
            raise Conflict(f"{_name(order)} is in other hands now")
        answers.store(order, answer)
        record(order, steps, at=now)
        before = order.status
        _move(order, status, now=now, code=code, message=message, venue_code=venue_code)
        step(order, status.lower(), at=now, detail=message)
        _after(order, before, now=now)
    return order


_MOVED = (
    "status", "code", "venue_code", "message", "venue_order_id", "filled_quantity", "average_price", "due_at", "tries",
    "finished_at", "claim_token", "lease_until", "unknown_since",
)  # fmt: skip


_MOVED_AND_CLAIMED = tuple(dict.fromkeys((*_MOVED, *orders.CLAIMED)))


def _move(order: Order, target: str, *, now: datetime, code: str, message: str, venue_code: str = "") -> None:
    _settle(order, target, now=now, code=code, message=message, venue_code=venue_code)
    rows.update(order, *_MOVED)


def _settle(order: Order, target: str, *, now: datetime, code: str, message: str, venue_code: str) -> None:
    """The order as it is after the move, not written yet."""
    fsm.check(TRANSITIONS, current=order.status, target=target, what=_name(order))
    if target == Order.Status.CANCELED and order.cancel_asked_at is not None and order.cancel_reason:
        code, message = code or "canceled", order.cancel_reason
    if order.code == orders.IN_PARTS and target in _ON_ITS_WAY:
        code = orders.IN_PARTS  # also through a doubt: what is found in the end is a part still, and the next follows
    order.status, order.code, order.message = target, code[:40], message[:300]
    order.venue_code = venue_code[:40]
    order.claim_token, order.lease_until = "", None
    order.unknown_since = now if target == Order.Status.UNKNOWN else None
    order.finished_at = now if target in FINAL else None
    if target in RESTING or target == Order.Status.UNKNOWN:
        order.tries = 0  # from here on they count questions, or cancels, that came to nothing
    _rest(order, now=now)


def _rest(order: Order, *, now: datetime) -> None:
    if order.status in RESTING:
        order.due_at = orders.next_poll(order, now=now)


def _after(order: Order, before: str, *, now: datetime) -> None:
    """What follows from a new status, in its transaction."""
    tell.of_status(order, now=now)
    _resolved(order, before, now=now)
    if order.status in FINAL and order.intent == Order.Intent.CLOSE:
        again.after(order, now=now)
    wake.notify()


def _resolved(order: Order, before: str, *, now: datetime) -> None:
    if before == Order.Status.UNKNOWN:
        doubt.tell_if_resolved(order, now=now)


def _said(order: Order, found: OrderReport, via: str) -> str:
    if found.fills:
        text = f"{money.plain(order.filled_quantity)} at {money.plain(order.average_price)}"
    else:
        text = found.message or found.code or order.message
    return text if via == "answer" else f"{text} ({via})".strip()


def _name(order: Order) -> str:
    return f"order {order.client_order_id}"


def look_again(order: Order, *, at: datetime) -> Order:
    """Nothing new was heard: asked again then, by whoever comes first. Fenced."""
    with transaction.atomic():
        if held(order) and order.status not in FINAL:
            order.due_at, order.claim_token, order.lease_until = at, "", None
            rows.update(order, "due_at", "claim_token", "lease_until")
    return order
