import pytest

from tests import factories
from tests.fakes import keyed_broker

VALUES = {"api_key": "the-api-key", "secret": "the-secret-value", "passphrase": "the-passphrase"}


@pytest.fixture
def venue(settings):
    """A venue whose broker is called `keyed`; what it answers is the test's to say."""
    settings.BROKERS = {**settings.BROKERS, "keyed": "tests.fakes.keyed_broker.KeyedBroker"}
    yield keyed_broker.reset()
    keyed_broker.reset()


@pytest.fixture
def account(venue, db):
    """A sandbox account at that venue, without credentials."""
    return factories.account("real-1", broker="keyed", market="swap", sandbox=True, prices="")


@pytest.fixture
def told(db):
    """The events so far, as (name, level, title)."""
    from tradeops.core import events

    heard = []

    def hear(event):
        heard.append((event.name, event.level.value, event.title))

    events.subscribe("account.*", hear)
    yield heard
    events._listeners.remove(("account.*", hear))
