"""Whatever happens in whatever order, and whenever a comparison is killed: Σ strategies + external = venue, exactly."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Q

from accounts.brokers.base import Cause
from signals.models import ExternalTrade, Fill, Order, ReconciliationCursor, VenueDifference
from signals.reconciliation import books
from signals.reconciliation.look import Key
from tests import factories
from tests.reconciliation.venue import LIVE, Side
from tradeops.core.money import ZERO

STEPS = 30


class Killed(BaseException):
    """A worker died: nothing catches it, and what its transaction had written is gone."""


class Killer:
    """Ends the process, as it were, before its n-th statement."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, execute, sql, params, many, context):
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.left -= 1
            if self.left < 0:
                raise Killed
        return execute(sql, params, many, context)


class Story:
    """One account, two strategies, and somebody who trades by hand."""

    def __init__(self, here, seed: int) -> None:
        self.here, self.random = here, random.Random(seed)
        self.strategies = [here.strategy, factories.strategy("second", accounts=[here.account])]
        self.kills = 0

    def go_on(self) -> None:
        self.random.choice(
            [self.entry, self.entry, self.exit, self.by_hand, self.stop, self.liquidation, self.answer, self.late,
             self.compare, self.compare, self.killed_comparison]
        )()  # fmt: skip

    def quantity(self) -> Decimal:
        return Decimal(self.random.randrange(1, 4000)) / 1000

    def side(self, position_side: str, *, opens: bool) -> str:
        return "buy" if (position_side == "long") == opens else "sell"

    def entry(self) -> None:
        """An order is sent and fills, in part or whole; whether the answer came is another matter."""
        position_side = "long" if self.here.venue.spot else self.random.choice(["long", "short"])
        self.order(self.side(position_side, opens=True), self.quantity(), position_side, "open")

    def exit(self) -> None:
        held = self.random.choice([*self.here.account.positions.filter(is_open=True), None])
        if held is None:
            return
        most = min(held.quantity, self.at_venue(held.side))
        if most > 0:
            self.order(
                self.side(held.side, opens=False), self.random.choice([most, most / 2]), held.side, "close",
                by=held.strategy,
            )  # fmt: skip

    def at_venue(self, side: str) -> Decimal:
        """What a reduce-only order may close there: a side never goes below nothing."""
        if self.here.venue.hedged:
            return abs(self.here.venue.held.get((self.here.symbol, side), ZERO))
        return Decimal(10**6)

    def order(self, side, quantity, position_side, intent, *, by=None) -> None:
        row = self.here.order(
            side,
            str(quantity),
            position_side=position_side,
            intent=intent,
            by=by or self.random.choice(self.strategies),
        )
        for share in self.random.choice([("1",), ("0.5",), ("0.5", "0.5"), ()]):
            self.fill(row, quantity * Decimal(share))
        if self.random.random() < 0.5:
            self.here.report(row)

    def fill(self, row: Order, quantity: Decimal) -> None:
        # A spot venue takes the fee of a buy in what was bought.
        in_base = self.here.venue.spot and row.side == "buy"
        self.here.venue.fill(row.client_order_id, quantity, at=self.here.now())
        trade = self.here.venue.trades[-1]
        if in_base:
            fee = quantity / 1000
            self.here.venue.held["BTC", ""] -= fee
            order = self.here.venue.orders[row.client_order_id]
            taxed = replace(trade.fill, fee=fee, fee_currency="BTC")
            self.here.venue.trades[-1] = replace(trade, fill=taxed)
            order.report = replace(order.report, fills=(*order.report.fills[:-1], taxed))

    def by_hand(self) -> None:
        side = self.random.choice(["buy", "sell"])
        quantity = self.quantity()
        if not self.here.venue.hedged:
            self.here.hand(side, str(quantity))
            return
        position_side = self.random.choice(["long", "short"])
        if side != self.side(position_side, opens=True):
            quantity = min(quantity, self.at_venue(position_side))
        if quantity:
            self.here.hand(side, str(quantity), position_side=position_side)

    def stop(self) -> None:
        """The venue fires what was attached to an entry, or what nobody knows the origin of."""
        entries = list(Order.objects.filter(intent="open"))
        entry = self.random.choice([*entries, None])
        side = entry.position_side if entry else "long"
        quantity = min(self.quantity(), self.at_venue(side))
        if quantity:
            self.here.hand(
                self.side(side, opens=False), str(quantity), position_side=side,
                cause=self.random.choice([Cause.STOP_LOSS, Cause.TAKE_PROFIT]),
                parent=entry.client_order_id if entry else "", venue_order_id=f"algo-{self.random.randrange(9)}",
            )  # fmt: skip

    def liquidation(self) -> None:
        side = self.random.choice(["long", "short"])
        quantity = min(self.quantity(), self.at_venue(side))
        if quantity:
            self.here.hand(self.side(side, opens=False), str(quantity), position_side=side, cause=Cause.LIQUIDATION)

    def answer(self) -> None:
        """A poll finds what became of an order."""
        row = self.random.choice([*self.here.account.orders.exclude(origin="exit"), None])
        if row is not None:
            self.here.report(row)

    def late(self) -> None:
        """An order that rests there trades on, even one that is ended here."""
        resting = [each for each in self.here.venue.orders.values() if each.report.status in LIVE]
        if resting:
            name = self.random.choice(resting).report.client_order_id
            row = Order.objects.get(client_order_id=name)
            if row.intent == "open" or not self.here.venue.hedged:
                self.fill(row, self.here.venue.orders[name].left)

    def compare(self) -> None:
        assert self.here.compare() is not None

    def killed_comparison(self) -> None:
        try:
            with connection.execute_wrapper(Killer(self.random.randrange(90))):
                self.here.compare()
        except Killed:
            self.kills += 1
        ReconciliationCursor.objects.update(lease_until=self.here.now() - timedelta(seconds=1))  # its process is gone

    def end(self) -> None:
        """Every order is asked after, and two comparisons later nothing is left to find."""
        for row in self.here.account.orders.exclude(origin="exit"):
            self.here.report(row)
        self.compare()
        self.compare()


