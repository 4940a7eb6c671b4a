"""Our books against the venue's ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from benchmarks.faults.execution.books import ENDED, SETTLED_SIGNALS, Books, Ours, Send, total

# As `signals.pipeline.blocking` says it; a program without Django cannot ask there.
SUPERSEDED = "the strategy's next signal on this symbol takes its place"
UNKNOWN_SECONDS = 30
DUST = Decimal("0.002")  # a spot entry's fee is taken of what it buys, 0.1 %, and cannot be sold again


@dataclass(frozen=True)
class Accepted:
    """An order that the venue has taken, by its own ledger; base units, signed what it moved."""

    account: str
    client_order_id: str
    symbol: str
    side: str
    filled: Decimal


@dataclass(frozen=True)
class Ledger:
    """`held` by (account, symbol), signed base units, as the venue itself counts it."""

    orders: list[Accepted]
    held: dict[tuple[str, str], Decimal]
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass
class Verdict:
    """What is wrong, by kind, each named; nothing is left out. `counts` is what there was."""

    wrong: dict[str, list[str]]
    counts: dict[str, int]
    longest: float  # seconds of doubt
    over: int  # doubts that lasted longer than 30 s, all of them frozen and alerted unless named in `wrong`

    @property
    def holds(self) -> bool:
        return not any(self.wrong.values())


def compare(books: Books, ledger: Ledger, *, acknowledged: Iterable[str], per_signal: int, now: datetime) -> Verdict:
    """`acknowledged` are the ids of signals that senders were promised; each is decided on `per_signal` accounts."""
    wrong: dict[str, list[str]] = {
        "undecided": _undecided(books, set(acknowledged), per_signal),
        "without an order": [key for key, count in books.approved.items() if books.per_decision.get(key, 0) != count],
        "unsettled": [f"{one.client_order_id} {one.status}" for one in books.orders if one.status not in ENDED],
        **_orders(books, ledger),
        "position": _positions(books, ledger),
        "silent doubt": [
            str(send)
            for send in books.sends
            if send.seconds(now) > UNKNOWN_SECONDS and not (send.unknown and send.told)
        ],
        "sent while frozen": _sent_while_frozen(books.sends),
    }
    lasted = [send.seconds(now) for send in books.sends]
    statuses = Counter(order.status for order in books.orders)
    return Verdict(
        wrong=wrong,
        counts={
            "signals": len(books.signals),
            "orders": len(books.orders),
            "filled": statuses["FILLED"],
            "refused": statuses["REJECTED"],
            "replaced": len(replaced(books.orders)),
            "unneeded": len(unneeded(books.orders)),
            "at the venue": len(ledger.orders),
            "sends": len(books.sends),
            "unknown": sum(send.unknown for send in books.sends),
        },
        longest=max(lasted, default=0.0),
        over=sum(seconds > UNKNOWN_SECONDS for seconds in lasted),
    )


def _undecided(books: Books, acknowledged: set[str], per_signal: int) -> list[str]:
    lost = sorted(acknowledged - books.signals.keys())
    open_ = [f"{key} {status}" for key, status in books.signals.items() if status not in SETTLED_SIGNALS[:3]]
    short = [f"{key} {books.decisions.get(key, 0)}" for key in books.signals if books.decisions.get(key) != per_signal]
    return [*lost, *open_, *short]


def _orders(books: Books, ledger: Ledger) -> dict[str, list[str]]:
    taken = Counter((order.account, order.client_order_id) for order in ledger.orders)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for one in ledger.orders:
        filled[one.client_order_id] += one.filled
    ours = {(order.account, order.client_order_id): order for order in books.orders}
    unsent = {order.client_order_id for order in (*replaced(books.orders), *unneeded(books.orders))}
    found: dict[str, list[str]] = {"doubled": [], "strange": [], "missing": [], "amount": []}
    for key, times in taken.items():
        if times > 1:
            found["doubled"].append(f"{key[1]} on {key[0]}: {times} times")
        if key not in ours:
            found["strange"].append(f"{key[1]} on {key[0]}: the venue has it and we do not")
    for key, order in ours.items():
        there, booked = filled[order.client_order_id], books.per_order.get(order.client_order_id, Decimal(0))
        if not taken[key] and not _rightly_refused(order.intent, order.status) and key[1] not in unsent:
            found["missing"].append(f"{order.client_order_id} on {order.account}: {order.status} {order.code}")
        if not there == booked == order.filled or (order.status == "FILLED" and not _whole(order, there)):
            amounts = f"{there} at the venue, {booked} in fills, {order.filled} of {order.sent} in the order"
            found["amount"].append(f"{order.client_order_id} on {order.account} {order.status}: {amounts}")
    return found


def _whole(order: Ours, there: Decimal) -> bool:
    """An exit on spot sells what is free, which an earlier one may have made less."""
    return there == order.sent or (order.intent == "close" and 0 < there < order.sent)


def _rightly_refused(intent: str, status: str) -> bool:
    """An exit may find nothing to reduce: an earlier one, of which nobody had heard back yet, had done it all."""
    return intent == "close" and status == "REJECTED"


def replaced(orders: Sequence[Ours]) -> list[Ours]:
    """Entries that had to wait (a rate limit, a doubt) and ended unsent because the next signal took their place (X2).

    The words are not believed alone: of `orders`, in the order of their making, a later one must be there.
    """
    last = {(order.account, order.symbol): number for number, order in enumerate(orders)}
    return [
        order
        for number, order in enumerate(orders)
        if _says_that_it_was_replaced(order) and number < last[order.account, order.symbol]
    ]


def unneeded(orders: Sequence[Ours]) -> list[Ours]:
    """Exits that the venue never took, because it never had the entry, or another exit was first (D3).

    The words are not believed alone: of what had been opened in its lane when it ended, all must have been closed.
    """
    opened: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    closed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    found = []
    for order in sorted(orders, key=lambda one: one.finished):
        lane = order.account, order.symbol
        if _says_that_it_was_not_needed(order) and opened[lane] - closed[lane] <= opened[lane] * DUST:
            found.append(order)
        (opened if order.intent == "open" else closed)[lane] += order.filled
    return found


def _says_that_it_was_not_needed(order: Ours) -> bool:
    return (order.intent, order.status, order.code, order.filled) == ("close", "CANCELED", "not_needed", Decimal(0))


def _says_that_it_was_replaced(order: Ours) -> bool:
    ended = (order.intent, order.status, order.code, order.filled) == ("open", "CANCELED", "canceled", Decimal(0))
    return ended and order.message == SUPERSEDED


def _positions(books: Books, ledger: Ledger) -> list[str]:
    keys = books.fills.keys() | books.held.keys() | ledger.held.keys()
    nothing = Decimal(0)
    sums = {
        key: (books.fills.get(key, nothing), books.held.get(key, nothing), ledger.held.get(key, nothing))
        for key in sorted(keys)
    }
    return [
        f"{account} {symbol}: {fills} by fills, {held} held, {venue} at the venue"
        for (account, symbol), (fills, held, venue) in sums.items()
        if not fills == held == venue
    ]


def _sent_while_frozen(sends: Iterable[Send]) -> list[str]:
    """Entries that were sent on an account and symbol while the outcome of another send there was not known."""
    lanes: dict[tuple[str, str], list[Send]] = defaultdict(list)
    for send in sends:
        lanes[send.account, send.symbol].append(send)
    found = []
    for (account, symbol), lane in lanes.items():
        under_way: list[Send] = []
        for send in sorted(lane, key=lambda one: one.first):
            under_way = [one for one in under_way if one.last is None or one.last > send.first]
            if under_way and send.intent == "open":
                others = ", ".join(one.client_order_id for one in under_way)
                found.append(f"{send.client_order_id} on {account} {symbol} while {others} was in doubt")
            under_way.append(send)
    return found


def held(fills: Iterable[tuple[str, str, Decimal]]) -> dict[tuple[str, str], Decimal]:
    """(account, symbol) → the sum of signed amounts."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for account, symbol, amount in fills:
        found[account, symbol].append(amount)
    return {key: total(values) for key, values in found.items()}
