"""What a comparison finds, applies and tells, and what it leaves alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.brokers.base import Cause
from relay.models import Message
from signals.models import (
    ExternalTrade,
    Fill,
    Order,
    Position,
    ReconciliationCursor,
    SymbolBlock,
    VenueDifference,
)
from signals.portfolio import blocked
from tests import factories
from tests.reconciliation import venue as venues
from tests.reconciliation.conftest import SWAP

ONE = Decimal(1)


def differences(account) -> list[tuple[str, str, str, str]]:
    rows = VenueDifference.objects.filter(account=account, resolved_at=None).order_by("id")
    return [(row.kind, row.symbol, row.ours, row.venue) for row in rows]


# First sight -------------------------------------------------------------------------------------------------------


def test_what_is_there_at_first_sight_is_external(desk, told):
    here = desk()
    here.venue.move(SWAP, venues.Side.SELL, Decimal("2.5"))
    found = here.compare()
    assert (found.problem, found.differences, found.cause) == ("", 0, "demand")
    assert here.external() == Decimal("-2.5")
    assert ReconciliationCursor.objects.get().baseline_at is not None
    assert told() == []


def test_at_first_sight_a_strategys_part_is_not_external(desk):
    here = desk()
    here.filled("buy", "1")
    here.venue.move(SWAP, venues.Side.BUY, Decimal(3))
    here.seen()
    assert (here.ours(), here.external()) == (ONE, Decimal(3))


def test_on_spot_a_currency_begins_when_a_strategy_first_holds_it(desk):
    here = desk(spot=True)
    here.venue.move("BTC/USDT", venues.Side.BUY, Decimal("0.7"))
    here.seen()
    assert here.external() == 0  # nobody's coins are nobody's business yet
    here.filled("buy", "1")
    here.seen()
    assert here.external() == Decimal("0.7")
    assert here.ours() + here.external() == here.venue.net("BTC/USDT")


def test_while_an_order_is_under_way_there_is_no_first_sight_of_its_symbol(desk):
    here = desk()
    row = here.order(status="UNKNOWN")
    here.venue.fill(row.client_order_id, at=here.now())
    here.venue.tells_ids = True
    here.venue.hidden.add(here.venue.trades[0].fill.trade_id)
    here.compare()
    assert ReconciliationCursor.objects.get().baseline_at is None
    assert here.external() == 0


# Trades ------------------------------------------------------------------------------------------------------------


def test_a_trade_of_ours_that_is_missing_here_is_applied_once(desk, told):
    here = desk()
    here.seen()
    row = here.order(status="OPEN")
    here.venue.fill(row.client_order_id, at=here.now())
    assert here.compare().trades == 1
    row.refresh_from_db()
    assert (row.status, row.filled_quantity) == ("FILLED", ONE)
    assert here.ours() == ONE
    assert here.compare().trades == 0
    assert Fill.objects.count() == 1
    assert ExternalTrade.objects.count() == 0
    assert told() == []


def test_a_venue_that_does_not_tell_our_ids_is_understood_by_its_own(desk):
    here = desk(tells_ids=False)
    here.seen()
    row = here.order(status="OPEN")
    Order.objects.filter(pk=row.pk).update(venue_order_id=here.venue.orders[row.client_order_id].report.venue_order_id)
    here.venue.fill(row.client_order_id, at=here.now())
    here.compare()
    row.refresh_from_db()
    assert (row.status, ExternalTrade.objects.count()) == ("FILLED", 0)


@pytest.mark.parametrize("status", ["SUBMITTED", "UNKNOWN"])
def test_a_nameless_trade_waits_for_an_order_that_could_have_made_it(desk, status):
    here = desk(tells_ids=False)
    here.seen()
    row = here.order(status=status)
    trade = here.venue.fill(row.client_order_id, at=here.now())
    found = here.compare()
    assert (found.trades, ExternalTrade.objects.count(), Fill.objects.count()) == (0, 0, 0)
    assert here.read_until() <= trade.fill.at  # it is read again
    here.report(row)
    here.compare()
    assert (ExternalTrade.objects.count(), Fill.objects.count()) == (0, 1)
    assert here.ours() == ONE


def test_a_late_order_without_a_name_is_asked_after_before_its_trade_is_foreign(desk):
    here = desk(tells_ids=False)
    here.seen()
    row = here.order(status="EXPIRED", code="stale")  # a person said that it never arrived
    here.venue.fill(row.client_order_id, at=here.now())
    here.compare()
    row.refresh_from_db()
    assert (row.status, ExternalTrade.objects.count()) == ("FILLED", 0)
    assert here.ours() == ONE


def test_a_late_fill_after_a_cancel_counts(desk):
    here = desk()
    here.seen()
    row = here.order(status="CANCELED")
    here.venue.fill(row.client_order_id, Decimal("0.4"), at=here.now())
    here.venue.orders[row.client_order_id].report = venues.replace(
        here.venue.orders[row.client_order_id].report, status=venues.ReportStatus.CANCELED
    )
    here.compare()
    assert here.ours() == Decimal("0.4")
    assert differences(here.account) == []


def test_a_trade_that_the_venue_lists_late_is_found_within_the_overlap(desk):
    here = desk()
    here.seen()
    late = here.hand("buy", "1", at=here.now())
    here.venue.hidden.add(late.fill.trade_id)
    here.venue.held.clear()
    here.compare()
    here.venue.hidden.clear()
    here.venue.move(SWAP, venues.Side.BUY, ONE)
    here.compare()
    assert ExternalTrade.objects.get().trade_id == late.fill.trade_id
    assert here.external() == ONE


# Trades by hand ----------------------------------------------------------------------------------------------------


def test_a_trade_by_hand_is_external_and_leaves_the_strategy_alone(desk, told):
    here = desk()
    here.filled("buy", "2")
    here.seen()
    here.hand("sell", "0.5")
    here.compare()
    assert (here.ours(), here.external(), here.venue.net(SWAP)) == (Decimal(2), Decimal("-0.5"), Decimal("1.5"))
    assert told() == [("reconciliation.external", "warning")]
    assert differences(here.account) == []


def test_adopted_it_is_taken_off_the_one_strategy_that_holds_the_symbol(desk):
    here = desk()
    here.account.external_trades = "adopt"
    here.account.save()
    here.filled("buy", "2")
    here.seen()
    here.hand("sell", "3", fee=Decimal("0.3"))
    here.compare()
    trade = ExternalTrade.objects.get()
    assert (trade.booked, trade.order.origin, trade.order.code) == (Decimal(2), "exit", "hand")
    assert (here.ours(), here.external(), here.venue.net(SWAP)) == (0, Decimal(-1), Decimal(-1))
    fill = trade.order.fills.get()
    assert (fill.quantity, fill.fee, fill.fee_currency) == (Decimal(2), Decimal("0.2"), "USDT")
    assert differences(here.account) == []


def test_adopted_it_stays_external_where_two_strategies_hold_the_symbol(desk):
    here = desk()
    here.account.external_trades = "adopt"
    here.account.save()
    other = factories.strategy("other", accounts=[here.account])
    here.filled("buy", "1")
    here.filled("buy", "1", by=other)
    here.seen()
    here.hand("sell", "1")
    here.compare()
    assert (here.ours(), here.external()) == (Decimal(2), Decimal(-1))


def test_blocked_the_symbol_takes_no_entries_until_it_is_lifted(desk, told):
    here = desk()
    here.account.external_trades = "block"
    here.account.save()
    here.seen()
    here.hand("buy", "1")
    here.hand("buy", "1")
    here.compare()
    assert SymbolBlock.objects.count() == 1
    assert blocked.among([here.account.pk]) == {(here.account.pk, SWAP)}
    assert blocked.is_blocked(account=here.account.pk, symbol=SWAP)
    assert not blocked.is_blocked(account=here.account.pk, symbol="ETH/USDT:USDT")
    assert told() == [("reconciliation.external", "critical")] * 2


# What the venue does by itself -------------------------------------------------------------------------------------


def test_an_exit_attached_to_our_entry_lowers_its_strategys_position(desk, told):
    here = desk()
    other = factories.strategy("other", accounts=[here.account])
    entry = here.filled("buy", "2")
    here.filled("buy", "5", by=other)
    here.seen()
    for quantity in ("0.5", "1.5"):
        here.hand(
            "sell", quantity, cause=Cause.STOP_LOSS, parent=entry.client_order_id, venue_order_id="stop-1",
            price=Decimal(49000),
        )  # fmt: skip
    here.compare()
    [exit_order] = Order.objects.filter(origin="exit")
    assert (exit_order.strategy, exit_order.status, exit_order.code) == (here.strategy, "FILLED", "stop_loss")
    assert (exit_order.quantity, exit_order.filled_quantity) == (Decimal(2), Decimal(2))
    assert [fill.quantity for fill in exit_order.fills.order_by("id")] == [Decimal("0.5"), Decimal("1.5")]
    assert Position.objects.get(strategy=here.strategy).quantity == 0
    assert Position.objects.get(strategy=here.strategy).realised_pnl == Decimal(-2000)
    assert Position.objects.get(strategy=other).quantity == Decimal(5)
    assert (here.external(), differences(here.account)) == (0, [])
    assert told() == [("reconciliation.external", "info")] * 2


def test_a_stop_without_a_parent_is_put_to_the_strategy_that_alone_holds_the_symbol(desk):
    here = desk()
    here.filled("sell", "2", position_side="short")
    here.seen()
    here.hand("buy", "2", cause=Cause.STOP_LOSS)
    here.compare()
    assert (here.ours(), here.external()) == (0, 0)


def test_what_a_venue_trades_both_ways_under_one_id_is_an_exit_each_way(desk):
    here = desk()
    for side, back in (("sell", "buy"), ("buy", "sell")):
        here.filled(side, "2")
        here.seen()
        here.hand(back, "2", cause=Cause.STOP_LOSS, venue_order_id="algo-1")
        here.compare()
    assert (here.ours(), here.external(), differences(here.account)) == (0, 0, [])
    exits = Order.objects.filter(origin="exit").order_by("id")
    assert [(row.side, row.filled_quantity) for row in exits] == [("buy", Decimal(2)), ("sell", Decimal(2))]


def test_a_stop_without_a_parent_is_nobodys_where_somebody_else_holds_the_symbol_too(desk, told):
    here = desk()
    here.venue.move(SWAP, venues.Side.BUY, Decimal(3))
    here.filled("buy", "2")
    here.seen()
    here.hand("sell", "3", cause=Cause.STOP_LOSS)
    here.compare()
    assert (here.ours(), here.external()) == (Decimal(2), 0)
    assert told() == [("reconciliation.external", "critical")]


def test_a_liquidation_is_critical_and_takes_the_strategys_position(desk, told):
    here = desk()
    here.filled("buy", "2")
    here.seen()
    here.hand("sell", "2", cause=Cause.LIQUIDATION)
    here.compare()
    assert (here.ours(), here.external(), here.venue.net(SWAP)) == (0, 0, 0)
    assert told() == [("reconciliation.external", "critical")]


def test_funding_is_charged_to_who_holds_the_position(desk):
    here = desk()
    here.filled("buy", "2")
    here.seen()
    here.hand("buy", "0", cause=Cause.FUNDING, fee=Decimal("1.25"))
    here.hand("buy", "0", cause=Cause.FUNDING, fee=Decimal("-0.25"))
    here.compare()
    here.compare()
    assert Position.objects.get().funding == Decimal(1)
    assert (here.ours(), here.external()) == (Decimal(2), 0)
    assert ExternalTrade.objects.filter(cause="funding").count() == 2


def test_on_a_hedging_account_each_side_is_compared_by_itself(desk):
    here = desk(hedged=True)
    here.filled("buy", "2")
    here.filled("sell", "1", position_side="short")
    here.venue.move(SWAP, venues.Side.BUY, Decimal(3), position_side="long")
    here.seen()
    here.hand("buy", "0.5", position_side="short", cause=Cause.TAKE_PROFIT)
    here.hand("sell", "1", position_side="long")
    here.compare()
    sides = {row.side: row.quantity for row in here.account.external_positions.all()}
    assert sides == {"long": Decimal(2), "short": Decimal(0)}
    assert Position.objects.get(side="short").quantity == Decimal("0.5")
    assert differences(here.account) == []


def test_what_an_overtaken_exit_closes_of_somebody_else_is_external(desk, told):
    """The stop of a position was booked before the exit that was on its way: the venue took the rest elsewhere."""
    here = desk(hedged=True, tells_mode=True)
    here.venue.move(SWAP, venues.Side.BUY, Decimal(1), position_side="long")
    entry = here.filled("buy", "2")
    here.seen()
    way_out = here.order("sell", "1.5", intent="close")
    here.hand("sell", "1.5", position_side="long", cause=Cause.STOP_LOSS, parent=entry.client_order_id)
    here.compare()
    assert (here.ours(), here.external()) == (Decimal("0.5"), Decimal(1))

    here.venue.fill(way_out.client_order_id, at=here.now())
    here.report(way_out)
    assert (here.ours(), here.external()) == (Decimal(0), Decimal(0))
    assert {row.side: row.quantity for row in here.account.positions.all()} == {"long": Decimal(0)}
    here.compare()
    here.compare()
    assert differences(here.account) == []
    assert told("order.beyond") == [("order.beyond", "error")]
    text = Message.objects.get(event="order.beyond").title
    assert "closed 1 more than trend-okx-1 still held" in text


def test_where_long_and_short_are_one_it_opens_the_other_side(desk, told):
    here = desk(tells_mode=True)
    here.filled("buy", "2")
    here.seen()
    way_out = here.order("sell", "3", intent="close")
    here.venue.fill(way_out.client_order_id, at=here.now())
    here.report(way_out)
    here.compare()
    assert (here.ours(), here.external()) == (Decimal(-1), Decimal(0))
    assert differences(here.account) == []
    assert told("order.beyond") == []


# Differences -------------------------------------------------------------------------------------------------------
