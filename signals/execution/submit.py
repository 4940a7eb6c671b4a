"""One order from PENDING to the venue's answer: instrument, size, round, claim, place, apply (X3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accounts.brokers import registry
from accounts.brokers.base import (
    Broker,
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    Instrument,
    Rejection,
)
from signals.models import Order
from tradeops.core import clock, failpoints
from tradeops.core.errors import ConfigurationError, Conflict

from . import again as attempts
from . import answers, apply, claim, orders, place, request, room, size
from .orders import Step
from .size import Sized

ENTRY_TRIES = 4


@dataclass(frozen=True)
class Ready:
    """An order that is sized and may be claimed and sent."""

    order: Order
    broker: Broker
    instrument: Instrument
    sized: Sized


def submit(order: Order) -> Order | None:
    """Takes one due PENDING order as far as it goes now. None = somebody else has it, or it must not be sent."""
    ready = prepare(order)
    return send(ready) if isinstance(ready, Ready) else ready


def prepare(order: Order) -> Ready | Order | None:
    """Sizes the order, outside any transaction; an order that cannot be sent is ended here, a dry run answered."""
    return prepare_all([order])[0]


def prepare_all(found: Sequence[Order]) -> list[Ready | Order | None]:
    """As `prepare` for each; what can be asked for all of them at once is."""
    crowded, funds = room.wanted(found), size.funds(found)
    return [_prepare(order, crowded=order.pk in crowded, funds=funds) for order in found]


def _prepare(order: Order, *, crowded: bool, funds: size.Funds) -> Ready | Order | None:
    if order.code == orders.AFTER_DOUBT and claim.is_lane_in_doubt(order):
        return None
    if order.mode != Order.Mode.DRY_RUN and not claim.is_armed(order.account):
        return reject(order, claim.NOT_ARMED, claim.why_not_armed(order.account))  # before anything is set at the venue
    try:
        broker = registry.broker_for(order.account)
        instrument = broker.instrument(order.symbol)
        if crowded:
            room.make(order)
        sized = size.measure(order, broker, instrument, funds=funds)
        if sized.problem:
            return reject(order, sized.code, sized.problem, steps=sized.steps)
        ready = Ready(order, broker, instrument, sized)
        return _preview(ready) if order.mode == Order.Mode.DRY_RUN else _prepared(ready)
    except (BrokerRejected, ConfigurationError) as error:
        return reject(order, error.code, str(error), venue_code=getattr(error, "venue_code", ""))
    except BrokerError as error:  # nothing was sent yet: whatever is not final may be asked again
        return again(order, error)


def send(ready: Ready) -> Order | None:
    """Claims, places, and applies the answer."""
    asked = _asked(ready)
    claimed = claim.claim(asked.order, quantity=asked.quantity, steps=asked.steps, now=asked.now)
    if claimed is None:
        return None
    failpoints.reached("claim.after_commit")
    if not ready.broker.capabilities.local and not (claim.is_new(claimed, now=clock.now()) or claim.is_ours(claimed)):
        return None
    try:
        return place.place(claimed, ready.broker, ready.instrument, quantity=ready.sized.quantity)
    except (BrokerRejected, BrokerTemporary) as error:
        return _refused(ready, claimed, error)


def send_here(found: Sequence[Ready]) -> None:
    """As `send` for orders at local venues, one of each lane, all in the caller's transaction."""
    claimed = claim.claim_all([_asked(ready) for ready in found])
    failpoints.reached("claim.after_commit")
    mine = [(ready, order) for ready, order in zip(found, claimed, strict=True) if order is not None]
    sent = [place.Sending(order, ready.broker, ready.instrument, ready.sized.quantity) for ready, order in mine]
    told = []
    for (ready, order), answer in zip(mine, place.place_here(sent), strict=True):
        if isinstance(answer, BrokerUnknown):
            place.doubted(order, ready.broker, answer, began=order.sent_at or clock.now())
        elif isinstance(answer, BrokerRejected | BrokerTemporary):
            _refused(ready, order, answer)
        elif isinstance(answer, BrokerError):
            raise answer
        else:
            told.append(answer)
    apply.report_all(told)


def _asked(ready: Ready) -> claim.Asked:
    if ready.sized.in_parts:
        ready.order.code = orders.IN_PARTS
    elif ready.order.code == orders.IN_PARTS:  # as it was sized for an earlier try; now it is the last part
        ready.order.code = ""
    return claim.Asked(order=ready.order, quantity=ready.sized.quantity, steps=ready.sized.steps, now=clock.now())


