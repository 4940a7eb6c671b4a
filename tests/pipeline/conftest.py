import pytest

from signals.execution import resting
from signals.models import Order
from signals.risk import switch
from tests import factories
from tests.execution.conftest import BROKERS
from tests.fakes import scripted_broker
from tradeops.core import clock


@pytest.fixture
def venue(settings, monkeypatch):
    """Scripted venues, `full` without threads: one process then does everything in its own transaction."""
    settings.BROKERS = {**settings.BROKERS, **BROKERS, "full": f"{__name__}.FullBroker"}
    fresh = scripted_broker.Venue()
    monkeypatch.setattr(scripted_broker, "VENUE", fresh)
    return fresh


class FullBroker(scripted_broker.FullBroker):
    capabilities = scripted_broker.replace(scripted_broker.FullBroker.capabilities, local=True)


@pytest.fixture
def full(venue):
    return factories.account("full-1", broker="full", sandbox=True, market="spot")


@pytest.fixture
def swap(venue):
    return factories.account("swap-1", broker="full", sandbox=True, market="swap")


@pytest.fixture
def tend():
    """What tends the accounts in another process: everything that rests is asked after, or cancelled, now."""

    def round_of_polls():
        Order.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"]).update(due_at=clock.now())
        return sum(resting.run(account, now=clock.now()) for account in resting.due(now=clock.now()))

    return round_of_polls


@pytest.fixture
def pair(db):
    """Two accounts with prices of their own; the second one's kill switch is on."""
    accounts = [factories.account(f"paper-{number}", prices="simulated") for number in (1, 2)]
    switch.set(scope="account", key="paper-2", on=True, reason="test", by="bob", now=clock.now())
    return accounts
