"""Caches that a thread keeps fresh, so that a request never waits for the database to hear of the configuration."""

import threading
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tradeops.core import configuration
from tradeops.core.models import ConfigurationVersion

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(monkeypatch):
    """The keeper's own code in a thread that ends with the test."""
    over = threading.Event()
    monkeypatch.setattr(configuration, "_all", [])
    thread = threading.Thread(target=configuration._keep, args=(over,))
    yield lambda: (monkeypatch.setattr(configuration, "_keeper", thread), thread.start())
    over.set()
    thread.join(10)


def test_without_a_keeper_it_is_the_same_as_a_call():
    loads = []
    cached = configuration.Cached(lambda: loads.append(1) or len(loads))
    assert (cached.kept(), cached.kept()) == (1, 1)
    configuration.changed()
    assert cached.kept() == 2


def test_the_keeper_loads_what_has_changed_and_kept_asks_nothing(keeper):
    loaded = threading.Semaphore(0)

    def load():
        loaded.release()
        return ConfigurationVersion.objects.values_list("version", flat=True).first()

    configuration.changed()
    cached = configuration.Cached(load)
    before = cached()
    assert loaded.acquire(timeout=5)
    keeper()
    # As another process changes it: without a word to this one.
    ConfigurationVersion.objects.update(version=before + 5)
    assert loaded.acquire(timeout=10)
    deadline = time.monotonic() + 5
    while cached.kept() != before + 5 and time.monotonic() < deadline:
        pass
    with CaptureQueriesContext(connection) as asked:
        assert cached.kept() == before + 5
    assert len(asked) == 0


def test_what_nobody_asked_for_is_not_loaded(keeper):
    loads = []
    cached = configuration.Cached(lambda: loads.append(1))
    used = configuration.Cached(lambda: threading.get_ident())
    used()
    keeper()
    configuration.changed()
    deadline = time.monotonic() + 10
    while used.kept() == threading.get_ident() and time.monotonic() < deadline:
        pass
    assert used.kept() != threading.get_ident()  # the keeper has been there
    assert loads == []
    assert cached.kept() is None
    assert loads == [1]
