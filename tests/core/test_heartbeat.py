"""Signs of life: one row for each process and host, judged by its age."""

from datetime import UTC, datetime, timedelta

import pytest

from tradeops.core import heartbeat
from tradeops.core.models import Heartbeat

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def beat(at=0.0, **options):
    heartbeat.beat(process="relay", started_at=NOW, now=NOW + timedelta(seconds=at), **options)


def life(at):
    [found] = heartbeat.lives(now=NOW + timedelta(seconds=at))
    return found


def test_a_process_has_one_row_however_often_it_beats():
    for second in range(5):
        beat(second, detail="x" * 300)
    assert Heartbeat.objects.count() == 1
    assert Heartbeat.objects.get().detail == "x" * 200


def test_it_is_alive_until_twenty_seconds_after_its_last_beat():
    beat()
    assert life(19.9).alive is True
    assert life(20).alive is False
    assert life(20).age_seconds == 20.0


def test_what_has_not_been_seen_for_a_day_is_forgotten():
    beat()
    assert heartbeat.lives(now=NOW + timedelta(days=1)) == []
