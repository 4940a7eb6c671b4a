"""A limit exit that rests at its price: what the plan watches it watches all the same, and what closes at once takes
the limit back first (P2)."""

from decimal import Decimal

import pytest

from accounts.brokers.base import OrderReport
from signals.execution import cancel
from signals.models import ExitPlan, Order, RoundTrip
from signals.operator import flatten
from tests import factories
from tests.exits import prices
from tests.fakes import scripted_broker
from tests.fakes.scripted_broker import filled, rests
from tradeops.core import clock

D = Decimal


def limit(here, quantity="1", price="110", **fields) -> Order:
    """A message's exit, which comes to rest."""
    answer = here.venue.otherwise

    def resting(asked) -> OrderReport:
        return rests(asked) if asked.type == "limit" and asked.time_in_force == "gtc" else answer(asked)

    here.venue.otherwise = resting
    order = factories.order(
        here.account, here.strategy, number=90 + Order.objects.count(), quantity=D(quantity), side="sell",
        position_side="long", intent="close", type="limit", price=D(price), symbol=here.symbol, **fields,
    )  # fmt: skip
    here.work()
    here.tick("100")
    here.poll()
    here.tick("100")
    order.refresh_from_db()
    return order


def at_the_venue(here) -> list[tuple[str, str]]:
    """(type, quantity) of all that rests there."""
    live = [name for name, row in here.venue.ledger.items() if row.status in ("OPEN", "PARTIALLY_FILLED")]
    asked = [one for one in here.venue.received if one.client_order_id in live]
    return [(one.type.value, f"{one.quantity.normalize():f}") for one in asked]


def told():
    from relay.models import Message

    return list(Message.objects.filter(event__startswith="position.").order_by("id").values_list("event", flat=True))