def _refused(ready: Ready, claimed: Order, error: BrokerRejected | BrokerTemporary) -> Order | None:
    answer = answers.heard(ready.broker, "place", claimed.sent_at or clock.now(), error)
    if isinstance(error, BrokerRejected):
        return reject(claimed, error.code, str(error), venue_code=error.venue_code, answer=answer)
    return again(claimed, error, answer=answer)


def _prepared(ready: Ready) -> Ready:
    """The venue is made ready for an entry (leverage, margin mode); an exit goes with what is set."""
    order, broker = ready.order, ready.broker
    if broker.capabilities.local or order.intent == Order.Intent.CLOSE:
        return ready
    asked = request.build(order, ready.instrument, ready.sized.quantity)
    broker.prepare(asked)
    failpoints.reached("prepare.after_call")
    leverage = f"leverage {order.leverage.normalize():f}" if order.leverage else "leverage as it is"
    said = leverage + (f", {asked.margin_mode}" if order.account.market != "spot" else "")
    step = ("prepare", said if order.account.market != "spot" else "nothing to set on spot", clock.now())
    return replace(ready, sized=replace(ready.sized, steps=(*ready.sized.steps, step)))


def _preview(ready: Ready) -> Order | None:
    """A dry run takes the same path up to the broker, which says what it would have done (X8).

    Raises BrokerTemporary and BrokerUnknown.
    """
    asked = request.build(ready.order, ready.instrument, ready.sized.quantity)
    steps = ready.sized.steps
    try:
        found = ready.broker.preview(asked, now=clock.now())
    except BrokerRejected as error:
        return reject(ready.order, error.code, str(error), steps=steps, venue_code=error.venue_code)
    message = f"would be {found.status}: {found.message}"
    status = Order.Status.CANCELED
    return _finish(ready.order, status, "dry_run", message, steps=steps, venue_code=found.venue_code)


def reject(
    order: Order,
    code: str,
    message: str,
    *,
    steps: Iterable[Step] = (),
    venue_code: str = "",
    answer: answers.Answer | None = None,
) -> Order | None:
    """A dry run says what would have happened (X8); an exit of what is flat already, as was wanted, is no failure."""
    if order.mode == Order.Mode.DRY_RUN:
        said = f"would be REJECTED: {message}"
        return _finish(order, Order.Status.CANCELED, "dry_run", said, steps=steps, venue_code=venue_code)
    if code == Rejection.NOTHING_TO_REDUCE and order.intent == Order.Intent.CLOSE and attempts.is_needless(order):
        said = "something else has closed the position meanwhile"
        if order.code == orders.AFTER_DOUBT:
            said = "the entry that it was to close did not come about, or something else has closed it"
        status = Order.Status.CANCELED
        return _finish(order, status, "not_needed", said, steps=steps, venue_code=venue_code, answer=answer)
    return _finish(order, Order.Status.REJECTED, code, message, steps=steps, venue_code=venue_code, answer=answer)


def _finish(
    order: Order,
    status: str,
    code: str,
    message: str,
    *,
    steps: Iterable[Step] = (),
    venue_code: str = "",
    answer: answers.Answer | None = None,
) -> Order | None:
    """Ends an order that is not at the venue; None if another worker has moved it on meanwhile."""
    try:
        return apply.finish(
            order,
            status,
            now=clock.now(),
            code=code,
            message=message,
            steps=steps,
            venue_code=venue_code,
            answer=answer,
        )
    except Conflict:
        return None


def again(order: Order, error: BrokerError, *, answer: answers.Answer | None = None) -> Order | None:
    """Exits are tried until they are through; an entry gives up after a few tries (X6). A rate limit is no try."""
    now = clock.now()
    counts = error.code != claim.RATE_LIMITED
    if counts and order.intent == Order.Intent.OPEN and order.tries + 1 >= ENTRY_TRIES:
        message = f"given up after {order.tries + 1} tries: {error}"
        return reject(order, error.code, message, venue_code=error.venue_code, answer=answer)
    return apply.not_sent(
        order,
        now=now,
        message=str(error),
        due_at=_due(order, error, counts=counts, now=now),
        counts=counts,
        venue_code=error.venue_code,
        answer=answer,
    )


def _due(order: Order, error: BrokerError, *, counts: bool, now: datetime) -> datetime:
    asked = timedelta(seconds=error.retry_after) if isinstance(error, BrokerTemporary) else timedelta()
    return now + (max(orders.backoff(order.tries), asked) if counts else asked)
