"""A send that took longer than a look is good for is thought over before it goes (D5, X5)."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import services
from accounts.brokers import last_look, registry
from accounts.brokers.base import BrokerTemporary
from accounts.models import Account
from signals.execution import claim, place, submit
from signals.models import Order, Position
from signals.risk import switch
from tests import factories

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


@pytest.fixture
def waits(venue):
    """Makes the next send wait on its way, while something happens; then it looks, as every adapter does."""

    def wait(meanwhile):
        def before(_):
            meanwhile()
            time.sleep(last_look.FRESH_SECONDS + 0.05)
            last_look.look()

        venue.before_place = before

    return wait


def kill():
    switch.set(scope="global", on=True, reason="drill", by="test", now=now())


def test_the_kill_switch_stops_an_entry_that_waits(full, strategy, venue, waits, again):
    order = factories.order(full, strategy)
    waits(kill)
    submit.submit(again(order))
    assert venue.received == []
    assert (again(order).status, again(order).tries) == ("PENDING", 0)
    submit.submit(again(order))
    assert (again(order).status, again(order).code) == ("CANCELED", "kill_switch")
    assert venue.received == []


def freeze(account):
    # An object of its own, as another process has it: what is loaded here stays as it was.
    services.freeze(account=Account.objects.get(pk=account.pk), reason="it looks odd", by="ann", now=now())


def test_a_freeze_stops_an_entry_that_waits(full, strategy, venue, waits, again):
    order = factories.order(full, strategy)
    waits(lambda: freeze(full))
    submit.submit(again(order))
    assert venue.received == []
    assert (again(order).status, again(order).tries) == ("PENDING", 0)
    assert again(order).steps.get(step="not_sent").detail == "full-1 was frozen before it could be sent"
    submit.submit(again(order))
    assert (again(order).status, again(order).code) == ("CANCELED", "frozen")
    assert venue.received == []


def test_a_freeze_of_another_account_does_not(full, account, strategy, venue, waits, again):
    order = factories.order(full, strategy)
    waits(lambda: freeze(account))
    submit.submit(again(order))
    assert again(order).status == "FILLED"


def stop_all(account):
    kill()
    freeze(account)


def test_neither_stops_an_exit(full, strategy, venue, waits, again):
    Position.objects.create(
        strategy=strategy, account=full, symbol="BTC/USDT", side="long", quantity=D(1), is_open=True, updated_at=now()
    )
    order = factories.order(full, strategy, intent="close", side="sell")
    waits(lambda: stop_all(full))
    submit.submit(again(order))
    assert again(order).status == "FILLED"


def test_a_claim_that_was_lost_meanwhile_is_not_sent(full, strategy, venue, waits, again):
    order = factories.order(full, strategy)
    waits(lambda: Order.objects.update(claim_token="other:1:worker.1"))
    submit.submit(again(order))
    assert venue.received == []
    assert (again(order).status, again(order).claim_token) == ("SUBMITTED", "other:1:worker.1")


def test_the_time_that_the_claim_itself_took_counts(full, strategy, venue, again):
    """Its row was written long after the switches were read: the disk was slow, or the process stood still."""
    began = now() - timedelta(seconds=0.5)
    order = again(factories.order(full, strategy, now=began))
    broker = registry.broker_for(full)
    claimed = claim.claim(order, quantity=order.quantity, steps=(), now=began)
    kill()
    venue.before_place = lambda _: last_look.look()
    with pytest.raises(BrokerTemporary, match="the kill switch was turned on before it could be sent"):
        place.place(claimed, broker, broker.instrument(order.symbol), quantity=order.quantity)
    assert venue.received == []
