"""A paper position is closed whole, however little of the account is free: a close takes no margin (D3, P2, X10)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Quote
from signals.execution import resting, runner, submit
from signals.models import Order, PaperOrder, PaperPosition, Position
from signals.paper import rounds
from tests import factories

D = Decimal
BTC = "BTC/USDT:USDT"
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def quote(account, price):
    price = D(price)
    rounds.take(account, Quote(symbol=BTC, bid=price, ask=price, last=price, at=now(), source="test"), now=now())


def send(account, strategy, **facts):
    """As the portal sends one order of its own."""
    return submit.submit(factories.order(account, strategy, **{"symbol": BTC, **facts}))


@pytest.fixture
def account():
    return factories.account("swap-1", market="swap", leverage=D(10), initial_balances={"USDT": "991"})


@pytest.fixture
def strategy(account):
    return factories.strategy(accounts=[account], symbols={"BTCUSDT": BTC})


@pytest.fixture
def long(account, strategy):
    """0.18 at 50,000: 900 of 991 are its margin."""
    assert send(account, strategy, quantity=D("0.18")).status == "FILLED"


@pytest.fixture
def short(account, strategy):
    order = send(account, strategy, quantity=D("0.18"), side="sell", position_side="short")
    assert order.status == "FILLED"


def held():
    """(what the venue has, what the portal has)."""
    return PaperPosition.objects.get().quantity, Position.objects.get().quantity


def closes(**facts):
    return {"number": 2, "intent": "close", "side": "sell", "quantity": D("0.18"), **facts}


def test_a_close_is_not_cut_to_the_free_margin(account, strategy, long):
    order = send(account, strategy, **closes())
    assert (order.status, order.sent_quantity, order.filled_quantity) == ("FILLED", D("0.18"), D("0.18"))
    assert held() == (D(0), D(0))
    assert order.steps.get(step="max_size").detail == "the position has 0.18"


def test_nor_is_a_short_s(account, strategy, short):
    order = send(account, strategy, **closes(side="buy", position_side="short"))
    assert (order.status, order.filled_quantity) == ("FILLED", D("0.18"))
    assert held() == (D(0), D(0))


@pytest.mark.parametrize("price", ["49494.4", "49000"], ids=["nothing free", "less than nothing free"])
def test_a_close_needs_nothing_free(account, strategy, long, price):
    quote(account, price)
    assert PaperPosition.objects.get().quantity == D("0.18")  # it is not liquidated yet
    assert send(account, strategy, number=3, quantity=D("0.001")).code == "below_minimum"
    order = send(account, strategy, **closes())
    assert (order.status, order.filled_quantity) == ("FILLED", D("0.18"))
    assert held() == (D(0), D(0))


def test_nor_do_those_that_are_sent_together(account, strategy, long):
    quote(account, "49000")
    runner.run(now=now())
    factories.order(account, strategy, **closes(symbol=BTC))
    assert runner.run(now=now()) == 1
    assert list(Order.objects.filter(intent="close").values_list("status", "filled_quantity")) == [
        ("FILLED", D("0.18"))
    ]
    assert held() == (D(0), D(0))


@pytest.mark.parametrize("lost", [False, True], ids=["91 free", "nothing free"])
def test_a_stop_rests_for_all_of_it(account, strategy, long, lost):
    if lost:
        quote(account, "49000")
    stop = send(account, strategy, **closes(type="stop", stop_price=D(48000)))
    assert (stop.status, stop.sent_quantity) == ("OPEN", D("0.18"))
    assert PaperOrder.objects.get(closes=True).quantity == D("0.18")
    quote(account, "47900")
    Order.objects.update(due_at=now() - timedelta(seconds=1))
    assert resting.run(account.pk, now=now()) == 1
    stop.refresh_from_db()
    assert (stop.status, stop.filled_quantity) == ("FILLED", D("0.18"))
    assert held() == (D(0), D(0))


def test_a_close_is_no_more_than_its_strategy_holds(account, strategy, long):
    """What another strategy has of the symbol on the account is not touched."""
    other = factories.strategy("other", accounts=[account])
    assert send(account, other, number=3, quantity=D("0.01")).status == "FILLED"
    order = send(account, strategy, **closes(quantity=D("0.19")))
    assert (order.status, order.filled_quantity) == ("FILLED", D("0.18"))
    assert PaperPosition.objects.get().quantity == D("0.01")
    nothing = send(account, strategy, **closes(number=4))
    assert (nothing.status, nothing.code) == ("CANCELED", "not_needed")


def test_coins_that_are_not_free_are_not_sold():
    """On spot the venue is asked still: what a resting sale has set aside is bound."""
    account = factories.account()
    strategy = factories.strategy(accounts=[account])
    spot = {"symbol": "BTC/USDT", "quantity": D("0.1")}
    assert send(account, strategy, **spot).status == "FILLED"
    assert send(account, strategy, number=2, **spot, side="sell", type="limit", price=D(60000)).status == "OPEN"
    order = send(account, strategy, number=3, **spot, side="sell", intent="close")
    assert (order.status, order.code) == ("REJECTED", "nothing_to_reduce")
