"""What the router takes on at once is leased as by a claim, and only where nothing is passed over by it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from signals.models import Order, Signal, WorkItem
from signals.pipeline import decide, drain, route, work
from signals.pipeline.route import Routed
from tests import factories
from tests.fakes.scripted_broker import rests
from tradeops.core import clock, holder
from tradeops.core.models import Cursor

pytestmark = pytest.mark.django_db
LIMIT = {"order_type": "limit", "price": Decimal(49000)}


@pytest.fixture
def strategy():
    return factories.strategy(accounts=[factories.account("paper-1")])


def take():
    return route.take(now=clock.now())


def test_the_item_is_leased_to_this_process_as_it_is_stored(strategy):
    signal = factories.signal(strategy)
    before = clock.now()
    routed = take()
    stored = WorkItem.objects.get()
    assert (routed.count, routed.item.pk) == (1, stored.pk)
    assert (stored.state, stored.tries, stored.claim_token) == ("waiting", 1, routed.item.claim_token)
    assert not holder.of_this_process().died(stored.claim_token)
    assert before + timedelta(seconds=29) < stored.lease_until <= clock.now() + timedelta(seconds=30)
    assert work.claim(now=clock.now()) is None
    [order] = decide.decide(routed.item)
    assert (order.signal_id, order.status) == (signal.pk, "PENDING")
    assert WorkItem.objects.get().state == "done"


def test_of_several_signals_the_first_is_taken_and_the_others_wait_in_order(strategy):
    first, second, third = (factories.signal(strategy, action=action) for action in ("buy", "close", "buy"))
    routed = take()
    assert (routed.count, routed.item.signal_id) == (3, first.pk)
    assert list(WorkItem.objects.order_by("pk").values_list("signal", "tries")) == [
        (first.pk, 1), (second.pk, 0), (third.pk, 0),
    ]  # fmt: skip
    assert work.claim(now=clock.now()) is None  # the lane has one at work


def test_where_something_waits_it_is_not_passed_over(strategy):
    waiting = factories.signal(strategy)
    assert route.route(now=clock.now()) == 1
    later = factories.signal(strategy, action="close")
    assert take() == Routed(1, None)
    assert work.claim(now=clock.now()).signal_id == waiting.pk
    assert WorkItem.objects.get(signal=later).claim_token == ""


def test_what_was_leased_and_died_is_taken_up_by_another(strategy):
    factories.signal(strategy)
    item = take().item
    after = clock.now() + timedelta(seconds=31)
    again = work.claim(now=after)
    assert (again.pk, again.tries) == (item.pk, 2)
    assert decide.decide(item) == []
    assert not Order.objects.exists()


def test_one_that_has_to_wait_for_an_order_is_given_back(venue, full):
    strategy = factories.strategy(accounts=[full])
    venue.answers = [rests]
    factories.signal(strategy, **LIMIT)
    drain.drain()
    factories.signal(strategy)
    routed = take()
    assert not work.may_go(routed.item, now=clock.now())
    stored = WorkItem.objects.get(pk=routed.item.pk)
    assert (stored.state, stored.tries, stored.claim_token, stored.lease_until) == ("waiting", 0, "", None)
    assert list(Order.objects.values_list("status", "cancel_asked_at")) == [("OPEN", None)]


def test_what_only_relays_is_left_to_those_who_decide_it_together(venue):
    strategy = factories.strategy(endpoints=[factories.endpoint("vps-1")])
    signal = factories.signal(strategy)
    assert take() == Routed(1, None)
    assert Signal.objects.get(pk=signal.pk).status == "APPROVED"


def test_a_signal_that_was_routed_before_gives_nothing_to_take(strategy):
    factories.signal(strategy)
    drain.drain()
    Cursor.objects.filter(name=route.CURSOR).update(position=0)
    assert take() == Routed(1, None)
    assert WorkItem.objects.get().state == "done"
    assert Order.objects.count() == 1
