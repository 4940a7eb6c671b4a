"""A message's own stop and targets at a venue that could arm them with the entry: the one mechanism holds them (P2)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.brokers.base import ReportStatus
from signals.execution import submit
from signals.exits import runner
from signals.models import Order
from tests import factories
from tests.exits import prices
from tests.fakes.scripted_broker import filled
from tradeops.core import clock, configuration

D = Decimal


@pytest.fixture
def here(at_venue):
    """The message says more than the strategy, whose own stop is further away."""
    return at_venue({"stop_loss": "20%"})


def signal_of(here, **exits):
    fields = {"stop_loss": "10%", "take_profit": [{"at": "110", "share": "50%"}, {"at": "120"}], **exits}
    return factories.signal(here.strategy, symbol=here.symbol, **fields)


def in_part(quantity):
    return lambda asked: filled(asked, at=clock.now(), price="100", quantity=D(quantity))


def fills(here, entry, quantity, *, status, trade):
    """The venue trades more of the entry, and shows it as `status`."""
    known = here.venue.ledger[entry.client_order_id].fills
    more = filled(here.venue.received[0], at=clock.now(), price="100", quantity=D(quantity)).fills[0]
    here.venue.show(entry.client_order_id, status=status, fills=(*known, replace(more, trade_id=trade)))
    here.poll()
    here.tick("100")
    here.poll()
    here.tick("100")


def test_its_stop_rests_from_the_first_fill_and_grows_with_the_next(here):
    here.venue.answers = [in_part("0.4")]
    entry = here.enter(signal=signal_of(here))
    assert (entry.status, entry.attached, here.venue.received[0].attached) == ("PARTIALLY_FILLED", [], ())
    assert here.resting == [("0.4", "90")]
    fills(here, entry, "0.6", status=ReportStatus.FILLED, trade="t-2")
    assert here.resting == [("1", "90")]
    assert [(target["at"], target["share"]) for target in here.plan.targets] == [("110", "0.5"), ("120", "0.5")]


def test_what_is_filled_keeps_its_stop_when_the_rest_is_cancelled(here):
    here.venue.answers = [in_part("0.4")]
    entry = here.enter(signal=signal_of(here))
    here.venue.show(entry.client_order_id, status=ReportStatus.CANCELED)
    here.poll()
    here.tick("100")
    entry.refresh_from_db()
    assert (entry.status, here.position.quantity) == ("CANCELED", D("0.4"))
    assert here.resting == [("0.4", "90")]
    assert [order.quantity for order in here.exits] == [D("0.4")]  # it was not made anew
    here.tick("110")
    here.poll()
    here.tick("110")
    assert (here.position.quantity, here.resting) == (D("0.2"), [("0.2", "90")])  # half of what was filled


def test_a_target_closes_its_share_and_the_stop_shrinks_to_the_rest(here):
    here.enter(signal=signal_of(here))
    beside = []
    here.venue.before_place = lambda request: beside.append((request.type.value, request.quantity, list(here.resting)))
    here.tick("110")
    here.poll()
    here.tick("110")
    assert beside == [("market", D("0.5"), []), ("stop", D("0.5"), [])]  # never both for more than is held
    assert here.resting == [("0.5", "90")]
    here.fires(here.exits[-1], price="90")
    here.tick("89")
    assert (here.position.quantity, here.resting, here.plan.state) == (D(0), [], "CLOSED")
    sold = [order.filled_quantity for order in Order.objects.filter(intent="close")]
    assert sum(sold) == 1


def test_a_signal_that_closes_a_part_shrinks_it_too(here):
    here.enter(signal=signal_of(here, take_profit=[]))
    factories.order(
        here.account, here.strategy, number=9, quantity=D("0.25"), side="sell", position_side="long", intent="close",
        symbol=here.symbol,
    )  # fmt: skip
    here.tick("100")
    here.poll()
    here.tick("100")
    assert (here.position.quantity, here.resting) == (D("0.75"), [("0.75", "90")])


def test_a_worker_that_dies_after_the_fill_leaves_the_stop_to_the_monitor(here, django_capture_on_commit_callbacks):
    """The fill is committed and what follows its commit never ran; the next look makes the stop, once."""
    entry = factories.order(
        here.account, here.strategy, number=1, quantity=D(1), signal=signal_of(here), symbol=here.symbol,
    )  # fmt: skip
    prices.say(here.symbol, "100")
    with django_capture_on_commit_callbacks(execute=False):
        submit.submit(entry)
    assert (here.position.quantity, here.exits, here.resting) == (D(1), [], [])
    assert here.plan.stop_price == D(90)
    here.tick("100")
    assert here.resting == [("1", "90")]
    runner.attend(here.plan.pk)
    here.tick("100")
    assert [(order.type, order.quantity, order.status) for order in here.exits] == [("stop", D(1), "OPEN")]


@pytest.mark.parametrize(
    ("mapping", "price", "at", "stop", "target", "distance"),
    [
        ({"symbol": "BTC/USDT", "quantity_unit": "contracts", "multiplier": "0.01"}, "50000", ("49000", "51000"),
         "49000", "51000", "20000"),
        ({"symbol": "BTC/USDT", "quantity_unit": "quote", "multiplier": "1000"}, "50000", ("49000", "51000"),
         "49000", "51000", "20000"),
        ({"symbol": "BTC/USDT", "multiplier": "1000"}, "0.5", ("490", "510"), "0.49", "0.51", "20"),
        # Its own mapping counts, on the account that has one.
        ({"symbol": "OTHER/USDT", "accounts": {"paper-1": {"symbol": "BTC/USDT", "multiplier": "1000"}}}, "0.5",
         ("490", "510"), "0.49", "0.51", "20"),
        ({"symbol": "BTC/USDT", "multiplier": "1000", "accounts": {"paper-1": {"multiplier": "1"}}}, "500",
         ("490", "510"), "490", "510", "20000"),
    ],
)  # fmt: skip
def test_its_prices_are_taken_as_the_order_s_are(here, mapping, price, at, stop, target, distance):
    """Of the sender's own unit where it counts in such; the venue's where it counts contracts or money."""
    here.strategy.symbols = {"BTCUSDT": mapping}
    here.strategy.save(update_fields=["symbols"])
    configuration.changed()
    said = {"stop_loss": at[0], "take_profit": [{"at": at[1]}], "trailing_stop": "20000"}
    here.enter(price=price, signal=factories.signal(here.strategy, symbol="BTCUSDT", **said))
    assert (here.plan.rules["exits"]["stop_loss"], here.plan.initial_stop) == (stop, D(stop))
    assert [one["at"] for one in here.plan.targets] == [target]
    assert here.plan.rules["exits"]["trailing_stop"] == distance


def test_a_share_of_its_price_is_nobody_s_unit(here):
    here.strategy.symbols = {"BTCUSDT": {"symbol": "BTC/USDT", "multiplier": "1000"}}
    here.strategy.save(update_fields=["symbols"])
    configuration.changed()
    here.enter(signal=factories.signal(here.strategy, symbol="BTCUSDT", stop_loss="10%", trailing_stop="12%"))
    assert here.plan.rules["exits"] == {"stop_loss": "10%", "trailing_stop": "12%"}
    assert here.resting == [("1", "90")]
