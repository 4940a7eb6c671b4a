"""A stop rests at the venue from the first fill, and never beside something that closes the same (P2)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown, Rejection, ReportStatus
from signals.models import ExitPlan, Order, Position, RoundTrip
from signals.operator import flatten
from tests.fakes.scripted_broker import filled, rests
from tradeops.core import clock

D = Decimal
HALVES = [{"at": "3%", "share": "50%"}, {"at": "6%", "share": "50%"}]


def told():
    from relay.models import Message

    return list(Message.objects.filter(event__startswith="position.").order_by("id").values_list("event", flat=True))


def test_it_rests_with_the_first_fill_and_the_monitor_only_watches(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    [stop] = here.exits
    assert (stop.type, stop.status, stop.quantity, stop.stop_price) == ("stop", "OPEN", D(1), D(98))
    assert here.resting == [("1", "98")]
    here.tick("97")  # it is the venue's to fire
    assert len(here.exits) == 1
    here.fires(stop, price="97.5")
    here.tick()
    assert (here.plan.state, here.plan.reason, here.position.quantity) == ("CLOSED", "stop_loss", D(0))
    assert RoundTrip.objects.get().realised_pnl == D("-2.5")
    assert here.resting == []


def test_it_is_resized_at_each_fill(at_venue):
    here = at_venue({"stop_loss": "10%"})
    here.venue.answers = [lambda asked: filled(asked, at=clock.now(), price="100", quantity=D("0.4"))]
    entry = here.enter()
    assert (entry.status, here.resting) == ("PARTIALLY_FILLED", [("0.4", "90")])
    request = here.venue.received[0]
    more = filled(request, at=clock.now(), price="100", quantity=D("0.6")).fills[0]
    known = here.venue.ledger[entry.client_order_id].fills[0]
    here.venue.show(entry.client_order_id, status=ReportStatus.FILLED, fills=(known, replace(more, trade_id="t-2")))
    here.poll()
    here.tick("100")
    here.poll()
    here.tick("100")
    assert here.position.quantity == 1
    assert here.resting == [("1", "90")]


def test_a_target_takes_the_stop_back_first_and_the_rest_gets_its_own(at_venue):
    here = at_venue({"stop_loss": "2%", "take_profit": HALVES})
    here.enter()
    seen = []

    def before(request):
        seen.append((request.type.value, str(request.quantity), list(here.resting)))

    here.venue.before_place = before
    here.tick("103")
    here.tick("103")
    here.poll()
    assert seen == [("market", "0.5", []), ("stop", "0.5", [])]
    assert (here.position.quantity, here.resting) == (D("0.5"), [("0.5", "98")])
    here.tick("106")
    here.tick()
    assert (here.position.quantity, here.resting) == (D(0), [])
    assert (here.plan.state, here.plan.reason) == ("CLOSED", "take_profit")


def test_a_trailing_stop_moves_the_one_at_the_venue(at_venue):
    here = at_venue({"trailing_stop": "10%"})
    here.enter()
    assert here.resting == [("1", "90")]
    here.tick("120")
    here.poll()
    here.tick("120")
    assert here.resting == [("1", "108")]
    here.tick("120.1")  # less than a step: the venue is not asked for each tick
    here.poll()
    assert here.resting == [("1", "108")]
    assert here.plan.version == 2


def test_a_persons_close_takes_it_back_too(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    flatten.flatten(
        [flatten.Target(account=here.account)], request_id="f-1", by="anna", reason="enough", now=clock.now()
    )
    here.work()
    here.tick("100")
    assert (here.position.quantity, here.resting) == (D(0), [])
    assert (here.plan.state, here.plan.reason) == ("CLOSED", "manual")


def test_what_fires_while_it_is_taken_back_leaves_nothing_to_close(at_venue):
    here = at_venue({"stop_loss": "2%", "take_profit": [{"at": "3%"}]})
    here.enter()
    [stop] = here.exits
    request = here.venue.received[-1]
    here.venue.ledger[stop.client_order_id] = filled(request, at=clock.now(), price="98")
    here.tick("103")
    here.tick()
    target = Order.objects.get(origin="exit", type="market")
    assert (target.status, target.code) == ("CANCELED", "not_needed")
    assert [one.type for one in here.venue.received] == ["market", "stop"]
    assert here.position.quantity == 0
    assert not Order.objects.filter(position_side="short").exists()


def test_without_its_stop_a_position_is_unprotected_and_the_monitor_closes_it(at_venue):
    here = at_venue({"stop_loss": "2%"})
    no = BrokerRejected("no stops today", code=Rejection.UNSUPPORTED)
    here.venue.answers = [lambda asked: filled(asked, at=clock.now(), price="100"), no]
    here.enter()
    here.tick("100")
    assert here.plan.state == ExitPlan.State.ACTIVE
    here.tick("100", seconds=6)
    assert (here.plan.state, here.plan.problem) == ("UNPROTECTED", "no stops today")
    here.tick("100")
    assert told() == ["position.unprotected"]
    here.tick("97")
    here.tick("97")
    assert (here.position.quantity, here.plan.state, here.plan.reason) == (D(0), "CLOSED", "stop_loss")
    assert told() == ["position.unprotected", "position.exit"]


@pytest.mark.parametrize(
    ("exits", "state", "problem", "events"),
    [
        ({"take_profit": [{"at": "3%"}]}, "ACTIVE", "", []),
        ({"time_stop": "1h"}, "ACTIVE", "", []),
        # It is to get a stop, but has not come so far yet.
        ({"trailing_stop": {"distance": "1%", "from": "5%"}}, "ACTIVE", "", []),
        ({"stop_loss": "2%"}, "UNPROTECTED", "busy", ["position.unprotected"]),
    ],
)
def test_while_a_venue_cannot_be_read_only_what_is_meant_to_have_a_stop_is_unprotected(
    at_venue, exits, state, problem, events
):
    here = at_venue(exits)

    def fills_and_falls_silent(asked):
        here.venue.instrument_error = BrokerTemporary("busy", retry_after=1)
        return filled(asked, at=clock.now(), price="100")

    here.venue.answers = [fills_and_falls_silent]
    here.enter()
    here.tick("100")
    here.tick("100", seconds=6)
    assert (here.plan.state, here.plan.problem) == (state, problem)
    assert told() == events
    here.venue.instrument_error = None
    here.tick("100")
    here.tick("100")
    assert (here.plan.state, here.plan.problem) == ("ACTIVE", "")
    assert told() == ([*events, "position.protected"] if events else [])


def test_a_stop_that_rests_protects_although_its_venue_cannot_be_read(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    assert here.resting == [("1", "98")]
    here.venue.instrument_error = BrokerTemporary("busy", retry_after=1)
    here.tick("100")
    here.tick("100", seconds=6)
    assert (here.plan.state, here.plan.problem_since) == ("ACTIVE", None)
    Position.objects.update(quantity=D(2))  # a part of it no stop is for
    here.tick("100")
    here.tick("100", seconds=6)
    assert (here.plan.state, here.plan.problem) == ("UNPROTECTED", "busy")
    assert told() == ["position.unprotected"]


def test_it_is_protected_again_once_the_venue_takes_the_stop(at_venue):
    here = at_venue({"stop_loss": "2%"})
    no = BrokerRejected("no stops today", code=Rejection.UNSUPPORTED)
    here.venue.answers = [lambda asked: filled(asked, at=clock.now(), price="100"), no]
    here.enter()
    here.tick("100")
    here.tick("100", seconds=6)
    assert here.plan.state == "UNPROTECTED"
    here.tick("100", seconds=60)
    here.tick("100")
    assert (here.plan.state, here.plan.problem, here.resting) == ("ACTIVE", "", [("1", "98")])
    assert told() == ["position.unprotected", "position.protected"]


def test_a_cancel_that_is_not_through_holds_the_exit_back(at_venue):
    here = at_venue({"stop_loss": "2%", "take_profit": [{"at": "3%"}]})
    here.enter()
    here.venue.deaf = True
    here.tick("103")
    target = Order.objects.get(origin="exit", type="market")
    assert (target.status, [one.type for one in here.venue.received]) == ("PENDING", ["market", "stop"])
    here.venue.deaf = False
    here.work()
    target.refresh_from_db()
    assert (target.status, here.resting, here.position.quantity) == ("FILLED", [], D(0))


def test_a_stop_whose_answer_was_lost_is_taken_back_too(at_venue):
    """It rests at the venue, and nobody here knew: the machine of `test_state_machine` found it left there."""
    here = at_venue({"stop_loss": "2%", "take_profit": [{"at": "3%"}]})

    def lost(asked):
        here.venue.ledger[asked.client_order_id] = rests(asked)
        raise BrokerUnknown("no answer in time")

    here.venue.answers = [lambda asked: filled(asked, at=clock.now(), price="100"), lost]
    here.enter()
    assert [order.status for order in here.exits] == ["UNKNOWN"]
    here.tick("103")
    assert (here.position.quantity, here.resting) == (D(0), [])
    assert [(order.type, order.status) for order in here.exits] == [("stop", "CANCELED"), ("market", "FILLED")]


def test_a_close_beside_one_that_nobody_has_heard_of_takes_the_stop_back(at_venue):
    """The first may have closed its part, so there is room for one only: the machine of `test_state_machine` found a
    stop left at the venue for coins that were sold."""
    here = at_venue({"stop_loss": "2%"})
    here.venue.answers = [lambda asked: filled(asked, at=clock.now(), price="100", quantity=D("0.75"))]
    entry = here.enter()
    more = filled(here.venue.received[0], at=clock.now(), price="100", quantity=D("0.25")).fills[0]

    def lost(asked):
        here.venue.ledger[asked.client_order_id] = filled(asked, at=clock.now(), price="100")
        raise BrokerUnknown("no answer in time")

    def close(name):
        target = flatten.Target(account=here.account)
        flatten.flatten([target], request_id=name, by="anna", reason="enough", now=clock.now())
        here.work()

    here.venue.answers = [lost]
    close("f-1")
    known = here.venue.ledger[entry.client_order_id].fills[0]
    here.venue.show(entry.client_order_id, status=ReportStatus.FILLED, fills=(known, replace(more, trade_id="t-2")))
    here.poll()
    assert (here.position.quantity, here.resting) == (D(1), [("0.25", "98")])
    seen = []
    here.venue.before_place = lambda request: seen.append((str(request.quantity), list(here.resting)))
    close("f-2")
    assert seen == [("0.25", [])]
    assert [row.status for row in Order.objects.filter(origin="manual", intent="close")] == ["UNKNOWN", "FILLED"]


def test_an_exit_that_the_venue_turns_down_is_tried_again_later_under_a_new_id(at_venue):
    here = at_venue({"time_stop": "1s"})
    here.enter()
    here.venue.answers = [BrokerRejected("not now", code=Rejection.UNSUPPORTED)]
    here.tick("100", seconds=2)
    here.tick("100")
    here.tick("100")
    assert [order.status for order in here.exits] == ["REJECTED"]
    here.tick("100", seconds=40)
    assert [order.status for order in here.exits] == ["REJECTED", "FILLED"]
    assert len({order.client_order_id for order in here.exits}) == 2
    assert here.position.quantity == 0


def test_a_second_position_begins_with_a_plan_of_its_own(at_venue):
    here = at_venue({"stop_loss": "2%"})
    here.enter()
    here.fires(here.exits[0], price="98")
    here.enter(price="50")
    here.tick("50")
    assert ExitPlan.objects.filter(state="ACTIVE").count() == 1
    assert here.resting == [("1", "49")]
    assert here.now - here.plan.opened_at < timedelta(minutes=5)
