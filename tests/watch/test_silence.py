"""Silence of sources and strategies (I13): told once, once more at its end, and never blamed on who is not to blame."""

from datetime import timedelta

import pytest

from relay.models import Message
from signals.models import Silence, WatchRound
from signals.pipeline import route
from signals.watch import rounds, silence
from tests import factories
from tests.factories import NOW
from tradeops.core import configuration
from tradeops.core.models import Heartbeat

pytestmark = pytest.mark.django_db
STEP = timedelta(seconds=rounds.EVERY_SECONDS)


class Clock:
    """Plays the dispatcher: a round each five seconds while the portal and its web process live."""

    def __init__(self):
        self.now = NOW
        self.web = True

    def run(self, *, seconds):
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now += STEP
            if self.web:
                self._web_beats()
            rounds.look(now=self.now)

    def _web_beats(self):
        Heartbeat.objects.update_or_create(
            process="web", host="here", defaults={"pid": 1, "started_at": NOW, "beat_at": self.now}
        )

    def portal_is_down(self, *, seconds):
        self.now += timedelta(seconds=seconds)

    def signal(self, *strategies, **fields):
        found = factories.signal(*strategies, received_at=self.now, **fields)
        route.route(now=self.now + timedelta(seconds=60))
        return found


@pytest.fixture
def clock():
    return Clock()


def source(**fields):
    row = factories.source(**{"expect_every": 60, **fields})
    configuration.changed()
    return row


def told(prefix=""):
    return [
        (row.event, row.level)
        for row in Message.objects.filter(event__startswith=prefix).exclude(event="signal.rejected").order_by("pk")
    ]


class TestSources:
    def test_it_is_told_once_and_its_end_once(self, clock):
        source()
        clock.run(seconds=5)
        clock.signal()
        clock.run(seconds=60)
        assert told() == []
        clock.run(seconds=300)
        assert told() == [("source.silent", "critical")]
        alarm = Message.objects.get(event="source.silent")
        assert alarm.title == "Source tv has been silent for 65 s; it is expected every 60 s"
        assert alarm.body == {"source": "tv", "expect_every": 60, "last_signal": "2026-03-02T14:30:05.000Z"}
        clock.signal()
        clock.run(seconds=30)
        assert told() == [("source.silent", "critical"), ("source.heard", "warning")]
        assert Silence.objects.get().silent_at is None
        clock.run(seconds=60)
        assert told()[2:] == [("source.silent", "critical")]

    def test_regular_signals_are_no_news(self, clock):
        source()
        for _ in range(10):
            clock.signal(routes=[], action="heartbeat", market_position="flat")
            clock.run(seconds=55)
        assert told() == []

    def test_one_that_never_spoke_is_judged_from_when_it_is_watched(self, clock):
        source()
        clock.run(seconds=60)
        assert told() == []
        clock.run(seconds=10)
        assert Message.objects.get().title == (
            "Source tv has sent nothing since 2026-03-02 14:30 UTC; it is expected every 60 s"
        )

    def test_what_was_before_it_was_watched_is_not_held_against_it(self, clock):
        factories.signal(received_at=NOW - timedelta(days=3))
        source()
        clock.run(seconds=60)
        assert told() == []

    @pytest.mark.parametrize("fields", [{"active": False}, {"retired_at": NOW}, {"expect_every": None}])
    def test_who_is_not_in_use_is_not_watched(self, clock, fields):
        source(**fields)
        clock.run(seconds=300)
        assert told() == []
        assert not Silence.objects.exists()
        assert not WatchRound.objects.exists()

    def test_switched_off_it_is_forgotten_and_switched_on_it_begins_anew(self, clock):
        row = source()
        clock.run(seconds=70)
        row.active = False
        row.save()
        configuration.changed()
        clock.run(seconds=600)
        assert not Silence.objects.exists()
        row.active = True
        row.save()
        configuration.changed()
        clock.run(seconds=60)
        assert told() == [("source.silent", "critical")]
        clock.run(seconds=10)
        assert told() == [("source.silent", "critical")] * 2

    def test_each_is_watched_by_itself(self, clock):
        source()
        factories.source("quant", expect_every=600)
        configuration.changed()
        clock.run(seconds=300)
        assert [row.body["source"] for row in Message.objects.all()] == ["tv"]


