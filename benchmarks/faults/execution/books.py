"""What our side has written down: read by SQL from outside, as it is committed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from benchmarks import databases

SETTLED_SIGNALS = ("APPROVED", "REJECTED", "PARTIAL", "EXPIRED", "FAILED")
ENDED = ("FILLED", "REJECTED", "CANCELED", "EXPIRED")
# A step that says what became of an order that was under way.
_OUTCOMES = {"filled", "open", "partially_filled", "canceled", "rejected", "expired", "not_sent"}


@dataclass(frozen=True)
class Ours:
    """An order as we have it; quantities in base units, `finished` in seconds since the epoch once it is final."""

    client_order_id: str
    account: str
    symbol: str
    side: str
    intent: str
    status: str
    code: str
    filled: Decimal
    sent: Decimal
    message: str = ""
    finished: float = 0.0


@dataclass(frozen=True)
class Send:
    """An order under way: from its send to the moment that its outcome was known; `end` None: it still is not.

    `first` and `last` are numbers of steps, which tell the order of things exactly; times do not.
    """

    client_order_id: str
    account: str
    symbol: str
    intent: str
    first: int
    last: int | None
    begin: datetime  # when it was sent, or when it was seen that nobody knows
    end: datetime | None
    unknown: bool  # nobody knew, and it was frozen
    told: bool  # a critical event said so

    def seconds(self, now: datetime) -> float:
        return ((self.end or now) - self.begin).total_seconds()


@dataclass(frozen=True)
class Books:
    """`fills` and `held` are by (account, symbol), signed base units: what the orders' fills add up to less the fees
    that were taken of it, and what the strategies' positions say. `entries` are sends of entries: (account, symbol,
    at, client order id)."""

    signals: dict[str, str]  # public id → status
    decisions: dict[str, int]  # public id → decisions on accounts
    approved: dict[str, int]  # public id → approved ones
    outcomes: dict[str, int]  # reason of a rejected decision → how many
    orders: list[Ours]
    per_decision: dict[str, int]  # public id → orders
    fills: dict[tuple[str, str], Decimal]
    per_order: dict[str, Decimal]  # client order id → filled by its fills
    held: dict[tuple[str, str], Decimal]
    sends: list[Send]


@dataclass(frozen=True)
class Progress:
    signals: int
    undecided: int
    orders: int
    unsettled: int
    unknown: int


def progress(url: str) -> Progress:
    unsettled = "status IN ('PENDING', 'SUBMITTED', 'UNKNOWN', 'OPEN', 'PARTIALLY_FILLED')"
    [row] = databases.read(
        url,
        "SELECT (SELECT count(*) FROM signals_signal),"
        " (SELECT count(*) FROM signals_signal WHERE status IN ('RECEIVED', 'PROCESSING')),"
        " (SELECT count(*) FROM signals_order),"
        f" (SELECT count(*) FROM signals_order WHERE {unsettled}),"
        " (SELECT count(*) FROM signals_order WHERE status = 'UNKNOWN')",
    )
    return Progress(*map(int, row))


def resting(url: str) -> int:
    """Orders that rest at the venue and that nobody wants back."""
    where = "status IN ('OPEN', 'PARTIALLY_FILLED') AND cancel_asked_at IS NULL"
    [(count,)] = databases.read(url, f"SELECT count(*) FROM signals_order WHERE {where}")
    return int(count)


def read(url: str) -> Books:
    orders = _orders(url)
    decided = _pairs(url, "SELECT s.public_id, count(*) {decisions} GROUP BY 1")
    fills, per_order = _fills(url)
    return Books(
        signals=dict(databases.read(url, "SELECT public_id, status FROM signals_signal")),
        decisions=decided,
        approved=_pairs(url, "SELECT s.public_id, count(*) {decisions} AND d.outcome = 'APPROVED' GROUP BY 1"),
        outcomes=_pairs(url, "SELECT d.reason, count(*) {decisions} AND d.outcome = 'REJECTED' GROUP BY 1"),
        orders=orders,
        per_decision=_pairs(
            url,
            "SELECT s.public_id, count(DISTINCT o.decision_id) FROM signals_order o"
            " JOIN signals_signal s ON s.id = o.signal_id GROUP BY 1",
        ),
        fills=fills,
        per_order=per_order,
        held=_held(url),
        sends=_sends(url, {order.client_order_id: order for order in orders}),
    )


def _pairs(url: str, query: str) -> dict[str, int]:
    decisions = "FROM signals_decision d JOIN signals_signal s ON s.id = d.signal_id WHERE d.account_id IS NOT NULL"
    return {key: int(count) for key, count in databases.read(url, query.format(decisions=decisions))}


def _orders(url: str) -> list[Ours]:
    rows = databases.read(
        url,
        "SELECT o.client_order_id, a.slug, o.symbol, o.side, o.intent, o.status, o.code, o.filled_quantity,"
        " o.sent_quantity, o.message, o.finished_at FROM signals_order o"
        " JOIN accounts_account a ON a.id = o.account_id ORDER BY o.id",
    )
    return [Ours(*row[:7], _decimal(row[7]), _decimal(row[8]), row[9], _finished(row[10])) for row in rows]


def _finished(at: Any) -> float:
    return databases.moment(at) if at else 0.0


def _fills(url: str) -> tuple[dict[tuple[str, str], Decimal], dict[str, Decimal]]:
    rows = databases.read(
        url,
        "SELECT a.slug, f.symbol, o.client_order_id, f.side, f.quantity, f.fee, f.fee_currency FROM signals_fill f"
        " JOIN accounts_account a ON a.id = f.account_id JOIN signals_order o ON o.id = f.order_id",
    )
    net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    per_order: dict[str, Decimal] = defaultdict(Decimal)
    for account, symbol, client_order_id, side, quantity, fee, currency in rows:
        amount = _decimal(quantity)
        per_order[client_order_id] += amount
        net[account, symbol] += amount if side == "buy" else -amount
        if currency == symbol.partition("/")[0]:
            net[account, symbol] -= _decimal(fee)
    return dict(net), dict(per_order)


def _held(url: str) -> dict[tuple[str, str], Decimal]:
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = databases.read(
        url,
        "SELECT a.slug, p.symbol, p.side, p.quantity FROM signals_position p"
        " JOIN accounts_account a ON a.id = p.account_id",
    )
    for account, symbol, side, quantity in rows:
        held[account, symbol] += _decimal(quantity) if side == "long" else -_decimal(quantity)
    return dict(held)


def _sends(url: str, orders: dict[str, Ours]) -> list[Send]:
    alerts = _alerts(url)
    found: list[Send] = []
    for client_order_id, steps in _steps(url).items():
        order = orders[client_order_id]
        open_: dict[str, Any] | None = None
        for number, step, at in steps:
            if step == "sent":
                open_ = {"first": number, "begin": at, "unknown": False}
            elif open_ is not None and step == "unknown" and not open_["unknown"]:
                open_ |= {"unknown": True, "begin": at}
            elif open_ is not None and step in _OUTCOMES:
                found.append(_send(order, {**open_, "last": number, "end": at}, alerts))
                open_ = None
        if open_ is not None:
            found.append(_send(order, {**open_, "last": None, "end": None}, alerts))
    return found


def _send(order: Ours, fields: dict[str, Any], alerts: dict[str, list[datetime]]) -> Send:
    begin, end = fields["begin"], fields["end"]
    told = any(begin <= at and (end is None or at <= end) for at in alerts.get(order.client_order_id, ()))
    return Send(order.client_order_id, order.account, order.symbol, order.intent, told=told, **fields)


def _steps(url: str) -> dict[str, list[tuple[int, str, datetime]]]:
    found: dict[str, list[tuple[int, str, datetime]]] = defaultdict(list)
    rows = databases.read(
        url,
        "SELECT o.client_order_id, s.id, s.step, s.at FROM signals_orderstep s"
        " JOIN signals_order o ON o.id = s.order_id ORDER BY s.id",
    )
    for client_order_id, number, step, at in rows:
        found[client_order_id].append((number, step, _time(at)))
    return found


def _alerts(url: str) -> dict[str, list[datetime]]:
    """When a critical event said of an order that nobody knows what became of it."""
    found: dict[str, list[datetime]] = defaultdict(list)
    rows = databases.read(
        url,
        "SELECT body, created_at FROM relay_message WHERE level = 'critical' AND event LIKE 'order.%'",
    )
    for body, at in rows:
        fields = json.loads(body) if isinstance(body, str) else body
        found[str(fields.get("client_order_id", ""))].append(_time(at))
    return found


def _decimal(value: Any) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))