def test_the_portal_watches_the_stop_that_has_no_place_beside_it(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    assert here.plan.stop_order_id == here.exits[0].client_order_id
    order = limit(here)
    assert (order.status, at_the_venue(here)) == ("OPEN", [("limit", "1")])
    assert (here.plan.stop_order_id, here.plan.stop_order_quantity) == ("", D(0))  # what pages and programs are told
    here.tick("98.1", seconds=60)
    assert (here.plan.state, here.plan.problem, at_the_venue(here)) == (ExitPlan.State.ACTIVE, "", [("limit", "1")])
    beside = []
    here.venue.before_place = lambda request: beside.append((request.type.value, request.quantity, at_the_venue(here)))
    here.tick("30")
    here.tick("30")
    assert beside == [("market", D(1), [])]
    order.refresh_from_db()
    assert (order.status, order.cancel_reason) == ("CANCELED", "the position is being left")
    assert (here.position.quantity, here.plan.state, here.plan.reason) == (D(0), "CLOSED", "stop_loss")
    assert RoundTrip.objects.get().reason == "stop_loss"
    assert told() == ["position.exit"]


def test_it_is_unprotected_when_there_is_no_price_to_watch_by(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    limit(here)
    prices.PRESENT.clear()
    here.tick()
    here.tick(seconds=6)
    assert (here.plan.state, here.plan.problem) == ("UNPROTECTED", "there is no price to watch it by")
    here.tick("100")
    assert (here.plan.state, told()) == ("ACTIVE", ["position.unprotected", "position.protected"])


@pytest.mark.parametrize(("exits", "because"), [({"time_stop": "1h"}, "time_stop"), ({"trailing_stop": "2%"}, None)])
def test_time_and_trailing_go_on_beside_it(at_venue, exits, because):
    here = at_venue(exits)
    here.enter()
    order = limit(here)
    here.tick("105", seconds=1800)
    assert here.position.quantity == 1
    here.tick("102.9", seconds=1900)
    here.tick("102.9")
    order.refresh_from_db()
    assert (order.status, here.position.quantity) == ("CANCELED", D(0))
    assert here.plan.reason == (because or "trailing_stop")


def test_the_rest_has_its_stop_at_the_venue_and_both_go_together(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    limit(here, "0.4")
    assert sorted(at_the_venue(here)) == [("limit", "0.4"), ("stop", "0.6")]
    assert (here.plan.stop_order_quantity, here.plan.state) == (D("0.6"), "ACTIVE")
    here.fires(here.exits[-1], price="98")
    here.tick("97.5")
    here.tick("97.5")
    assert (here.position.quantity, at_the_venue(here), here.plan.reason) == (D(0), [], "stop_loss")
    sold = [order.filled_quantity for order in Order.objects.filter(intent="close")]
    assert sum(sold) == 1


def test_a_limit_that_trades_while_it_is_taken_back_leaves_less_to_close(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    order = limit(here)
    request = here.venue.received[-1]
    part = filled(request, at=clock.now(), price="110", quantity=D("0.25"))
    here.venue.ledger[order.client_order_id] = part
    here.tick("97")
    here.tick("97")
    order.refresh_from_db()
    assert (order.status, order.filled_quantity, here.position.quantity) == ("CANCELED", D("0.25"), D(0))
    assert here.venue.received[-1].quantity == D("0.75")


def test_a_target_takes_what_is_not_in_it_and_is_not_the_end(at_venue):
    here = at_venue({"stop_loss": "2%", "take_profit": [{"at": "3%", "share": "50%"}]})
    here.enter()
    order = limit(here, "0.5")
    here.tick("103")
    here.tick("103")
    order.refresh_from_db()
    assert (here.position.quantity, order.status, here.plan.reason) == (D("0.5"), "OPEN", "")
    assert at_the_venue(here) == [("limit", "0.5")]
    here.tick("97")
    here.tick("97")
    assert (here.position.quantity, here.plan.reason) == (D(0), "stop_loss")


def test_a_target_leaves_a_limit_for_everything_alone(at_venue):
    here = at_venue({"stop_loss": "2%", "take_profit": [{"at": "3%"}]})
    here.enter()
    order = limit(here)
    here.tick("104")
    order.refresh_from_db()
    assert (order.status, here.position.quantity, here.plan.targets[0]["done"]) == ("OPEN", D(1), False)


def test_when_it_is_taken_back_the_stop_rests_again(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    order = limit(here)
    cancel.ask(order, reason="not so dear", now=clock.now())
    here.poll()
    here.tick("100")
    assert at_the_venue(here) == [("stop", "1")]


def test_what_takes_or_ends_at_once_is_no_such_limit(at_venue):
    """It is an exit under way: nothing else closes the same meanwhile."""
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    scripted = here.venue.otherwise
    here.venue.otherwise = lambda asked: rests(asked) if asked.type == "limit" else scripted(asked)
    order = limit(here, time_in_force="ioc")
    assert order.status == "OPEN"
    here.tick("97")
    order.refresh_from_db()
    assert (order.status, here.position.quantity) == ("OPEN", D(1))


@pytest.mark.parametrize("exits", [{"stop_loss": "2%"}, {}])
def test_a_person_s_flatten_takes_it_back(at_venue, exits):
    here = at_venue(exits)
    here.enter()
    order = limit(here, "0.4")
    target = flatten.Target(account=here.account)
    [closing] = flatten.preview(target).closings
    assert (closing.quantity, closing.under_way) == (D(1), D(0))
    assert [row.pk for row in flatten.preview(target).exits] == [order.pk]
    beside = []
    here.venue.before_place = lambda request: beside.append((request.type.value, request.quantity, at_the_venue(here)))
    [result] = flatten.flatten([target], request_id="f-1", by="anna", reason="enough", now=clock.now())
    assert ([row.pk for row in result.taken_back], result.cancels) == ([order.pk], [])
    here.work()
    here.tick("100")
    order.refresh_from_db()
    assert beside == [("market", D(1), [])]
    assert (order.status, here.position.quantity, at_the_venue(here)) == ("CANCELED", D(0), [])


def test_a_cancel_that_is_not_through_holds_the_close_back(at_venue):
    here = at_venue({})
    here.enter()
    order = limit(here)
    here.venue.deaf = True
    flatten.flatten(
        [flatten.Target(account=here.account)], request_id="f-1", by="anna", reason="enough", now=clock.now()
    )
    here.work()
    close = Order.objects.get(origin_id="f-1")
    why = close.steps.order_by("id").last().detail
    assert (close.status, f"the limit {order.client_order_id} must be off the venue first" in why) == ("PENDING", True)
    assert [one.type for one in here.venue.received] == ["market", "limit"]
    here.venue.deaf = False
    here.work()
    close.refresh_from_db()
    assert (close.status, here.position.quantity, at_the_venue(here)) == ("FILLED", D(0), [])


def test_two_limits_stand_beside_each_other(at_venue):
    """Nobody asked for the first to go."""
    here = at_venue({})
    here.enter()
    first, second = limit(here, "0.5", "110"), limit(here, "0.5", "120")
    assert [first.status, second.status] == ["OPEN", "OPEN"]
    assert at_the_venue(here) == [("limit", "0.5"), ("limit", "0.5")]
    assert scripted_broker.VENUE.cancels == []


def test_a_break_even_stop_is_none_that_trails(at_venue):
    """Its level is no whole tick: the stop is, and says the same."""
    here = at_venue({"break_even": "1%"})
    here.enter(price="50000.04")
    here.tick("50600")
    here.tick("50600")
    assert (here.plan.stop_price, here.plan.break_even_done) == (D("50000"), True)
    [stop] = here.exits
    assert stop.origin_id.partition(":")[0] == "break_even"
    here.fires(stop, price="50000")
    here.tick("49990")
    assert (here.plan.reason, RoundTrip.objects.get().reason) == ("break_even", "break_even")


def test_of_trailing_and_break_even_it_is_whichever_moved_it(at_venue):
    here = at_venue({"break_even": "1%", "trailing_stop": "10%"})
    here.enter(price="50000.04")
    here.tick("50600")
    here.tick("50600")
    assert (here.plan.stop_price, here.exits[-1].origin_id.partition(":")[0]) == (D("50000"), "break_even")
    here.tick("60000")
    here.poll()
    here.tick("60000")
    assert (here.plan.stop_price, here.exits[-1].origin_id.partition(":")[0]) == (D("54000"), "trailing_stop")