@pytest.mark.parametrize("kind", ["one-way", "hedge", "spot", "nameless"])
@pytest.mark.parametrize(("seed", "policy"), [(0, "adopt"), (1, "ignore"), (2, "adopt"), (3, "block")])
def test_strategies_and_external_make_the_venues_position(desk, seed, policy, kind):
    here = desk(
        spot=kind == "spot", hedged=kind == "hedge", tells_ids=kind != "nameless", tells_mode=kind == "hedge"
    )  # fmt: skip
    here.account.external_trades = policy
    here.account.save()
    story = Story(here, seed * 1000 + len(kind) * 10 + len(policy))
    if seed % 2:
        here.venue.move(here.symbol, Side.BUY, Decimal("1.25"), position_side="long")  # there from the beginning
    if seed < 3:
        here.seen()
    _live(story)


@pytest.mark.parametrize(("seed", "seen"), [(10_000_005, True), (10_000_023, False)])
def test_exits_that_stops_have_overtaken_where_long_and_short_are_apart(desk, seed, seen):
    """Stories in which a fill closes more than its strategy still holds."""
    here = desk(hedged=True, tells_mode=True)
    here.account.external_trades = "block"
    here.account.save()
    story = Story(here, seed)
    here.venue.move(here.symbol, Side.BUY, Decimal("1.25"), position_side="long")
    if seen:
        here.seen()
    _live(story)


def _live(story: Story) -> None:
    here = story.here
    for _ in range(STEPS):
        story.go_on()
    story.end()
    assert list(VenueDifference.objects.filter(resolved_at=None).values("kind", "ours", "venue")) == []
    told = books.read(here.account, hedged=here.venue.hedged)
    for (symbol, side), held in here.venue.held.items():
        assert told.ours(Key(symbol, side)) == held
    for trade in here.venue.trades:
        parts = Q(trade_id=trade.fill.trade_id) | Q(trade_id__startswith=f"{trade.fill.trade_id}/")
        counted = sum((fill.quantity for fill in Fill.objects.filter(parts)), ZERO)
        for row in ExternalTrade.objects.filter(parts):
            counted += row.quantity - row.booked
        assert counted == trade.fill.quantity, trade
    assert Fill.objects.count() == Fill.objects.values("trade_id").distinct().count()


def test_a_comparison_killed_before_any_of_its_statements_is_done_by_the_next(desk):
    """Every third of its statements in turn, the same end."""
    here = desk()
    here.filled("buy", "2")
    here.seen()
    for times, number in enumerate(range(0, 300, 3), start=1):
        row = here.order("buy", "0.5", status="OPEN")
        here.venue.fill(row.client_order_id, at=here.now())
        here.hand("sell", "0.25")
        story = Story.__new__(Story)
        story.here, story.random, story.kills = here, random.Random(number), 0
        try:
            with connection.execute_wrapper(Killer(number)):
                here.compare()
        except Killed:
            story.kills = 1
        ReconciliationCursor.objects.update(lease_until=here.now() - timedelta(seconds=1))
        assert here.compare().problem == ""
        assert here.ours() + here.external() == here.venue.net(here.symbol)
        assert here.external() == Decimal("-0.25") * times
        if not story.kills:
            break
    else:
        pytest.fail("a comparison has more than 300 statements")
    assert number > 20
    assert VenueDifference.objects.count() == 0
