import pytest

from signals.models import Order
from tests import factories
from tests.fakes import scripted_broker

BROKERS = {
    "scripted": "tests.fakes.scripted_broker.ScriptedBroker",
    "full": "tests.fakes.scripted_broker.FullBroker",
    "no-expiry": "tests.fakes.scripted_broker.NoExpiryBroker",
}


@pytest.fixture
def venue(settings, monkeypatch):
    """A scripted venue under the broker names `scripted` (local, market orders), `full` (remote) and `no-expiry`."""
    settings.BROKERS = {**settings.BROKERS, **BROKERS}
    fresh = scripted_broker.Venue()
    monkeypatch.setattr(scripted_broker, "VENUE", fresh)
    return fresh


@pytest.fixture
def account(venue):
    return factories.account("demo-venue", broker="scripted", sandbox=True)


@pytest.fixture
def full(venue):
    """An account at a venue across a network that can do everything."""
    return factories.account("full-1", broker="full", sandbox=True)


@pytest.fixture
def no_expiry(venue):
    """An account at a venue that takes an order however late it comes."""
    return factories.account("no-expiry-1", broker="no-expiry", sandbox=True)


@pytest.fixture
def strategy(account):
    return factories.strategy(accounts=[account])


@pytest.fixture
def events_seen():
    """Names of the events published while the test runs."""
    from relay.models import Message

    return lambda: list(Message.objects.order_by("id").values_list("event", flat=True))


@pytest.fixture
def told():
    """(event, level) of everything that people were told."""
    from relay.models import Message

    return lambda: list(Message.objects.order_by("id").values_list("event", "level"))


@pytest.fixture
def again():
    """The row as another process would read it."""
    return lambda order: Order.objects.select_related("account", "strategy", "signal").get(pk=order.pk)


@pytest.fixture
def steps():
    return lambda order: list(order.steps.order_by("id").values_list("step", flat=True))
