"""Caches of the configuration: read once, read again after a change, within half a second everywhere."""

import pytest

from tradeops.core import configuration
from tradeops.core.models import ConfigurationVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def loads():
    return []


@pytest.fixture
def cached(loads):
    def load():
        loads.append(1)
        return len(loads)

    return configuration.Cached(load)


def test_it_loads_once_while_nothing_changes(cached, loads):
    assert [cached(), cached(), cached()] == [1, 1, 1]
    assert loads == [1]


def test_a_change_in_this_process_is_seen_at_once(cached):
    assert cached() == 1
    configuration.changed()
    assert cached() == 2
    configuration.changed()
    assert cached() == 3


def test_a_change_in_another_process_is_seen_after_half_a_second(cached, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(configuration.time, "monotonic", lambda: now[0])
    configuration.changed()
    assert cached() == 1
    ConfigurationVersion.objects.update(version=99)  # as another process does
    now[0] += 0.49
    assert cached() == 1
    now[0] += 0.02
    assert cached() == 2


def test_the_version_is_read_at_most_twice_a_second(cached, django_assert_num_queries):
    cached()
    with django_assert_num_queries(0):
        for _ in range(100):
            cached()


def test_the_first_change_ever_makes_the_row():
    assert configuration.version() == 0
    configuration.changed()
    assert configuration.version() == 1
    assert ConfigurationVersion.objects.count() == 1
