import pytest

from tests import factories
from tests.fakes import scripted_broker


@pytest.fixture
def venue(settings, monkeypatch):
    """A scripted venue under the broker name `scripted`."""
    settings.BROKERS = {**settings.BROKERS, "scripted": "tests.fakes.scripted_broker.ScriptedBroker"}
    fresh = scripted_broker.Venue()
    monkeypatch.setattr(scripted_broker, "VENUE", fresh)
    return fresh


@pytest.fixture
def account(venue):
    return factories.account("demo-venue", broker="scripted", sandbox=True)


@pytest.fixture
def strategy(account):
    return factories.strategy(accounts=[account])


@pytest.fixture
def events_seen():
    """Names of the events published while the test runs."""
    from relay.models import Message

    return lambda: list(Message.objects.order_by("id").values_list("event", flat=True))
