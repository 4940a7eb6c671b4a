"""Which orders may be sent now, and the transaction that claims one send.

Within one account, orders of one symbol go one at a time, exits first; an order in an unknown state holds back
entries of its account and symbol, never exits (X5, X6).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from accounts.brokers.base import BrokerTemporary
from accounts.models import Account
from signals.models import Order
from signals.portfolio import blocked
from signals.risk import maintenance, switch
from signals.risk.switch import Switches
from tradeops.core import holder, rows
from tradeops.core.together import Together

from . import apply, orders
from .lifecycle import UNSETTLED_IS
from .orders import Step

# The venue is told to refuse the order after this; the lease outlasts it, so that nobody asks too early.
SEND_SECONDS = 5
LEASE_SECONDS = 12
A_MOMENT = timedelta(seconds=1)
NOT_ARMED = "not_armed"
# The code of a place under a rate limit that was not free in time, ours or the venue's own.
RATE_LIMITED = "rate_limited"


@dataclass(frozen=True)
class _Waiting:
    """As much of an order that is not settled as says whose turn it is: most of them are not even loaded."""

    id: int
    account_id: int
    symbol: str
    status: str
    intent: str
    due_at: datetime
    expires_at: datetime
    code: str


_WAITING = tuple(field.name for field in fields(_Waiting))
MOST_UNSETTLED = 2000


def sendable(*, now: datetime, limit: int = 50, taken: Container[int] = ()) -> list[Order]:
    """PENDING orders that are due and first in their lane (account, symbol), exits before entries.

    Those that are `taken` are being worked on. Their lanes wait for them, but they are none of the `limit`, which a
    venue that does not answer would fill with its own (X5).

    Among them are entries that have become too old behind an order in doubt: `claim` ends them.
    """
    where = f"{UNSETTLED_IS} ORDER BY id LIMIT {MOST_UNSETTLED}"
    unsettled = [_Waiting(*row) for row in rows.select(Order, *_WAITING, where=where)]
    busy = {_lane(row) for row in unsettled if row.status == Order.Status.SUBMITTED}
    frozen = {_lane(row) for row in unsettled if row.status == Order.Status.UNKNOWN}
    heads: dict[tuple[int, str], _Waiting] = {}
    for row in unsettled:
        lane = _lane(row)
        if row.status != Order.Status.PENDING or lane in busy or (lane in frozen and row.code == orders.AFTER_DOUBT):
            continue
        if lane not in heads or _goes_before(row, heads[lane], now=now):
            heads[lane] = row
    found = [
        row
        for lane, row in heads.items()
        if row.due_at <= now and row.id not in taken and (_is_exit(row) or lane not in frozen or row.expires_at < now)
    ]
    return loaded([row.id for row in sorted(found, key=lambda row: not _is_exit(row))[:limit]])


def loaded(keys: Sequence[int]) -> list[Order]:
    """These orders with what sending them needs to know, in this order."""
    if not keys:
        return []
    found = Order.objects.select_related("account", "strategy", "signal").in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _lane(order: Order | _Waiting) -> tuple[int, str]:
    return order.account_id, order.symbol


def _goes_before(row: _Waiting, head: _Waiting, *, now: datetime) -> bool:
    """An exit before an entry; of exits one that is due before one that waits for its next try."""
    if not _is_exit(row):
        return False
    return not _is_exit(head) or row.due_at <= now < head.due_at


def _is_exit(order: Order | _Waiting) -> bool:
    return order.intent == Order.Intent.CLOSE


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A send that is to be claimed: `quantity` in base units and whole lots, and the steps that led to it."""

    order: Order
    quantity: Decimal
    steps: tuple[Step, ...]
    now: datetime


def claim(order: Order, *, quantity: Decimal, steps: Iterable[Step], now: datetime) -> Order | None:
    """PENDING → SUBMITTED for exactly one caller, or None.

    The kill switch, the account's freeze and the age are read here, in the transaction that claims the send, never
    from a cache (D5).
    Claims of the same moment are made by one transaction.
    """
    return _claims.write(Asked(order=order, quantity=quantity, steps=tuple(steps), now=now))


