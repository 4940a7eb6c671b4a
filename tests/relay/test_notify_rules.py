"""N1: which channels are told of an event, and when."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from relay import outbox
from relay.models import Channel, Notification
from relay.notify import hours, rules
from tradeops.core import configuration
from tradeops.core.events import Event, Level

from .conftest import NOW

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = hours.Quiet(time(22), time(7), BERLIN)


def rule(**fields):
    return rules.Rule(
        channel=1, slug="ops", patterns=fields.pop("patterns", ("*",)), level=fields.pop("level", Level.INFO), **fields
    )


def event(name="order.filled", **fields):
    return Event(name=name, at=fields.pop("at", NOW), title="x", **fields)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "named", "wanted"),
    [
        ({}, {}, True),
        ({"strategies": {"trend"}}, {"strategy": "trend", "account": "okx-1"}, True),
        ({"strategies": {"trend"}}, {"strategy": "other"}, False),
        ({"strategies": {"trend"}}, {}, False),
        ({"strategies": {"trend"}}, {"account": "okx-1"}, False),
        ({"accounts": {"okx-1"}}, {"strategy": "other", "account": "okx-1"}, True),
        ({"accounts": {"okx-1"}}, {"account": "okx-2"}, False),
        ({"strategies": {"trend"}, "accounts": {"okx-1"}}, {"strategy": "trend"}, True),
        ({"strategies": {"trend"}, "accounts": {"okx-1"}}, {"strategy": "trend", "account": "okx-2"}, False),
        ({"strategies": {"trend"}, "accounts": {"okx-1"}}, {}, False),
    ],
)
def test_a_list_lets_through_what_names_one_of_it_and_nothing_else(given, named, wanted):
    fields = {name: frozenset(slugs) for name, slugs in given.items()}
    assert rule(**fields).wants(event(**named)) is wanted


def test_level_and_pattern():
    warned = rule(level=Level.WARNING, patterns=("order.*", "signal.rejected"))
    assert not warned.wants(event(level=Level.INFO))
    assert warned.wants(event(level=Level.WARNING))
    assert warned.wants(event("signal.rejected", level=Level.ERROR))
    assert not warned.wants(event("signal.approved", level=Level.ERROR))


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (utc(2026, 1, 10, 20, 59, 59), None),
        (utc(2026, 1, 10, 21), utc(2026, 1, 11, 6)),
        (utc(2026, 1, 11, 5, 59, 59), utc(2026, 1, 11, 6)),
        (utc(2026, 1, 11, 6), None),
        # The night of the change to summer time is an hour shorter, that of the change back an hour longer.
        (utc(2026, 3, 28, 21), utc(2026, 3, 29, 5)),
        (utc(2026, 10, 24, 20), utc(2026, 10, 25, 6)),
    ],
)
def test_quiet_hours_are_by_the_clock_on_the_wall(at, ends):
    assert NIGHT.ends(at) == ends


def test_an_end_in_the_hour_that_comes_twice_is_still_to_come():
    nap = hours.Quiet(time(1), time(2, 30), BERLIN)
    assert nap.ends(utc(2026, 10, 25, 0, 10)) == utc(2026, 10, 25, 0, 30)
    assert nap.ends(utc(2026, 10, 25, 1, 10)) == utc(2026, 10, 25, 1, 30)


@pytest.mark.parametrize("at", [NOW + timedelta(minutes=13 * n) for n in range(200)])
def test_the_end_of_quiet_hours_is_not_quiet(at):
    end = NIGHT.ends(at)
    assert end is None or (end > at and NIGHT.ends(end) is None)


def test_when_it_is_due():
    night, day = utc(2026, 3, 2, 23, 0, 7), utc(2026, 3, 2, 12, 0, 7)
    second = timedelta(seconds=1)
    assert rule().when(event(at=day)) == (day, "")
    assert rule(rate_cap=5).when(event(at=day)) == (day + second, "")
    assert rule(quiet=NIGHT, rate_cap=5).when(event(at=day)) == (day + second, "")
    assert rule(quiet=NIGHT).when(event(at=night)) == (utc(2026, 3, 3, 6), "quiet")
    assert rule(quiet=NIGHT, digest_minutes=15).when(event(at=night, level=Level.CRITICAL)) == (night, "")
    assert rule(digest_minutes=15).when(event(at=day)) == (utc(2026, 3, 2, 12, 15), "digest")
    assert rule(digest_minutes=15).when(event(at=utc(2026, 3, 2, 12, 15))) == (utc(2026, 3, 2, 12, 30), "digest")
    late = utc(2026, 3, 2, 20, 50)
    assert rule(quiet=NIGHT, digest_minutes=60).when(event(at=late)) == (utc(2026, 3, 3, 6), "digest")


@pytest.mark.django_db
def test_the_rows_say_when_and_why_later():
    Channel.objects.create(slug="desk", kind="telegram", target="1", events=["*"], level="info", digest_minutes=60)
    Channel.objects.create(slug="other", kind="telegram", target="2", events=["*"], level="info", accounts=["okx-2"])
    configuration.changed()
    outbox.record(event(account="okx-1"))
    [row] = Notification.objects.all()
    assert (row.channel.slug, row.due_at, row.held, row.status) == ("desk", utc(2026, 3, 2, 15), "digest", "PENDING")


@pytest.mark.django_db
def test_of_a_failing_channel_another_is_told_whatever_its_rules_are_but_never_itself():
    for slug, patterns in (("bad", ["*"]), ("one", ["order.*"]), ("two", ["order.*"])):
        Channel.objects.create(slug=slug, kind="telegram", target="1", events=patterns, level="critical")
    configuration.changed()
    failing = event("channel.failing", level=Level.ERROR, body={"channel": "bad"})
    assert [found.slug for found in rules.rules_for(failing)] == ["one", "two"]
    Channel.objects.filter(slug="two").update(events=["channel.*"], level="error")
    configuration.changed()
    assert [found.slug for found in rules.rules_for(failing)] == ["two"]
