"""Signals of strategies that only relay: all that are there are decided at once, and none sinks the others."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from relay.models import Delivery, Message
from signals.models import Decision, Signal, WorkItem
from signals.pipeline import backlog, gather, plans, route, together, work
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tradeops.core import clock
from tradeops.core.alone import alone
from tradeops.core.models import Cursor

pytestmark = pytest.mark.django_db
SYMBOLS = {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}


@pytest.fixture
def endpoints():
    return [factories.endpoint("vps-1"), factories.endpoint("vps-2")]


@pytest.fixture
def strategy(endpoints):
    return factories.strategy(endpoints=endpoints, symbols=SYMBOLS)


def spoiled(*strategies, **alert):
    """A signal whose stored fields no version of the program can read."""
    signal = factories.signal(*strategies, **alert)
    Signal.objects.filter(pk=signal.pk).update(data={"symbol": signal.symbol, "what_is_this": 1})
    return signal


def states():
    return list(Signal.objects.order_by("pk").values_list("status", flat=True))


def relayed():
    """The ids of the signals that were relayed, in the order of their deliveries, for the first endpoint."""
    return list(Delivery.objects.filter(endpoint__slug="vps-1").order_by("pk").values_list("subject", flat=True))


class TestABatch:
    def test_each_has_its_decisions_its_message_and_its_deliveries(self, strategy):
        signals = [factories.signal(strategy, symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT") * 3]
        assert route.route(now=clock.now()) == 6
        assert states() == ["APPROVED"] * 6
        for signal in signals:
            signal.refresh_from_db()
            assert (signal.relay, signal.decided_at is not None) == ("PENDING", True)
            first, second = factories.decisions(signal)
            assert (first.endpoint.slug, second.endpoint.slug) == ("vps-1", "vps-2")
            assert (first.outcome, first.intent, first.mode, first.reason) == (
                "APPROVED",
                "relay",
                "live",
                "all rules passed",
            )
            assert [rule["rule"] for rule in first.rules] == [
                "mode", "endpoint", "kill_switch", "halted", "maintenance", "stale", "trading_window", "market_hours",
                "allowed_symbols",
            ]  # fmt: skip
            assert {rule["verdict"] for rule in first.rules} == {"PASS"}
            message = Message.objects.get(signal=signal.public_id)
            assert message.title == f"trend takes buy {signal.symbol}: 2 endpoints"
            assert message.body["data"]["symbol"] == SYMBOLS[signal.symbol]
            assert message.body["data"]["ticker"] == signal.symbol
            assert message.body["raw"] == signal.raw
        assert relayed() == [signal.public_id for signal in signals]
        assert set(Delivery.objects.values_list("lane", flat=True)) == {"trend:BTC/USDT", "trend:ETH/USDT"}
        assert set(WorkItem.objects.values_list("state", flat=True)) == {"done"}
        assert drain() == 0

    def test_it_takes_no_more_statements_than_one(self, strategy, django_assert_max_num_queries):
        factories.signal(strategy)
        route.route(now=clock.now())  # what is asked once is asked
        for _ in range(40):
            factories.signal(strategy)
        with django_assert_max_num_queries(25):
            assert route.route(now=clock.now()) == 40

    def test_some_are_approved_some_not(self, strategy):
        late = clock.now() - timedelta(seconds=61)
        factories.signal(strategy)
        factories.signal(strategy, symbol="DOGEUSDT")
        factories.signal(strategy, sent_at=late)
        factories.signal(strategy, action="close", sent_at=late)
        factories.signal(routes=[])
        route.route(now=clock.now())
        assert states() == ["APPROVED", "REJECTED", "EXPIRED", "APPROVED", "REJECTED"]
        assert list(Message.objects.order_by("event").values_list("event", flat=True)) == [
            "signal.approved", "signal.approved", "signal.rejected", "signal.rejected", "signal.rejected",
        ]  # fmt: skip
        assert Delivery.objects.count() == 4

    def test_more_than_one_transaction_holds(self, strategy):
        for _ in range(together.MOST + 1):
            factories.signal(strategy)
        assert route.route(now=clock.now()) == together.MOST
        assert route.route(now=clock.now()) == 1
        assert states() == ["APPROVED"] * (together.MOST + 1)

    def test_a_strategy_without_anybody_says_so(self):
        factories.signal(factories.strategy())
        route.route(now=clock.now())
        assert states() == ["REJECTED"]
        assert Message.objects.get().title == (
            "trend rejected buy BTCUSDT: the strategy has neither accounts nor endpoints"
        )


class TestASwitch:
    def test_turned_between_judging_and_storing_is_heeded(self, strategy):
        signal = factories.signal(strategy)
        [read] = gather.signals(where="id = %s", params=[signal.pk])
        item = WorkItem(signal=signal, strategy=strategy, lane="trend:BTC/USDT", due_at=clock.now())
        case = gather.relay_case(item, read, plans.of(strategy.pk))
        judged = together.judge([case], now=clock.now())
        assert [row.outcome for row in judged.decisions[0]] == ["APPROVED", "APPROVED"]
        switch.set(scope="strategy", key="trend", on=True, reason="drill", by="test", now=clock.now())
        again = together.lock(judged)
        assert [row.outcome for row in again.decisions[0]] == ["REJECTED", "REJECTED"]
        assert again.decisions[0][0].reason == "the kill switch is on (strategy trend)"

    def test_of_another_strategy_changes_nothing(self, strategy, endpoints):
        other = factories.strategy("other", endpoints=endpoints)
        switch.set(scope="strategy", key="other", on=True, reason="drill", by="test", now=clock.now())
        factories.signal(strategy)
        factories.signal(other)
        route.route(now=clock.now())
        assert states() == ["APPROVED", "REJECTED"]

    def test_a_rule_that_raises_rejects_only_its_own(self, strategy, endpoints):
        other = factories.strategy("other", endpoints=endpoints)
        factories.limit("allowed_symbols", 5, scope="strategy", key="other")
        factories.signal(other)
        factories.signal(strategy)
        route.route(now=clock.now())
        assert states() == ["REJECTED", "APPROVED"]
        [verdict] = [rule for rule in Decision.objects.first().rules if rule["rule"] == "allowed_symbols"]
        assert verdict["verdict"] == "ERROR"


class TestASignalThatCannotBeRead:
    def test_it_holds_up_its_lane_and_nothing_else(self, strategy):
        factories.signal(strategy)
        spoiled(strategy)
        behind = factories.signal(strategy)
        factories.signal(strategy, symbol="ETHUSDT")
        drain()
        assert states() == ["APPROVED", "PROCESSING", "PROCESSING", "APPROVED"]
        assert WorkItem.objects.get(signal=behind).state == "waiting"
        assert not Decision.objects.filter(signal=behind).exists()

    def test_it_fails_in_the_end_and_the_lane_goes_on_in_order(self, strategy):
        bad = spoiled(strategy)
        behind = [factories.signal(strategy) for _ in range(3)]
        for _ in range(work.MAX_TRIES):
            WorkItem.objects.update(due_at=clock.now())
            drain()
        assert states() == ["FAILED", "APPROVED", "APPROVED", "APPROVED"]
        assert relayed() == [signal.public_id for signal in behind]
        [told] = Message.objects.filter(event="signal.failed")
        assert (told.signal, told.level) == (bad.public_id, "critical")


class TestTheBacklog:
    def test_what_waits_is_decided_together_and_in_order(self, strategy, endpoints):
        account = factories.account()
        strategy.accounts.add(account)
        factories.strategy("other", endpoints=endpoints)  # says that the configuration changed
        signals = [factories.signal(strategy) for _ in range(5)]
        route.route(now=clock.now())
        assert states() == ["PROCESSING"] * 5
        strategy.accounts.clear()
        factories.strategy("another", endpoints=endpoints)
        late = factories.signal(strategy)
        route.route(now=clock.now())
        assert states() == ["PROCESSING"] * 6  # it waits behind them
        assert backlog.work_off() == 6
        assert relayed() == [signal.public_id for signal in [*signals, late]]
        assert backlog.work_off() == 0

    def test_an_item_in_a_worker_s_hands_is_not_taken(self, strategy, endpoints):
        strategy.accounts.add(factories.account())
        factories.strategy("other", endpoints=endpoints)
        factories.signal(strategy)
        factories.signal(strategy)
        route.route(now=clock.now())
        assert work.claim(now=clock.now()) is not None
        strategy.accounts.clear()
        factories.strategy("another", endpoints=endpoints)
        assert backlog.work_off() == 0
        assert not Decision.objects.exists()


class TestSeveralStrategies:
    def test_accounts_and_endpoints_of_one_signal(self, strategy):
        trading = factories.strategy("trading", accounts=[factories.account()])
        signal = factories.signal(strategy, trading)
        assert route.route(now=clock.now()) == 1
        signal.refresh_from_db()
        assert (signal.status, signal.relay) == ("PROCESSING", "PENDING")
        assert Delivery.objects.count() == 2
        Signal.objects.update(relay="DELIVERED")  # both endpoints were fast
        drain()
        signal.refresh_from_db()
        assert (signal.status, signal.relay) == ("APPROVED", "DELIVERED")

    def test_two_that_only_relay_are_settled_by_all_their_decisions(self, strategy, endpoints):
        off = factories.strategy("idle", endpoints=endpoints, mode="off")
        signal = factories.signal(strategy, off)
        route.route(now=clock.now())
        signal.refresh_from_db()
        assert (signal.status, signal.relay) == ("PARTIAL", "PENDING")
        assert [row.outcome for row in factories.decisions(signal)] == ["APPROVED", "APPROVED", "REJECTED", "REJECTED"]


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_the_database_refuses_is_decided_one_by_one(endpoints):
    strategy = factories.strategy(endpoints=endpoints)
    signals = [factories.signal(strategy) for _ in range(3)]
    # Nobody but a broken program leaves a decision without its work item; the others must not suffer from it.
    Decision.objects.create(
        signal=signals[1], strategy=strategy, endpoint=endpoints[0], outcome="REJECTED", decided_at=clock.now()
    )
    for _ in range(work.MAX_TRIES):
        WorkItem.objects.update(due_at=clock.now())
        drain()
    assert states() == ["APPROVED", "FAILED", "APPROVED"]
    assert relayed() == [signals[0].public_id, signals[2].public_id]


@pytest.mark.django_db(transaction=True)
def test_a_cursor_that_was_lost_decides_nothing_twice(endpoints):
    strategy = factories.strategy(endpoints=endpoints)
    first = factories.signal(strategy)
    drain()
    Cursor.objects.all().delete()
    second = factories.signal(strategy)
    drain()
    assert states() == ["APPROVED", "APPROVED"]
    assert relayed() == [first.public_id, second.public_id]
    assert Decision.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_many_drains_at_once_decide_each_signal_once_and_in_order(endpoints):
    strategies = [factories.strategy(f"s{number}", endpoints=endpoints, symbols=SYMBOLS) for number in range(3)]
    factories.strategy("trading", accounts=[factories.account()], symbols={"BTCUSDT": "BTC/USDT"}, pyramiding=1000)
    signals, failures, all_stored = [], [], threading.Event()
    for number in range(150):
        symbol = "BTCUSDT" if number % 3 else "ETHUSDT"
        signals.append(factories.signal(strategies[number % 3], symbol=symbol))

    def work_off():
        try:
            while not all_stored.is_set():
                drain(budget_seconds=60)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work_off) for _ in range(4)]
    for worker in workers:
        worker.start()
    signals += [factories.signal(strategies[0]) for _ in range(30)]
    all_stored.set()
    for worker in workers:
        worker.join()
    drain()
    assert failures == []
    assert states() == ["APPROVED"] * 180
    assert Decision.objects.count() == 360
    assert Delivery.objects.count() == 360
    lanes = {}
    for lane, subject in Delivery.objects.filter(endpoint=endpoints[0]).order_by("pk").values_list("lane", "subject"):
        lanes.setdefault(lane, []).append(subject)
    received = {signal.public_id: signal.pk for signal in signals}
    for subjects in lanes.values():
        order = [received[subject] for subject in subjects]
        assert order == sorted(order)


class TestOneDrainIsEnough:
    """What the dispatcher is told, and when a drain leaves the field to another."""

    def test_what_has_just_come_is_left_to_the_drain_at_work(self, strategy):
        signal = factories.signal(strategy)
        assert work.waiting(now=clock.now())
        assert not work.overdue(now=signal.received_at + timedelta(seconds=0.049))
        assert work.overdue(now=signal.received_at + timedelta(seconds=0.051))

    def test_what_waits_for_longer_is_overdue_if_nobody_is_at_it(self, strategy):
        factories.signal(strategy, received_at=clock.now() - timedelta(seconds=0.2))
        assert work.overdue(now=clock.now())
        drain()
        assert not work.overdue(now=clock.now())

    def test_an_item_that_nobody_takes_is_overdue(self):
        trading = factories.strategy(accounts=[factories.account()])
        factories.signal(trading)
        routed_at = clock.now()
        route.route(now=routed_at)
        assert not work.overdue(now=routed_at + timedelta(seconds=0.049))
        assert work.overdue(now=clock.now() + timedelta(seconds=0.2))
        work.claim(now=clock.now())
        assert not work.overdue(now=clock.now() + timedelta(seconds=0.2))


def test_a_drain_that_had_something_to_do_stays_though_another_is_at_the_next(endpoints, monkeypatch):
    """One drain was not enough, or this one would have found nothing."""
    strategy = factories.strategy(endpoints=endpoints)
    factories.signal(strategy)
    takes, asked = route.take, []

    def take(*, now):
        asked.append(now)
        if len(asked) == 2:
            return route.Routed(None)  # as if another router were at it
        found = takes(now=now)
        if len(asked) == 1:
            factories.signal(strategy, action="close")
        return found

    monkeypatch.setattr(route, "take", take)
    assert drain(budget_seconds=60, linger_seconds=1) == 2
    assert len(asked) == 3
    assert states() == ["APPROVED"] * 2


@pytest.mark.django_db(transaction=True)
def test_a_drain_goes_home_when_another_is_at_all_there_is(endpoints):
    factories.signal(factories.strategy(endpoints=endpoints), received_at=clock.now() - timedelta(seconds=0.2))
    held, done = threading.Event(), threading.Event()

    def another():
        try:
            with alone(route.ROUTER) as mine:
                assert mine
                held.set()
                done.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=another)
    thread.start()
    held.wait(30)
    try:
        assert route.route(now=clock.now()) is None
        assert not work.overdue(now=clock.now())
        assert drain(budget_seconds=60, linger_seconds=60) == 0  # or this test would take a minute
        assert states() == ["RECEIVED"]
    finally:
        done.set()
        thread.join()
    assert drain() == 1
    assert states() == ["APPROVED"]