def claim_all(asked: Sequence[Asked]) -> list[Order | None]:
    """Claims in the caller's transaction. Locks in this order: the lanes' orders, what the answers change.

    The answers are to be written in it too, and the claims with them: `apply.report_all` of what is `untouched`, or
    whoever hears that there is none, writes `orders.CLAIMED`.
    """
    if not asked:
        return []
    lanes, on, frozen = _lanes(asked), switch.read(), _frozen([one.order for one in asked])
    return [_claim(one, on, frozen, lanes.get(_lane(one.order), {})) for one in asked]


def _claim_and_write(asked: Sequence[Asked]) -> list[Order | None]:
    claimed = claim_all(asked)
    rows.update_each([order for order in claimed if order is not None], *orders.CLAIMED)
    return claimed


_claims: Together[Asked, Order | None] = Together(_claim_and_write)


def _claim(asked: Asked, on: Switches, frozen: dict[int, str], lane: dict[int, tuple[str, datetime]]) -> Order | None:
    order, now = asked.order, asked.now
    others = _others(order, lane, now=now)
    if others is None:
        return None
    if _is_exit(order) and (end := maintenance.of_order(order, now=now)) is not None:
        # It goes when the maintenance is over (D7), and not before somebody ends it.
        order.due_at, order.code = end, order.code or maintenance.HELD
        rows.update(order, "due_at", "code")
        orders.record(order, [("held", f"for the maintenance, until {end:%Y-%m-%d %H:%M} UTC")], at=now)
        return None
    refusal = _refusal(order, on, frozen, now=now)
    if refusal is not None:
        status, code, message = refusal
        apply.finish(order, status, now=now, code=code, message=message)
        return None
    if Order.Status.UNKNOWN in others and (not _is_exit(order) or order.code == orders.AFTER_DOUBT):
        return None
    order.status = Order.Status.SUBMITTED
    order.code = "" if order.code == maintenance.HELD else order.code
    order.claim_token = order.sender_token = holder.of_this_process().token()
    order.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    order.send_expires_at = now + timedelta(seconds=SEND_SECONDS)
    order.sent_at = now
    order.sent_quantity = asked.quantity
    lane[order.pk] = order.status, order.due_at
    orders.record(order, [*asked.steps, ("sent", f"to {order.account.broker}")], at=now)
    return order


def is_lane_in_doubt(order: Order) -> bool:
    where = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND status = 'UNKNOWN' AND account_id = %s AND symbol = %s"
    return bool(rows.select(Order, "id", where=where, params=[order.account_id, order.symbol]))


def is_new(order: Order, *, now: datetime) -> bool:
    """Whether it was claimed a moment ago. Then nobody has taken it over: neither is the lease over, by any clock that
    is not ten seconds off, nor the holder dead. A worker that was held up since then has to ask whether it is ours.
    """
    return order.sent_at is not None and timedelta() <= now - order.sent_at < A_MOMENT


def is_ours(order: Order) -> bool:
    """Whether the claim still holds: asked as late as it can be without a lock; the broker looks at the time again."""
    found = rows.select(
        Order, "id", where="id = %s AND status = 'SUBMITTED' AND claim_token = %s", params=[order.pk, order.claim_token]
    )
    return bool(found)


