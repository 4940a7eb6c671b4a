"""An order's life at an exchange of ccxt's: from the vault and the shared limits to the position, and never twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts import credentials
from accounts.brokers import registry
from accounts.models import Account
from signals.execution import reconcile, submit
from signals.models import Fill, Order, Position
from tests import factories
from tests.fakes.binance import CREDENTIALS, Venue
from tradeops.core import configuration

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def account(venue: Venue) -> Account:
    made = factories.account(
        "binance-1", broker="binance", market="swap", sandbox=True, base_url=venue.url, initial_balances={}
    )
    credentials.store(account=made, values=CREDENTIALS, by="test", now=now())
    configuration.changed()
    return made


@pytest.fixture
def send(account: Account) -> Callable[..., Order]:
    def sent(number: int = 1, **fields: Any) -> Order:
        strategy = account.strategies.first() or factories.strategy("s-1", accounts=[account])
        facts = {"symbol": "BTC/USDT:USDT", "quantity": Decimal("0.01"), "mode": "live", **fields}
        order = factories.order(account, strategy, number=number, **facts)
        submit.submit(Order.objects.get(pk=order.pk))
        return Order.objects.get(pk=order.pk)

    return sent


def held(account: Account) -> Decimal:
    return sum((row.quantity for row in Position.objects.filter(account=account)), Decimal(0))


def test_the_registry_makes_the_broker_by_the_exchanges_name(account: Account) -> None:
    broker = registry.broker_for(account)
    assert type(broker).__name__ == "Ccxt_binance"
    assert broker is registry.broker_for(Account.objects.get(pk=account.pk))
    assert broker.balances()["USDT"].total == Decimal(100000)


def test_an_order_is_sent_filled_and_booked(venue: Venue, account: Account, send: Callable[..., Order]) -> None:
    order = send()
    assert (order.status, order.filled_quantity, order.message) == ("FILLED", Decimal("0.01"), "")
    assert [one.client_id for one in venue.orders()] == [order.client_order_id]
    assert held(account) == Decimal("0.01") == venue.swap.positions["BTCUSDT", "BOTH"]


def test_a_lost_answer_is_asked_after_and_counts_once(
    venue: Venue, account: Account, send: Callable[..., Order]
) -> None:
    venue.fault("accept_then_503")
    order = send()
    assert order.status == "UNKNOWN"
    Order.objects.filter(pk=order.pk).update(due_at=now() - timedelta(seconds=1))
    reconcile.reconcile(Order.objects.get(pk=order.pk))
    order = Order.objects.get(pk=order.pk)
    assert (order.status, order.filled_quantity) == ("FILLED", Decimal("0.01"))
    assert len(venue.orders(order.client_order_id)) == 1
    assert Fill.objects.filter(account=account).count() == 1
    assert held(account) == Decimal("0.01")


def test_a_refusal_is_final_with_the_venues_code(venue: Venue, account: Account, send: Callable[..., Order]) -> None:
    venue.swap.balances["USDT"] = Decimal(1)
    order = send()
    assert (order.status, order.code, order.venue_code) == ("REJECTED", "insufficient_funds", "-2019")
    assert (venue.orders(), held(account)) == ([], 0)
