"""One event or many: every listener hears its own, in the order of the wiring."""

import pytest

from tests.relay.conftest import NOW
from tradeops.core import events
from tradeops.core.events import Event, Together


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr(events, "_listeners", [])
    return []


def event(name):
    return Event(name=name, at=NOW, title="x")


def test_a_listener_for_many_hears_them_at_once_and_only_its_own(heard):
    events.subscribe("delivery.*", Together(lambda found: heard.append([each.name for each in found])))
    events.subscribe("delivery.dead", lambda each: heard.append(each.name))
    events.publish_all([event("delivery.delivered"), event("order.filled"), event("delivery.dead")])
    assert heard == [["delivery.delivered", "delivery.dead"], "delivery.dead"]


def test_nobody_is_bothered_with_nothing(heard):
    events.subscribe("delivery.*", Together(heard.append))
    events.publish_all([event("order.filled")])
    events.publish_all([])
    assert heard == []


def test_one_that_is_published_alone_is_one_of_many(heard):
    events.subscribe("*", Together(lambda found: heard.append(len(found))))
    events.publish(event("order.filled"))
    assert heard == [1]