class TestStrategies:
    def test_it_counts_what_was_routed_to_it(self, clock):
        quiet = factories.strategy("quiet", expect_every=60)
        busy = factories.strategy("busy")
        factories.source()
        clock.run(seconds=5)
        clock.signal(quiet)
        clock.run(seconds=55)
        for _ in range(2):
            clock.signal(busy)
            clock.run(seconds=10)
        assert told() == [("strategy.silent", "critical")]
        alarm = Message.objects.get(event="strategy.silent")
        assert (alarm.strategy, alarm.body["strategy"]) == ("quiet", "quiet")
        clock.signal(quiet, action="heartbeat", market_position="flat")
        clock.run(seconds=5)
        assert told() == [("strategy.silent", "critical"), ("strategy.heard", "warning")]

    @pytest.mark.parametrize("fields", [{"mode": "off"}, {"retired_at": NOW}])
    def test_one_that_is_off_is_not_watched(self, clock, fields):
        factories.strategy(expect_every=60, **fields)
        clock.run(seconds=300)
        assert told() == []

    def test_while_the_router_is_behind_nobody_is_blamed(self, clock):
        strategy = factories.strategy(expect_every=60)
        clock.run(seconds=55)
        factories.signal(strategy, received_at=clock.now)  # stored; the cluster is stopped
        clock.run(seconds=120)
        assert told() == []
        route.route(now=clock.now)
        clock.run(seconds=5)
        assert told() == [("strategy.silent", "critical")]  # nothing has come since


class TestThePortalItself:
    def test_a_restart_neither_forgets_nor_repeats(self, clock):
        source()
        clock.signal()
        clock.run(seconds=70)
        clock.portal_is_down(seconds=30)
        clock.run(seconds=600)
        assert told("source") == [("source.silent", "critical")]
        clock.signal()
        clock.run(seconds=5)
        assert told("source") == [("source.silent", "critical"), ("source.heard", "warning")]

    def test_after_a_downtime_the_sender_has_its_time_again_and_the_alarm_tells_of_it(self, clock):
        source()
        clock.signal()
        clock.run(seconds=30)
        clock.portal_is_down(seconds=720)
        clock.run(seconds=60)
        assert told() == [("watch.resumed", "warning")]
        resumed = Message.objects.get(event="watch.resumed")
        assert resumed.title == (
            "The portal did not listen for 12 min: signals of that time may be lost. Silence counts from now on"
        )
        assert resumed.body == {"watched": "tv"}
        clock.run(seconds=10)
        assert told()[1:] == [("source.silent", "critical")]
        assert Message.objects.get(event="source.silent").title.endswith(
            ". The portal itself was down from 2026-03-02 14:30 UTC to 2026-03-02 14:42 UTC, and what was sent then "
            "may be lost"
        )

    def test_who_speaks_after_a_downtime_is_not_reminded_of_it(self, clock):
        source()
        clock.run(seconds=30)
        clock.portal_is_down(seconds=720)
        clock.run(seconds=5)
        clock.signal()
        clock.run(seconds=70)
        assert Message.objects.get(event="source.silent").title == (
            "Source tv has been silent for 65 s; it is expected every 60 s"
        )

    def test_a_short_restart_is_not_told(self, clock):
        source(expect_every=20)
        clock.signal()
        clock.run(seconds=15)
        clock.portal_is_down(seconds=30)
        clock.run(seconds=15)
        assert told() == []

    def test_without_a_web_process_the_portal_is_blamed_and_not_the_sender(self, clock):
        source()
        clock.signal()
        clock.run(seconds=30)
        clock.web = False
        clock.run(seconds=300)
        assert told() == [("watch.deaf", "critical")]
        clock.web = True
        clock.run(seconds=60)
        assert told() == [("watch.deaf", "critical"), ("watch.resumed", "warning")]
        clock.run(seconds=10)
        assert told()[2:] == [("source.silent", "critical")]

    def test_its_cost_does_not_grow_with_what_is_stored(self, clock, django_assert_max_num_queries):
        source()
        factories.strategy(expect_every=3600)
        clock.run(seconds=5)
        for _ in range(50):
            clock.signal(routes=["trend"])
        clock.now += STEP
        with django_assert_max_num_queries(16):
            rounds.look(now=clock.now)

    def test_nothing_is_written_while_nothing_is_watched(self, clock, django_assert_max_num_queries):
        factories.source()
        rounds.look(now=clock.now)
        with django_assert_max_num_queries(1):
            rounds.look(now=clock.now)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (119, "119 s"), (120, "2 min"), (150, "2 min 30 s"), (720, "12 min"), (7200, "2 h"),
        (12000, "3 h 20 min"), (200000, "2 days"),
    ],
)  # fmt: skip
def test_durations_are_for_people(seconds, words):
    assert silence.duration(timedelta(seconds=seconds)) == words
