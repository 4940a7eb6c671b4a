"""The end of a TradingView alert: told 7 days and 1 day before, and on the day, once each (I13)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from relay.models import Message
from signals.models import ExpiryWarning
from signals.watch import rounds
from tests import factories
from tradeops.core import configuration

pytestmark = pytest.mark.django_db
ENDS = date(2026, 3, 20)


def days(first, last, *, each=timedelta(hours=6)):
    """Rounds from `first` to `last` day before the end."""
    now = datetime(2026, 3, 20, 0, 1, tzinfo=UTC) - timedelta(days=first)
    while now.date() <= ENDS - timedelta(days=last):
        rounds.look(now=now)
        now += each


def told():
    return [(row.level, row.body["days_left"]) for row in Message.objects.order_by("pk")]


def test_three_warnings_and_not_one_more():
    factories.strategy(alert_expires_on=ENDS)
    days(30, 8)
    assert told() == []
    days(7, -30)
    assert told() == [("warning", 7), ("warning", 1), ("critical", 0)]
    assert [row.title for row in Message.objects.order_by("pk")] == [
        "The TradingView alert of trend ends in 7 days, on 2026-03-20: renew it there, then note the new date here",
        "The TradingView alert of trend ends in 1 day, on 2026-03-20: renew it there, then note the new date here",
        "The TradingView alert of trend ends today: renew it there, then note the new date here",
    ]
    assert {row.strategy for row in Message.objects.all()} == {"trend"}


def test_noted_late_it_is_told_with_the_days_that_are_left():
    factories.strategy(alert_expires_on=ENDS)
    days(3, 2)
    assert told() == [("warning", 3)]


def test_after_a_week_of_downtime_only_the_present_state_is_told():
    factories.strategy(alert_expires_on=ENDS)
    days(-2, -3)
    assert told() == [("critical", -2)]
    assert "ended on 2026-03-20" in Message.objects.get().title
    assert list(ExpiryWarning.objects.values_list("days_before", flat=True)) == [0]


def test_a_new_date_is_warned_of_anew():
    row = factories.strategy(alert_expires_on=ENDS)
    days(7, 7)
    row.alert_expires_on = ENDS + timedelta(days=60)
    row.save()
    configuration.changed()
    days(6, -30)
    assert told() == [("warning", 7)]
    days(-53, -53)
    assert told() == [("warning", 7), ("warning", 7)]


@pytest.mark.parametrize("fields", [{"mode": "off"}, {"retired_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_one_that_is_off_is_not_warned_of(fields):
    factories.strategy(alert_expires_on=ENDS, **fields)
    days(8, -3)
    assert told() == []
