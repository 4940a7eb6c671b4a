"""Funding is borne by who held the symbol when it fell due, by how much; what is external bears its part (P1)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from accounts.brokers.base import Cause
from signals.models import ExternalTrade, PnlDay, Position, RoundTrip
from tests import factories
from tests.reconciliation import venue as venues
from tests.reconciliation.conftest import SWAP

D = Decimal


def traded(here, side, quantity, *, at, by=None, **fields):
    """An order of ours that was filled then, and that our books have."""
    row = here.order(side, quantity, by=by, **fields)
    here.venue.fill(row.client_order_id, at=at)
    return here.report(row)


def pay(here, amount, *, at, **fields):
    return here.hand("buy", "0", cause=Cause.FUNDING, fee=D(amount), at=at, **fields)


def paid() -> dict[str, Decimal]:
    """By strategy; the trade records and days say the same."""
    found = {}
    for row in Position.objects.select_related("strategy"):
        slug = row.strategy.slug.removesuffix("-okx-1")
        found[slug] = found.get(slug, D(0)) + row.funding
    for model in (RoundTrip, PnlDay):
        assert sum((row.funding for row in model.objects.all()), D(0)) == sum(found.values(), D(0))
    return found


def other(here, slug="other"):
    return factories.strategy(slug, accounts=[here.account])


def ago(here, seconds):
    return here.now() - timedelta(seconds=seconds)


def test_what_is_external_bears_its_part(desk):
    here = desk()
    here.venue.move(SWAP, venues.Side.BUY, D("9.9"))
    traded(here, "buy", "0.1", at=ago(here, 90))
    here.seen()
    pay(here, "100", at=ago(here, 60))
    here.compare()
    assert paid() == {"trend": D(1)}
    assert ExternalTrade.objects.get().fee == D(100)
    here.compare()
    assert paid() == {"trend": D(1)}


def test_two_on_one_side_bear_it_by_what_they_hold_to_the_last_digit(desk):
    here = desk()
    traded(here, "buy", "2", at=ago(here, 90))
    traded(here, "buy", "1", at=ago(here, 80), by=other(here))
    here.seen()
    pay(here, "1", at=ago(here, 60))
    pay(here, "-0.1", at=ago(here, 50))
    here.compare()
    assert paid() == {
        "trend": D("0.666666666666") - D("0.066666666666"),
        "other": D("0.333333333334") - D("0.033333333334"),
    }


def test_who_has_closed_since_bears_it_and_who_came_later_does_not(desk):
    here = desk()
    second = other(here)
    traded(here, "buy", "1", at=ago(here, 90))
    traded(here, "sell", "1", at=ago(here, 50), intent="close")
    traded(here, "buy", "1", at=ago(here, 40), by=second)
    here.seen()
    pay(here, "0.8", at=ago(here, 60))
    here.compare()
    assert paid() == {"trend": D("0.8"), "other": D(0)}


def test_who_is_in_again_bears_it_in_the_round_trip_of_then(desk):
    here = desk()
    traded(here, "buy", "1", at=ago(here, 90))
    traded(here, "sell", "1", at=ago(here, 50), intent="close")
    traded(here, "buy", "1", at=ago(here, 40))
    here.seen()
    pay(here, "0.8", at=ago(here, 60))
    here.compare()
    assert list(RoundTrip.objects.order_by("id").values_list("funding", flat=True)) == [D("0.8"), D(0)]


def test_what_was_held_then_counts_not_what_is_held_now(desk):
    here = desk()
    second = other(here)
    traded(here, "buy", "3", at=ago(here, 90))
    traded(here, "buy", "1", at=ago(here, 90), by=second)
    traded(here, "sell", "2", at=ago(here, 50), intent="close")
    traded(here, "buy", "6", at=ago(here, 40), by=second)
    here.seen()
    pay(here, "0.8", at=ago(here, 60))
    here.compare()
    assert paid() == {"trend": D("0.6"), "other": D("0.2")}


def test_what_was_external_then_counts(desk):
    here = desk()
    traded(here, "buy", "1", at=ago(here, 90))
    here.seen()
    here.hand("buy", "3", at=ago(here, 80))
    here.hand("sell", "3", at=ago(here, 50))
    here.compare()
    assert here.external() == 0
    pay(here, "0.8", at=ago(here, 60))  # the venue lists it late
    here.compare()
    assert paid() == {"trend": D("0.2")}


def test_what_was_traded_by_hand_since_does_not_count(desk):
    here = desk()
    traded(here, "buy", "1", at=ago(here, 90))
    here.seen()
    pay(here, "0.8", at=ago(here, 60))
    here.hand("buy", "3", at=ago(here, 50))
    here.compare()
    assert here.external() == D(3)
    assert paid() == {"trend": D("0.8")}


def test_nobody_held_it(desk):
    here = desk()
    here.venue.move(SWAP, venues.Side.SELL, D(2))
    traded(here, "buy", "1", at=ago(here, 40))
    here.seen()
    pay(here, "0.8", at=ago(here, 60))
    here.compare()
    assert paid() == {"trend": D(0)}
    assert ExternalTrade.objects.filter(cause="funding").count() == 1


def test_a_side_bears_its_own_where_long_and_short_are_apart(desk):
    here = desk(hedged=True)
    here.venue.move(SWAP, venues.Side.SELL, D(3), position_side="short")
    traded(here, "buy", "5", at=ago(here, 90))
    traded(here, "sell", "1", at=ago(here, 90), by=other(here), position_side="short")
    here.seen()
    pay(here, "-0.8", at=ago(here, 60), position_side="short")
    here.compare()
    assert paid() == {"trend": D(0), "other": D("-0.2")}


def test_a_position_from_before_there_were_trade_records_bears_it(desk):
    here = desk()
    traded(here, "buy", "1", at=ago(here, 90))
    here.seen()
    RoundTrip.objects.all().delete()
    pay(here, "0.8", at=ago(here, 60))
    here.compare()
    assert paid() == {"trend": D("0.8")}
