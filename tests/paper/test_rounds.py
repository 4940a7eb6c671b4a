"""Quotes come to what rests and what is open, without anybody ordering; and the portal books what came of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Quote
from accounts.brokers.registry import broker_for
from signals.execution import cancel, orders, resting
from signals.models import (
    ExternalTrade,
    Fill,
    Order,
    PaperMove,
    PaperOrder,
    PaperPosition,
    Position,
    ReconciliationCursor,
    RoundTrip,
    StoredQuote,
    VenueDifference,
)
from signals.paper import rounds
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from signals.tending.duties import at_venues
from tests import factories

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_round_yet():
    rounds._begun.clear()
    yield
    rounds._begun.clear()


def now():
    return datetime.now(UTC)


def quote(account, price, *, at=None, **sizes):
    moment = at or now()
    rounds.take(account, told(account, price, at=moment, **sizes), now=moment)


def told(account, price, *, at=None, size=None):
    symbol = "BTC/USDT:USDT" if account.market == "swap" else "BTC/USDT"
    price, size = D(price), None if size is None else D(size)
    return Quote(
        symbol=symbol, bid=price, ask=price, last=price, at=at or now(), source="test", bid_size=size, ask_size=size
    )


def placed(account, strategy, **facts):
    """An order of the portal that has gone to the paper venue."""
    from signals.execution import submit

    return submit.submit(factories.order(account, strategy, **facts))


@pytest.fixture
def spot():
    return factories.account(fee_bps=D(10), prices="simulated")


def test_nothing_rests_and_nobody_asks_for_prices(spot):
    placed(spot, factories.strategy(accounts=[spot]), number=1)
    assert rounds.due(now=now()) == []
    assert not StoredQuote.objects.exists()


def test_a_limit_that_rests_is_filled_and_booked_when_the_price_comes(spot):
    strategy = factories.strategy(accounts=[spot])
    order = placed(spot, strategy, number=1, type="limit", price=D(40000), quantity=D("0.1"))
    assert (order.status, Position.objects.count()) == ("OPEN", 0)
    assert rounds.due(now=now()) == [spot.pk]
    assert rounds.run(spot.pk, now=now()) == 1
    [stored] = StoredQuote.objects.all()
    assert (stored.source, stored.symbol) == ("simulated", "BTC/USDT")
    assert rounds.due(now=now()) == []  # not twice a second
    quote(spot, "39990")
    assert PaperOrder.objects.get().status == "FILLED"
    Order.objects.update(due_at=now() - timedelta(seconds=1))
    assert resting.run(spot.pk, now=now()) == 1
    order.refresh_from_db()
    position = Position.objects.get()
    assert (order.status, order.average_price, position.quantity) == ("FILLED", D(40000), D("0.1"))
    assert rounds.due(now=now() + timedelta(minutes=1)) == []


def test_the_price_source_is_the_strategys_where_it_has_one(spot):
    strategy = factories.strategy(accounts=[spot], prices="message")
    placed(spot, strategy, number=1, type="limit", price=D(40000), quantity=D("0.1"))
    assert rounds.run(spot.pk, now=now()) == 0  # a message's price comes with messages only
    assert not StoredQuote.objects.exists()


def as_it_was_decided_on(*given, **facts):
    return orders.quote_to_json(told(*given, **facts))


def asked_after(account):
    Order.objects.update(due_at=now() - timedelta(seconds=1))
    return resting.run(account.pk, now=now())


def test_an_entry_fills_in_parts_as_the_quotes_sizes_come(spot):
    strategy = factories.strategy(accounts=[spot])
    small = as_it_was_decided_on(spot, "50000", size="0.01")
    order = placed(spot, strategy, number=1, quantity=D("0.5"), quote=small)
    assert (order.status, order.filled_quantity, order.fills.count()) == ("PARTIALLY_FILLED", D("0.2"), 20)
    assert Position.objects.get().quantity == D("0.2")
    assert rounds.due(now=now()) == [spot.pk]
    quote(spot, "51000", size="0.3")
    assert asked_after(spot) == 1
    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.average_price) == ("FILLED", D("0.5"), D(50600))
    assert Position.objects.get().quantity == D("0.5")
    assert rounds.due(now=now() + timedelta(minutes=1)) == []
    assert broker_for(spot).balances()["USDT"].free == D(100000) - D(25300) - D("25.3")


def test_an_exit_ends_with_the_quote_that_it_was_decided_on(spot):
    strategy = factories.strategy(accounts=[spot])
    placed(spot, strategy, number=1, quantity=D("0.5"))
    tiny = as_it_was_decided_on(spot, "50000", size="0.00001")
    order = placed(spot, strategy, number=2, quantity=D("0.5"), side="sell", intent="close", quote=tiny)
    assert (order.status, order.filled_quantity, Position.objects.get().quantity) == ("FILLED", D("0.5"), D(0))


def test_the_rest_of_an_entry_can_be_cancelled(spot):
    strategy = factories.strategy(accounts=[spot])
    small = as_it_was_decided_on(spot, "50000", size="0.01")
    order = placed(spot, strategy, number=1, quantity=D("0.5"), quote=small)
    cancel.ask(order, reason="enough", now=now())
    assert asked_after(spot) == 1
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("CANCELED", D("0.2"))
    assert broker_for(spot).balances()["USDT"].free == D(100000) - D(10000) - D(10)


@pytest.fixture
def contracts():
    return factories.account("swap-1", market="swap", leverage=D(10), initial_balances={"USDT": "1000"})


@pytest.fixture
def held(contracts):
    """A long of 0.1 at 50,000 with ten times its margin, known to both sides."""
    strategy = factories.strategy(accounts=[contracts])
    cursor.ask([contracts.pk], now=now())
    reconciliation.run(contracts, now=now(), pause=lambda seconds: None)
    order = placed(contracts, strategy, number=1, symbol="BTC/USDT:USDT", quantity=D("0.1"))
    assert order.status == "FILLED"
    assert at_venues() == [contracts.pk]
    return Position.objects.get()


def compared(account):
    cursor.ask([account.pk], now=now())
    found = reconciliation.run(account, now=now(), pause=lambda seconds: None)
    assert found.problem == ""
    return found


def test_a_liquidation_is_read_from_the_venues_history_and_booked(contracts, held):
    assert compared(contracts).differences == 0
    quote(contracts, "40100")
    assert PaperPosition.objects.get().quantity == 0
    for _ in range(2):
        compared(contracts)
    held.refresh_from_db()
    assert (held.quantity, held.realised_pnl) == (D(0), D("-990"))
    trade = ExternalTrade.objects.get()
    assert trade.cause == "liquidation"
    assert not VenueDifference.objects.filter(resolved_at=None, kind="position").exists()


def test_funding_is_charged_once(contracts, held):
    PaperPosition.objects.update(funded_at=now() - timedelta(hours=8))
    # Who pays is who held it then.
    RoundTrip.objects.update(opened_at=now() - timedelta(hours=9))
    Fill.objects.update(at=now() - timedelta(hours=9))
    quote(contracts, "50000")
    [move] = PaperMove.objects.all()
    assert (move.cause, move.amount) == ("funding", D("-0.5"))
    ReconciliationCursor.objects.update(trades_until=now() - timedelta(hours=9))
    for _ in range(2):
        compared(contracts)
    held.refresh_from_db()
    assert held.funding == D("0.5")


def test_the_venue_shows_its_position(contracts, held):
    quote(contracts, "51000")
    [seen] = broker_for(contracts).positions()
    assert (seen.side, seen.quantity, seen.average_price, seen.mark_price, seen.unrealised_pnl, seen.leverage) == (
        "long", D("0.1"), D(50000), D(51000), D(100), D(10)
    )  # fmt: skip
    assert seen.liquidation_price == D("40201.00502513")
    balance = broker_for(contracts).balances()["USDT"]
    assert (balance.total, balance.free) == (D(1000), D(500))
