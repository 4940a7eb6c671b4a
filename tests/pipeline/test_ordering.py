"""Whatever order a bar's signals arrive in, what is held in the end is where the strategy stands (S5)."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from accounts.brokers.base import BrokerTemporary, BrokerUnknown
from relay.models import Delivery
from signals.execution import reconcile, runner
from signals.models import Decision, Order, Position, Signal, StrategyTarget, WorkItem
from signals.pipeline import decide, route, work
from signals.pipeline.drain import drain
from tests import factories
from tests.fakes.scripted_broker import rests
from tradeops.core import clock

D = Decimal
pytestmark = pytest.mark.django_db
WAIT = timedelta(seconds=2)


def target(strategy, before, now, **fields):
    """The alert of a strategy that stood at `before` and stands at `now`."""
    return factories.signal(strategy, action="", prev_market_position=before, market_position=now, **fields)


def long_ago(*signals):
    """Their wait is over: they were received, and looked at, longer ago than a predecessor is waited for."""
    for signal in signals:
        Signal.objects.filter(pk=signal.pk).update(received_at=clock.now() - WAIT - timedelta(seconds=1))
        WorkItem.objects.filter(signal=signal).update(due_at=clock.now())


def held():
    return [(row.side, row.quantity) for row in Position.objects.filter(is_open=True)]


def statuses(*signals):
    return [Signal.objects.get(pk=signal.pk).status for signal in signals]


def acted():
    """The signals in the order in which they were decided."""
    return list(dict.fromkeys(Decision.objects.order_by("id").values_list("signal", flat=True)))


def stands():
    row = StrategyTarget.objects.get()
    return row.target, row.size


@pytest.fixture
def account():
    return factories.account("swap-1", market="swap")


@pytest.fixture
def trend(swap):
    """Its account can be long and short."""
    return factories.strategy(accounts=[swap])


class TestOrder:
    def test_what_comes_in_order_waits_for_nothing(self, trend):
        signals = [target(trend, "flat", "long"), target(trend, "long", "short"), target(trend, "short", "flat")]
        drain()
        assert statuses(*signals) == ["APPROVED"] * 3
        assert held() == []
        assert stands() == ("flat", None)
        assert list(Order.objects.order_by("id").values_list("intent", "side")) == [
            ("open", "buy"), ("close", "sell"), ("open", "sell"), ("close", "buy"),
        ]  # fmt: skip

    def test_a_flip_that_arrives_swapped(self, trend):
        second = target(trend, "long", "short")
        drain()
        assert statuses(second) == ["PROCESSING"]
        assert not Decision.objects.exists()
        first = target(trend, "flat", "long")
        drain()
        assert statuses(first, second) == ["APPROVED", "APPROVED"]
        assert acted() == [first.pk, second.pk]
        assert held() == [("short", D("0.01"))]
        assert stands() == ("short", None)

    @pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
    def test_four_of_them_in_any_order(self, trend, order):
        moves = [("flat", "long"), ("long", "short"), ("short", "flat"), ("flat", "short")]
        signals = {number: target(trend, *moves[number], comment=str(number)) for number in order}
        drain()
        assert held() == [("short", D("0.01"))]
        assert stands() == ("short", None)
        # The first and the last both begin flat: either leads on, and the strategy ends where it stands.
        assert len(acted()) == 4
        assert statuses(*signals.values()) == ["APPROVED"] * 4

    def test_sizes_tell_a_bar_s_additions_apart(self, swap):
        strategy = factories.strategy(accounts=[swap], target_size="absolute")
        steps = [("flat", "0", "long", "0.01"), ("long", "0.01", "long", "0.03"), ("long", "0.03", "long", "0.02")]
        made = [
            target(strategy, before, now, market_position_size=D(size), extra={"prev_market_position_size": had})
            for before, had, now, size in reversed(steps)
        ]
        drain()
        assert acted() == [one.pk for one in reversed(made)]
        assert held() == [("long", D("0.02"))]
        assert stands() == ("long", D("0.02"))

    def test_what_says_nothing_of_its_place_acts_as_it_came_and_waits_behind_one_that_waits(self, trend):
        second = target(trend, "long", "short")
        plain = factories.signal(trend, action="close")
        drain()
        assert statuses(second, plain) == ["PROCESSING", "PROCESSING"]
        first = target(trend, "flat", "long")
        drain()
        assert acted() == [first.pk, second.pk, plain.pk]
        assert held() == []

    def test_another_symbol_and_another_strategy_do_not_wait(self, trend, swap):
        trend.symbols = {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}
        trend.save()
        other = factories.strategy("other", accounts=[swap], netting="allow")
        waits = target(trend, "long", "short")
        go = [target(trend, "flat", "long", symbol="ETHUSDT"), target(other, "flat", "short")]
        drain()
        assert statuses(waits, *go) == ["PROCESSING", "APPROVED", "APPROVED"]


class TestThePredecessorThatNeverComes:
    def test_after_two_seconds_it_acts_alone(self, trend):
        signal = target(trend, "long", "short")
        drain()
        due = WorkItem.objects.get().due_at
        assert due == Signal.objects.get().received_at + WAIT
        long_ago(signal)
        drain()
        assert statuses(signal) == ["APPROVED"]
        assert held() == [("short", D("0.01"))]

    def test_one_that_is_not_due_is_no_work(self, trend):
        target(trend, "long", "short")
        drain()
        assert not work.waiting(now=clock.now())
        assert work.claim(now=clock.now()) is None
        assert work.waiting(now=clock.now() + WAIT)

    def test_what_does_not_lead_to_it_does_not_overtake(self, trend):
        exits = target(trend, "long", "flat")
        enters = target(trend, "flat", "short")
        drain()
        assert acted() == []
        long_ago(exits)
        drain()
        assert acted() == [exits.pk, enters.pk]
        assert held() == [("short", D("0.01"))]

    def test_what_was_sent_later_does_not_overtake(self, trend):
        now = clock.now()
        exits = target(trend, "long", "flat", sent_at=now - timedelta(seconds=2))
        enters = target(trend, "flat", "long", sent_at=now - timedelta(seconds=1))
        drain()
        assert acted() == []
        long_ago(exits)
        drain()
        assert acted() == [exits.pk, enters.pk]
        assert held() == [("long", D("0.01"))]

    def test_nor_what_comes_more_than_two_seconds_after_it(self, trend):
        exits = target(trend, "long", "flat")
        drain()
        long_ago(exits)
        enters = target(trend, "flat", "long")
        drain()
        assert acted() == [exits.pk, enters.pk]
        assert held() == [("long", D("0.01"))]

    def test_one_that_comes_too_late_by_its_own_clock_does_nothing(self, trend):
        vps = factories.endpoint("vps-1")
        trend.endpoints.set([vps])
        now = clock.now()
        second = target(trend, "long", "short", sent_at=now)
        drain()
        long_ago(second)
        drain()
        first = target(trend, "flat", "long", sent_at=now - timedelta(seconds=1))
        drain()
        assert statuses(first) == ["REJECTED"]
        assert held() == [("short", D("0.01"))]
        assert stands() == ("short", None)
        found = factories.decisions(first)
        assert {row.reason for row in found} == {"a later alert has said already where the strategy stands: short"}
        assert all("sequence" in [rule["rule"] for rule in row.rules] for row in found)
        assert not Delivery.objects.filter(subject=first.public_id).exists()


class TestFaults:
    def test_a_restart_in_the_wait_changes_nothing(self, trend):
        second = target(trend, "long", "short")
        drain()
        first = target(trend, "flat", "long")
        route.route(now=clock.now())
        # A worker is killed with the overtaker in its hands: its lease is over, the claim has counted.
        taken = work.claim(now=clock.now())
        assert taken.signal_id == first.pk
        WorkItem.objects.filter(pk=taken.pk).update(lease_until=clock.now() - timedelta(seconds=1))
        drain()
        assert acted() == [first.pk, second.pk]
        assert held() == [("short", D("0.01"))]

    def test_killed_while_it_looked_whether_to_wait(self, trend):
        second = target(trend, "long", "short")
        route.route(now=clock.now())
        taken = work.claim(now=clock.now())
        WorkItem.objects.filter(pk=taken.pk).update(lease_until=clock.now() - timedelta(seconds=1))
        drain()
        assert WorkItem.objects.get().tries == 0  # and so is known to wait
        first = target(trend, "flat", "long")
        drain()
        assert acted() == [first.pk, second.pk]

    def test_of_two_drains_one_acts_and_the_other_looks_again(self, trend):
        second = target(trend, "long", "short")
        drain()
        first = target(trend, "flat", "long")
        route.route(now=clock.now())
        slow = work.claim(now=clock.now())
        long_ago(second, first)  # its wait ends while another drain is at its predecessor
        fast = work.claim(now=clock.now())
        assert (slow.signal_id, fast.signal_id) == (first.pk, second.pk)
        assert decide.decide(fast) == []
        assert acted() == []
        runner.start(decide.decide(slow))
        drain()
        assert acted() == [first.pk, second.pk]

    def test_what_was_looked_at_must_still_be_so_under_the_locks(self, trend, monkeypatch):
        signal = target(trend, "flat", "long")
        route.route(now=clock.now())
        item = work.claim(now=clock.now())
        case = decide.gather(item, now=clock.now())
        other = target(trend, "flat", "short")
        StrategyTarget.objects.create(strategy=trend, symbol="BTC/USDT", target="short", signal=other, at=clock.now())
        with pytest.raises(decide.ordering.Moved):
            decide.ordering.confirm(item, case.mapped, case.turn)
        assert decide.decide(item) == []
        assert not Decision.objects.filter(signal=signal).exists()

    def test_a_signal_of_the_wait_that_is_not_routed_yet_is_waited_for(self, trend):
        second = target(trend, "long", "short")
        route.route(now=clock.now())
        first = target(trend, "flat", "long")  # stored, and the router has still to come
        for one in (second, first):
            Signal.objects.filter(pk=one.pk).update(received_at=clock.now() - timedelta(seconds=3))
        taken = work.claim(now=clock.now())
        assert decide.decide(taken) == []
        assert not Decision.objects.exists()
        drain()
        assert acted() == [first.pk, second.pk]


class TestASlowVenue:
    def test_the_flip_waits_for_the_orders_of_its_predecessor(self, trend, venue, tend):
        second = target(trend, "long", "short")
        venue.answers = [rests]  # the entry is at the venue, and fills later
        first = target(trend, "flat", "long")
        drain()
        assert acted() == [first.pk]
        assert statuses(second) == ["PROCESSING"]
        tend()
        drain()
        assert acted() == [first.pk, second.pk]
        assert held() == [("short", D("0.01"))]

    def test_a_target_waits_until_it_is_known_what_is_held(self, trend, venue):
        first = target(trend, "flat", "long")
        venue.answers = [BrokerUnknown("no answer in time")]
        venue.fetch_error = BrokerTemporary("down", retry_after=600)
        drain()
        lost = Order.objects.get(status="UNKNOWN")
        second = target(trend, "long", "short")
        drain()
        assert acted() == [first.pk]
        venue.fetch_error = None
        Order.objects.filter(pk=lost.pk).update(due_at=clock.now())
        reconcile.reconcile(Order.objects.select_related("account", "strategy", "signal").get(pk=lost.pk))
        WorkItem.objects.update(due_at=clock.now())
        drain()
        assert acted() == [first.pk, second.pk]
        assert held() == [("short", D("0.01"))]

    def test_but_not_for_ever_and_then_says_that_it_does_not_know(self, trend, venue):
        target(trend, "flat", "long")
        drain()
        venue.answers = [BrokerUnknown("no answer in time")]
        venue.fetch_error = BrokerTemporary("down", retry_after=600)
        target(trend, "long", "flat")
        drain()
        back = target(trend, "flat", "long")
        drain()
        assert statuses(back) == ["PROCESSING"]
        Order.objects.filter(status="UNKNOWN").update(unknown_since=clock.now() - timedelta(seconds=6))
        WorkItem.objects.update(due_at=clock.now())
        drain()
        assert statuses(back) == ["REJECTED"]
        assert {rule["rule"] for rule in factories.decisions(back)[0].rules if rule["verdict"] == "FAIL"} >= {
            "in_doubt"
        }

    def test_an_exit_does_not_wait_for_it(self, trend, venue):
        target(trend, "flat", "long")
        venue.answers = [BrokerUnknown("no answer in time")]
        venue.fetch_error = BrokerTemporary("down", retry_after=600)
        drain()
        away = target(trend, "long", "flat")
        drain()
        assert statuses(away) == ["APPROVED"]
        assert Order.objects.get(intent="close").code == "after_doubt"


class TestStrategiesThatOnlyRelay:
    @pytest.fixture
    def relays(self):
        return factories.strategy(endpoints=[factories.endpoint("vps-1")])

    def sent(self):
        return list(Delivery.objects.order_by("id").values_list("subject", flat=True))

    def test_in_order_they_are_decided_as_they_are_routed(self, relays):
        signals = [target(relays, "flat", "long"), target(relays, "long", "short"), target(relays, "short", "flat")]
        route.route(now=clock.now())
        assert self.sent() == [one.public_id for one in signals]
        assert stands() == ("flat", None)

    def test_swapped_they_wait_in_their_lane(self, relays):
        second = target(relays, "long", "short")
        drain()
        assert self.sent() == []
        first = target(relays, "flat", "long")
        drain()
        assert self.sent() == [first.public_id, second.public_id]
        assert stands() == ("short", None)

    def test_swapped_in_one_batch(self, relays):
        second, first = target(relays, "long", "short"), target(relays, "flat", "long")
        drain()
        assert self.sent() == [first.public_id, second.public_id]

    def test_alone_after_two_seconds(self, relays):
        only = target(relays, "long", "short")
        drain()
        assert self.sent() == []
        long_ago(only)
        drain()
        assert self.sent() == [only.public_id]


def test_a_dry_run_neither_waits_nor_moves_where_the_strategy_stands(trend):
    signal = target(trend, "long", "short", dry_run=True)
    drain()
    assert statuses(signal) == ["APPROVED"]
    assert not StrategyTarget.objects.exists()


def test_a_rejected_target_still_tells_where_the_strategy_stands(trend):
    factories.limit("max_order_notional", "1")
    assert [target(trend, "flat", "long")]
    drain()
    assert stands() == ("long", None)
    out = target(trend, "long", "flat")
    drain()
    assert statuses(out) == ["APPROVED"]  # at once, and nothing was held


def test_ledgers_count_every_signal_once(account):
    strategy = factories.strategy(accounts=[account])
    for before, now in (("long", "flat"), ("flat", "long"), ("long", "flat")):
        target(strategy, before, now)
    drain()
    assert WorkItem.objects.filter(state="done").count() == Decision.objects.count()
