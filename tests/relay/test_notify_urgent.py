"""N2: criticals go before whatever else waits for their channel."""

from datetime import timedelta

import pytest
from django.db import connection

from relay import outbox
from relay.models import Channel, Message, Notification
from relay.notify import alarms, claim, sender
from relay.notify.bundle import Form
from tradeops.core import configuration
from tradeops.core import rows as database
from tradeops.core.events import Event, Level

from .conftest import NOW


@pytest.fixture
def channel(transactional_db):
    row = Channel.objects.create(slug="ops", kind="telegram", target="123", events=["*"], level="info", rate_cap=0)
    configuration.changed()
    return row


@pytest.fixture
def capped(channel):
    channel.rate_cap = 5
    channel.save()
    configuration.changed()
    return channel


def many(channel, count, *, name="signal.rejected", at=NOW):
    """Warnings of one event that wait, without the cost of publishing each."""
    database.insert_all([Message(event=name, level="warning", title="refused", created_at=at) for _ in range(count)])
    found = Message.objects.filter(event=name).order_by("pk").values_list("pk", flat=True)
    database.insert_all([Notification(message_id=pk, channel=channel, created_at=at, due_at=at) for pk in found])


def critical(title="down", **fields):
    """As the alarms do it."""
    outbox.record(Event(name="endpoint.down", title=title, level=Level.CRITICAL, **{"at": NOW, **fields}))
    alarms.gather(now=fields.get("at", NOW))


def test_a_critical_is_the_next_one_whatever_waits_before_it(capped):
    many(capped, 12_000)
    critical(endpoint="vps-1")
    [taken] = claim.take(channel=capped, now=NOW)
    assert [row.message.title for row in taken.rows] == ["down"]


def test_it_goes_before_a_storm_that_is_held_and_is_not_told_within_it(capped):
    many(capped, 12_000, name="endpoint.down")
    assert [claim.take(channel=capped, now=NOW) for _ in range(4)] == [[]] * 4
    assert not sender.waiting(now=NOW + timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)
    critical(endpoint="vps-1", at=later)
    assert sender.waiting(now=later)
    [taken] = claim.take(channel=capped, now=later)
    assert (taken.form, [row.message.title for row in taken.rows]) == (Form.SINGLE, ["down"])
    claim.sent([(taken, later)])
    storm = claim.take(channel=capped, now=NOW + timedelta(seconds=60))
    assert [(each.form, len(each.rows)) for each in storm] == [(Form.STORM, 5000)]


def test_with_more_than_a_batch_of_each_the_criticals_come_first(channel):
    many(channel, 30)
    for number in range(25):
        critical(f"down {number}", endpoint=f"vps-{number}")
    first, second = claim.take(channel=channel, now=NOW), claim.take(channel=channel, now=NOW)
    assert [each.lead.message.title for each in first] == [f"down {number}" for number in range(20)]
    expected = [f"down {number}" for number in range(20, 25)] + ["refused"] * 15
    assert [each.lead.message.title for each in second] == expected


def test_reminders_are_criticals_too(channel, clock):
    critical(endpoint="vps-1")
    many(channel, 30)
    clock.forward(600)
    alarms.remind(now=clock())
    taken = claim.take(channel=channel, now=clock())
    assert [each.lead.message.event for each in taken[:3]] == ["endpoint.down", "alarm.reminder", "signal.rejected"]


def test_another_event_is_not_held_by_a_large_storm(capped):
    many(capped, 12_000)
    for _ in range(3):
        assert claim.take(channel=capped, now=NOW) == []
    outbox.record(Event(name="order.filled", at=NOW, title="filled"))
    due = NOW + timedelta(seconds=1)
    [taken] = claim.take(channel=capped, now=due)
    assert taken.lead.message.event == "order.filled"


def test_waiting_criticals_are_found_by_their_index(channel):
    """However much else waits, and however long the history."""
    many(channel, 3000)
    critical()
    if connection.vendor == "postgresql":  # SQLite goes by fixed figures
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE relay_notification")
    found = claim.due(NOW).filter(channel=channel, urgent=True).order_by("pk").values("pk")
    assert "relay_notification_urgent" in found.explain()
