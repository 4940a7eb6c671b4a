"""What differs from the venue: told once, resolved when both agree; and runs that fail, overlap or are killed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from accounts.brokers.base import BrokerRejected
from signals.models import (
    ExternalTrade,
    Fill,
    Order,
    Reconciliation,
    ReconciliationCursor,
    VenueDifference,
)
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from tests.reconciliation import venue as venues
from tests.reconciliation.conftest import SWAP

ONE = Decimal(1)


def differences(account) -> list[tuple[str, str, str, str]]:
    rows = VenueDifference.objects.filter(account=account, resolved_at=None).order_by("id")
    return [(row.kind, row.symbol, row.ours, row.venue) for row in rows]


# First sight -------------------------------------------------------------------------------------------------------


def test_a_position_that_nothing_explains_is_one_difference_told_once(desk, told):
    here = desk()
    here.filled("buy", "2")
    here.seen()
    here.venue.move(SWAP, venues.Side.BUY, Decimal("0.1"))
    assert here.compare().differences == 1
    assert differences(here.account) == [("position", SWAP, "2", "2.1")]
    first = VenueDifference.objects.get()
    assert here.compare().differences == 1
    assert told() == [("reconciliation.difference", "critical")]
    here.venue.move(SWAP, venues.Side.BUY, Decimal("0.1"))
    here.compare()
    row = VenueDifference.objects.get()
    assert (row.venue, row.first_seen_at, row.last_seen_at > first.last_seen_at) == ("2.2", first.first_seen_at, True)
    assert told() == [("reconciliation.difference", "critical")]
    assert (here.ours(), here.external()) == (Decimal(2), 0)  # nothing was mended
    here.venue.move(SWAP, venues.Side.SELL, Decimal("0.2"))
    assert here.compare().differences == 0
    row.refresh_from_db()
    assert (row.resolution, row.resolved_at is not None) == ("both agree again", True)
    assert told()[1:] == [("reconciliation.agrees", "warning")]


def test_a_difference_that_is_gone_at_the_second_look_is_nobodys_business(desk, told):
    here = desk()
    here.seen()
    here.venue.move(SWAP, venues.Side.BUY, ONE)

    def mended(seconds: float) -> None:
        here.venue.held.clear()

    cursor.ask([here.account.pk], now=here.now())
    found = reconciliation.run(here.account, now=here.now(), pause=mended)
    assert (found.differences, VenueDifference.objects.count(), told()) == (0, 0, [])


def test_a_symbol_with_an_order_under_way_is_not_judged(desk):
    here = desk()
    here.seen()
    row = here.order(status="UNKNOWN")
    trade = here.venue.fill(row.client_order_id, at=here.now())
    here.venue.hidden.add(trade.fill.trade_id)
    assert here.compare().differences == 0
    assert VenueDifference.objects.count() == 0


def test_an_order_that_rests_here_and_was_cancelled_there_is_cancelled_here(desk):
    here = desk()
    here.seen()
    row = here.order(status="OPEN")
    here.venue.orders[row.client_order_id].report = venues.replace(
        here.venue.orders[row.client_order_id].report, status=venues.ReportStatus.CANCELED
    )
    here.compare()
    row.refresh_from_db()
    assert (row.status, differences(here.account)) == ("CANCELED", [])


def test_an_order_that_the_venue_does_not_know_is_a_difference_once_it_is_old_enough(desk):
    here = desk()
    here.seen()
    row = here.order(status="OPEN", at_venue=False)
    assert here.compare().differences == 0
    Order.objects.filter(pk=row.pk).update(sent_at=here.old())
    here.compare()
    assert differences(here.account) == [("order", SWAP, "OPEN", "not there")]


def test_an_order_that_ended_here_and_rests_there_is_told_of_and_cancelled_there(desk, told):
    here = desk()
    here.seen()
    row = here.order(status="CANCELED")
    assert here.compare().differences == 1
    assert differences(here.account) == [("order", SWAP, "CANCELED", "OPEN buy 1")]
    assert told() == [("reconciliation.difference", "critical")]
    assert here.venue.cancelled == [row.client_order_id]
    here.compare()
    assert differences(here.account) == []
    row.refresh_from_db()
    assert row.status == "CANCELED"


def test_a_late_order_that_was_put_back_is_adopted(desk):
    here = desk()
    here.seen()
    row = here.order(status="PENDING")
    here.compare()
    row.refresh_from_db()
    assert (row.status, differences(here.account)) == ("OPEN", [])
    assert here.venue.cancelled == []


def test_an_order_of_our_making_that_is_in_no_book_is_a_difference(desk):
    here = desk()
    here.seen()
    here.venue.place("a" * 32, SWAP, venues.Side.BUY, ONE)
    here.venue.place("by-hand-1", SWAP, venues.Side.BUY, ONE)
    here.compare()
    assert differences(here.account) == [("order", SWAP, "no such order", "OPEN buy 1")]


def test_a_fill_that_the_venue_does_not_list_is_a_difference_until_it_does(desk):
    here = desk()
    here.seen()
    row = here.filled("buy", "1")
    at = here.now() - timedelta(seconds=45)
    Fill.objects.update(at=at)
    here.venue.trades[0] = venues.replace(here.venue.trades[0], fill=venues.replace(row_fill(here), at=at))
    here.venue.hidden.add(here.venue.trades[0].fill.trade_id)
    here.compare()
    assert differences(here.account) == [("fill", SWAP, "1 at 50000", "not there")]
    ReconciliationCursor.objects.update(trades_until=here.now() + timedelta(minutes=10))
    here.compare()
    assert len(differences(here.account)) == 1  # not looked for any more is not found
    here.venue.hidden.clear()
    here.compare()
    assert differences(here.account) == []
    row.refresh_from_db()
    assert row.filled_quantity == ONE


def row_fill(here):
    return here.venue.trades[0].fill


# Failures, claims, repeats -----------------------------------------------------------------------------------------


def test_a_venue_that_does_not_answer_is_a_problem_told_once_and_tried_again_soon(desk, told):
    here = desk()
    here.seen()
    here.venue.down = venues.timeout()
    found = here.compare()
    assert found.problem == "the venue did not answer within 10 s"
    here.compare()
    assert told() == [("reconciliation.failed", "warning")]
    row = ReconciliationCursor.objects.get()
    assert (row.claim_token, row.lease_until) == ("", None)
    assert row.due_at - here.now() < cursor.AGAIN
    here.venue.down = None
    assert here.compare().problem == ""


def test_a_refused_key_is_a_problem_and_changes_nothing(desk):
    here = desk()
    here.filled("buy", "1")
    here.seen()
    here.venue.down = BrokerRejected("the key is not good", code="bad_key")
    here.compare()
    assert (here.ours(), here.external(), VenueDifference.objects.count()) == (ONE, 0, 0)


def test_two_never_compare_one_account_at_a_time(desk):
    here = desk()
    cursor.ask([here.account.pk], now=here.now())
    held = cursor.claim(here.account, now=here.now())
    assert held is not None
    assert reconciliation.run(here.account, now=here.now()) is None
    assert cursor.due(now=here.now(), accounts=[here.account.pk]) == []
    assert here.venue.calls == []
    later = here.now() + cursor.LEASE + timedelta(seconds=1)
    assert cursor.due(now=later, accounts=[here.account.pk]) == [here.account.pk]


def test_a_run_that_was_overtaken_writes_nothing(desk):
    here = desk()
    here.seen()
    here.hand("buy", "1")

    def overtake() -> None:
        ReconciliationCursor.objects.update(claim_token="somebody-else", lease_until=here.now() + timedelta(minutes=1))

    here.venue.meanwhile = overtake
    cursor.ask([here.account.pk], now=here.now())
    assert reconciliation.run(here.account, now=here.now(), pause=lambda seconds: None) is None
    assert (ExternalTrade.objects.count(), here.external()) == (0, 0)
    assert ReconciliationCursor.objects.get().claim_token == "somebody-else"


def test_what_was_asked_for_during_a_run_is_served_by_the_next(desk):
    here = desk()
    here.seen()
    here.venue.meanwhile = lambda: cursor.ask([here.account.pk], now=here.now(), cause="start")
    here.compare()
    here.venue.meanwhile = None
    assert cursor.due(now=here.now(), accounts=[here.account.pk]) == [here.account.pk]
    found = reconciliation.run(here.account, now=here.now(), pause=lambda seconds: None)
    assert found.cause == "start"
    assert cursor.due(now=here.now(), accounts=[here.account.pk]) == []


def test_a_run_that_was_killed_is_called_interrupted_by_the_next(desk):
    here = desk()
    Reconciliation.objects.create(account=here.account, cause="regular", started_at=here.old())
    here.compare()
    assert [row.problem for row in Reconciliation.objects.order_by("id")] == ["interrupted", ""]


def test_nothing_is_due_again_within_the_minute(desk):
    here = desk()
    assert cursor.due(now=here.now(), accounts=[here.account.pk]) == [here.account.pk]
    here.compare()
    assert cursor.due(now=here.now() + timedelta(seconds=55), accounts=[here.account.pk]) == []
    assert cursor.due(now=here.now() + timedelta(seconds=61), accounts=[here.account.pk]) == [here.account.pk]
