"""Accounts side by side: a venue that is slow, or silent, delays only its own orders (X5)."""

import threading
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection

from accounts.brokers.base import BrokerUnknown
from accounts.models import Account
from signals.execution import apply, claim, runner
from signals.models import Order, Position
from signals.pipeline.drain import drain
from tests import factories
from tests.fakes import scripted_broker
from tests.fakes.scripted_broker import ScriptedBroker
from tests.processes import wait_until
from tradeops.core import clock
from tradeops.core.cohort import Cohort

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


class RemoteBroker(ScriptedBroker):
    """As the scripted one, and its answers take the time of a network call."""

    capabilities = replace(ScriptedBroker.capabilities, local=False)


@pytest.fixture
def venue(settings, monkeypatch):
    settings.BROKERS = {**settings.BROKERS, "remote": f"{__name__}.RemoteBroker"}
    fresh = scripted_broker.Venue()
    monkeypatch.setattr(scripted_broker, "VENUE", fresh)
    yield fresh
    wait_until(lambda: not runner.busy(), what="the end of the lanes")


@pytest.fixture
def accounts(venue):
    return [factories.account(f"venue-{number}", broker="remote", sandbox=True) for number in range(8)]


def status(order):
    return Order.objects.values_list("status", flat=True).get(pk=order.pk)


def test_eight_accounts_are_at_the_venue_at_once(venue, accounts):
    all_here = threading.Barrier(8, timeout=20)  # breaks unless all eight are being placed at one moment
    venue.before_place = lambda _: all_here.wait()
    strategy = factories.strategy(accounts=accounts)
    factories.signal(strategy)
    drain()
    assert list(Order.objects.values_list("status", flat=True)) == ["FILLED"] * 8
    assert len(venue.received) == 8


def test_orders_of_one_signal_share_the_transactions_that_claim_and_book_them(venue, accounts, monkeypatch):
    monkeypatch.setattr(runner, "Cohort", partial(Cohort, seconds=60))
    claims, reports = [], []
    monkeypatch.setattr(claim._claims, "_work", _counted(claim._claims._work, claims))
    monkeypatch.setattr(apply._reports, "_work", _counted(apply._reports._work, reports))
    factories.signal(factories.strategy(accounts=accounts[:4]))
    drain()
    assert list(Order.objects.values_list("status", flat=True)) == ["FILLED"] * 4
    assert (claims, reports) == ([4], [4])


def _counted(work, sizes):
    def counted(items):
        sizes.append(len(items))
        return work(items)

    return counted


def test_one_slow_venue_delays_no_other(venue, accounts):
    slow, quick = accounts[:2]
    answer = threading.Event()
    venue.before_place = lambda request: answer.wait(20) if request.symbol == "SLOW/USDT" else None
    strategies = [
        factories.strategy("a", accounts=[slow], symbols={"BTCUSDT": "SLOW/USDT"}),
        factories.strategy("b", accounts=[quick], symbols={"BTCUSDT": "QUICK/USDT"}),
    ]
    factories.signal(strategies[0])
    working = threading.Thread(target=lambda: (drain(budget_seconds=60), connection.close()))
    working.start()
    wait_until(lambda: Order.objects.filter(status="SUBMITTED").exists(), what="the slow order")
    for _ in range(3):  # the same drain goes on with what came later
        done = Order.objects.filter(status="FILLED").count()
        factories.signal(strategies[1], action="buy" if done % 2 == 0 else "close")
        wait_until(lambda done=done: Order.objects.filter(status="FILLED").count() == done + 1, what="a quick order")
    assert Order.objects.filter(status="SUBMITTED").count() == 1
    answer.set()
    working.join()
    assert not Order.objects.exclude(status="FILLED").exists()
    assert Order.objects.count() == 4


def test_orders_of_one_symbol_go_in_order_and_symbols_side_by_side(venue, accounts):
    together = threading.Barrier(2, timeout=20)
    venue.before_place = lambda _: together.wait()
    strategy = factories.strategy(accounts=accounts[:1])
    given = [
        factories.order(accounts[0], strategy, number=number, symbol=symbol)
        for number, symbol in enumerate(["A/USDT", "A/USDT", "B/USDT", "B/USDT"])
    ]
    assert runner.send(given) == 4
    assert [status(order) for order in given] == ["FILLED"] * 4
    for symbol, (first, second) in {"A/USDT": given[:2], "B/USDT": given[2:]}.items():
        reached = [one.client_order_id for one in venue.received if one.symbol == symbol]
        assert reached == [first.client_order_id, second.client_order_id]