def _lanes(asked: Sequence[Asked]) -> dict[tuple[int, str], dict[int, tuple[str, datetime]]]:
    """What is unsettled in the lanes of these orders: status and due time by the orders' keys.

    Locks it: two workers never send side by side in one lane, and what is taken back in this very moment is not sent.
    """
    accounts, symbols = sorted({one.order.account_id for one in asked}), sorted({one.order.symbol for one in asked})
    where = (
        f"status IN ('PENDING', 'SUBMITTED', 'UNKNOWN') AND account_id IN ({', '.join(['%s'] * len(accounts))})"
        f" AND symbol IN ({', '.join(['%s'] * len(symbols))})"
    )
    found: dict[tuple[int, str], dict[int, tuple[str, datetime]]] = {}
    for pk, account, symbol, status, due_at in rows.select(
        Order, "id", "account_id", "symbol", "status", "due_at", where=where, params=[*accounts, *symbols], lock=True
    ):
        found.setdefault((account, symbol), {})[pk] = status, due_at
    return found


def _others(order: Order, lane: dict[int, tuple[str, datetime]], *, now: datetime) -> set[str] | None:
    """The unsettled states of its lane, if it is PENDING and due, and nothing of the lane is under way; else None."""
    status, due_at = lane.get(order.pk, (None, now))
    others = {status for pk, (status, _) in lane.items() if pk != order.pk}
    if status != Order.Status.PENDING or due_at > now or Order.Status.SUBMITTED in others:
        return None
    return others


def _frozen(found: Iterable[Order]) -> dict[int, str]:
    """Why the accounts of those of these orders that are entries are frozen, by their keys: as it is now, since an
    order may have waited for long with the account that it was loaded with."""
    accounts = sorted({order.account_id for order in found if not _is_exit(order)})
    if not accounts:
        return {}
    where = f"id IN ({', '.join(['%s'] * len(accounts))}) AND frozen_reason <> ''"
    return dict(rows.select(Account, "id", "frozen_reason", where=where, params=accounts))


def check(order: Order) -> None:
    """What the claim has looked at, once more, where the send took longer than a look is good for: it waited for the
    venue's limit, its clock, a connection or a processor (D5). So a switch that is turned on, and a freeze, is obeyed
    within `last_look.FRESH_SECONDS`, however slow we are.

    Raises BrokerTemporary: it goes back, and the next claim says what becomes of it.
    """
    why = ""
    if not is_ours(order):
        why = "another worker has it now"
    elif not _is_exit(order) and switch.read().stopping(strategy=order.strategy.slug, account=order.account.slug):
        why = "the kill switch was turned on before it could be sent"
    elif _frozen([order]):
        why = f"{order.account.slug} was frozen before it could be sent"
    if why:
        raise BrokerTemporary(why, code=RATE_LIMITED, retry_after=0)


def is_armed(account: Account) -> bool:
    """Whether this installation may trade there (R5)."""
    return settings.TRADING == "live" or account.is_paper or account.sandbox


def why_not_armed(account: Account) -> str:
    return f"{account.slug} is a real account and TRADEOPS_TRADING is not live"


def _refusal(order: Order, switches: Switches, frozen: dict[int, str], *, now: datetime) -> tuple[str, str, str] | None:
    """Why this order must not be sent any more: (status, code, sentence); None = send it."""
    account = order.account
    if not is_armed(account):
        return Order.Status.REJECTED, NOT_ARMED, why_not_armed(account)
    if _is_exit(order):
        return None
    if account.pk in frozen:
        message = f"{account.slug} was frozen before the order could be sent: {frozen[account.pk]}"
        return Order.Status.CANCELED, "frozen", message
    if now > order.expires_at:
        return Order.Status.EXPIRED, "stale", "the signal became too old before the order could be sent"
    if maintenance.of_order(order, now=now) is not None:
        return Order.Status.CANCELED, "maintenance", "a maintenance began before the order could be sent"
    on = switches.stopping(strategy=order.strategy.slug, account=account.slug)
    if on:
        return Order.Status.CANCELED, "kill_switch", f"the kill switch is on ({', '.join(on)})"
    if account.external_trades == Account.ExternalTrades.BLOCK and blocked.is_blocked(
        account=account.pk, symbol=order.symbol
    ):
        return Order.Status.CANCELED, "blocked", f"a trade made by hand in {order.symbol} waits for a person's look"
    return None
