"""What the venue forces on a symbol that several strategies hold: each bears it by what it holds, to the last digit."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts.brokers.base import Cause
from signals.models import ExternalTrade, Fill, Order, Position, ReconciliationCursor, VenueDifference
from signals.reconciliation import parts
from tests import factories
from tests.reconciliation.conftest import SWAP
from tests.reconciliation.test_sums import Killed, Killer

D = Decimal
LOT = D("0.001")


def divided(quantity, *held, lot=LOT):
    return parts.divided(D(quantity), [D(each) for each in held], lot=lot)


class TestDivided:
    @pytest.mark.parametrize(
        ("quantity", "held", "found"),
        [
            ("3", ("1", "2"), ["1", "2"]),  # all of it
            ("5", ("1", "2"), ["1", "2"]),  # never more than is held
            ("1.5", ("1", "2"), ["0.5", "1"]),
            ("1", ("1", "1", "1"), ["0.334", "0.333", "0.333"]),  # equal remainders: the first
            ("0.002", ("1", "1", "1"), ["0.001", "0.001", "0"]),
            ("0.001", ("1", "2"), ["0", "0.001"]),
            ("1", ("0.0004", "2"), ["0", "1"]),  # dust has no lot to give
        ],
    )
    def test_by_lots(self, quantity, held, found):
        assert divided(quantity, *held) == [D(part) for part in found]

    def test_it_is_the_whole_whatever_is_held_and_nobody_gives_more_than_that(self):
        chance = random.Random(7)
        for _ in range(500):
            held = [D(chance.randrange(1, 10**6)) / 10 ** chance.randrange(0, 9) for _ in range(chance.randrange(2, 7))]
            lot = chance.choice([D(0), D("0.001"), D(1), D("0.00000001")])
            quantity = D(chance.randrange(1, 10**6)) / 10 ** chance.randrange(0, 9)
            found = parts.divided(quantity, held, lot=lot)
            assert sum(found) == min(quantity, sum(held))
            assert all(0 <= part <= each for part, each in zip(found, held, strict=True))

    def test_names(self):
        assert parts.names("t1") == ("t1", "t1/1")
        assert [parts.whole(name) for name in ("t1", "t1/2", "a/b", "a/b/12")] == ["t1", "t1", "a/b", "a/b"]


@pytest.fixture
def held(desk):
    """Two strategies, 2 and 1 of the same symbol, and what the venue has seen."""
    here = desk()
    here.other = factories.strategy("other", accounts=[here.account])
    here.filled("buy", "2")
    here.filled("buy", "1", by=here.other)
    here.seen()
    return here


def quantities():
    return {row.strategy.slug: row.quantity for row in Position.objects.select_related("strategy")}


def own(here):
    return here.strategy.slug


@pytest.mark.parametrize("cause", [Cause.LIQUIDATION, Cause.VENUE])
def test_it_is_each_strategys_by_what_it_holds(held, told, cause):
    held.hand("sell", "1", cause=cause, fee=D("0.1"), price=D(40000), venue_order_id="liq-9")
    assert held.compare().differences == 0
    assert quantities() == {own(held): D("1.333"), "other": D("0.667")}
    assert (held.external(), held.ours(), held.venue.net(SWAP)) == (0, D(2), D(2))
    first, second = ExternalTrade.objects.order_by("id").select_related("order__strategy")
    assert [(row.trade_id[-2:], row.quantity, row.booked, row.order.strategy.slug) for row in (first, second)] == [
        ("/1", D("0.667"), D("0.667"), own(held)),
        ("/2", D("0.333"), D("0.333"), "other"),
    ]
    assert first.fee + second.fee == D("0.1")
    exits = Order.objects.filter(origin="exit").order_by("id")
    assert [(row.status, row.code, row.filled_quantity) for row in exits] == [
        ("FILLED", str(cause), D("0.667")), ("FILLED", str(cause), D("0.333")),
    ]  # fmt: skip
    assert [row.realised_pnl for row in Position.objects.order_by("id")] == [D(-6670), D(-3330)]
    assert told() == [("reconciliation.external", "critical")] * 2


def test_it_counts_once_and_its_next_trade_goes_to_the_same_orders(held):
    held.hand("sell", "1", cause=Cause.LIQUIDATION, venue_order_id="liq-9")
    held.compare()
    assert held.compare().trades == 0
    held.hand("sell", "2", cause=Cause.LIQUIDATION, venue_order_id="liq-9")
    assert held.compare().differences == 0
    assert quantities() == {own(held): 0, "other": 0}
    assert [row.filled_quantity for row in Order.objects.filter(origin="exit").order_by("id")] == [D(2), D(1)]
    assert (ExternalTrade.objects.count(), Fill.objects.filter(side="sell").count()) == (4, 4)
    assert not VenueDifference.objects.exists()


def test_what_it_took_beyond_them_is_external(held):
    held.hand("buy", "0.5")
    held.compare()
    held.hand("sell", "3.5", cause=Cause.LIQUIDATION, fee=D("0.7"))
    assert held.compare().differences == 0
    assert quantities() == {own(held): 0, "other": 0}
    assert (held.external(), held.venue.net(SWAP)) == (0, 0)
    rows = ExternalTrade.objects.filter(cause="liquidation").order_by("id")
    assert [(row.quantity, row.booked, row.fee, row.order is None) for row in rows] == [
        (D(2), D(2), D("0.4"), False), (D(1), D(1), D("0.2"), False), (D("0.5"), D(0), D("0.1"), True),
    ]  # fmt: skip


def test_a_persons_trade_is_nobodys_where_two_hold_the_symbol(held):
    held.account.external_trades = "adopt"
    held.account.save()
    held.hand("sell", "1")
    held.compare()
    assert (quantities(), held.external()) == ({own(held): D(2), "other": D(1)}, D(-1))


def test_killed_before_any_of_its_statements_it_is_booked_once(desk):
    here = desk()
    here.other = factories.strategy("other", accounts=[here.account])
    here.filled("buy", "200")
    here.filled("buy", "100", by=here.other)
    here.seen()
    for times, number in enumerate(range(0, 400, 4), start=1):
        here.hand("sell", "0.75", cause=Cause.LIQUIDATION, fee=D("0.003"))
        killed = False
        try:
            with connection.execute_wrapper(Killer(number)):
                here.compare()
        except Killed:
            killed = True
        ReconciliationCursor.objects.update(lease_until=here.now() - timedelta(seconds=1))
        assert here.compare().problem == ""
        assert here.ours() == here.venue.net(here.symbol) == 300 - D("0.75") * times
        assert here.external() == 0
        assert sum(Fill.objects.filter(side="sell").values_list("quantity", flat=True)) == D("0.75") * times
        if not killed:
            break
    else:
        pytest.fail("a comparison has more than 400 statements")
    assert number > 40
    assert not VenueDifference.objects.exists()