def test_an_exit_overtakes_the_entries_of_its_lane(venue, accounts):
    at_it, go_on = threading.Event(), threading.Event()

    def hold(request):
        if not at_it.is_set():
            at_it.set()
            go_on.wait(20)

    venue.before_place = hold
    strategy = factories.strategy(accounts=accounts[:1])
    first, second = (factories.order(accounts[0], strategy, number=number) for number in (1, 2))
    way_out = factories.order(accounts[0], strategy, number=3, intent="close", side="sell")
    runner.start([first, second])
    assert at_it.wait(20)
    runner.start([way_out])
    go_on.set()
    wait_until(lambda: not runner.busy())
    reached = [one.client_order_id for one in venue.received]
    assert reached == [first.client_order_id, way_out.client_order_id, second.client_order_id]


def test_an_order_on_its_way_is_not_started_again(venue, accounts):
    go_on = threading.Event()
    venue.before_place = lambda _: go_on.wait(20)
    order = factories.order(accounts[0], factories.strategy(accounts=accounts[:1]))
    assert runner.run(now=clock.now()) == 1
    assert runner.run(now=clock.now()) == 0
    wait_until(lambda: status(order) == "SUBMITTED")
    assert runner.run(now=clock.now()) == 0
    go_on.set()
    wait_until(lambda: not runner.busy())
    assert (status(order), len(venue.received)) == ("FILLED", 1)


def test_what_a_silent_venue_holds_up_does_not_keep_others_from_being_looked_at(venue, accounts):
    """Its exits are older than the other's, and more than are looked at in one round."""
    silent, well = accounts[:2]
    Account.objects.filter(pk=silent.pk).update(base_url="https://silent.example")
    answer = threading.Event()
    venue.before_place = lambda request: None if request.symbol == "WELL/USDT" else answer.wait(20)
    strategy = factories.strategy(accounts=accounts[:2])
    symbols = [f"S{number}/USDT" for number in range(60)]
    for number, symbol in enumerate(symbols):
        factories.order(silent, strategy, number=number, symbol=symbol, intent="close", side="sell")
    stop = factories.order(well, strategy, symbol="WELL/USDT", intent="close", side="sell")
    Position.objects.bulk_create(
        Position(strategy=strategy, account=account, symbol=symbol, side="long", quantity=D("0.01"),
                 average_price=D(50000), is_open=True, updated_at=clock.now())
        for account, symbol in [*((silent, symbol) for symbol in symbols), (well, "WELL/USDT")]
    )  # fmt: skip
    try:
        assert runner.run(now=clock.now()) == 50
        assert runner.run(now=clock.now()) == 11
        wait_until(lambda: status(stop) == "FILLED", what="the exit at the venue that answers")
        assert not Order.objects.filter(account=silent, status="FILLED").exists()
        assert runner.run(now=clock.now()) == 0
    finally:
        answer.set()


def test_what_is_uncertain_is_asked_after_beside_what_is_sent(venue, accounts):
    venue.answers = [BrokerUnknown("no answer in time")]
    strategy = factories.strategy(accounts=accounts[:2])
    lost = factories.order(accounts[0], strategy, number=1)
    runner.send([lost])
    assert status(lost) == "UNKNOWN"
    Order.objects.filter(pk=lost.pk).update(due_at=clock.now())
    other = factories.order(accounts[1], strategy, number=2)
    assert runner.run(now=clock.now()) == 2
    wait_until(lambda: not runner.busy())
    assert (status(lost), status(other)) == ("FILLED", "FILLED")
    assert len(venue.received) == 2  # and the lost one was not sent again


def test_a_lane_that_breaks_is_told_and_the_others_go_on(venue, accounts):
    venue.before_place = lambda request: 1 / 0 if request.symbol == "A/USDT" else None
    strategy = factories.strategy(accounts=accounts[:1])
    broken = factories.order(accounts[0], strategy, number=1, symbol="A/USDT")
    well = factories.order(accounts[0], strategy, number=2, symbol="B/USDT")
    assert runner.send([broken, well]) == 2
    # Nobody knows what the broken one did.
    assert (status(broken), status(well)) == ("UNKNOWN", "FILLED")
