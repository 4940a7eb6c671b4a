"""From a stored signal to decisions, orders, positions and relay messages, on the real paper broker."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import F

from relay.models import Delivery, Message
from signals.models import Decision, ExitPlan, Fill, Order, PaperOrder, Position, Signal, Strategy, WorkItem
from signals.pipeline import decide, work
from signals.pipeline.drain import drain
from signals.risk import switch
from signals.risk.registry import RULES
from tests import factories
from tradeops.core import clock
from tradeops.core.models import ConfigurationVersion

D = Decimal
pytestmark = pytest.mark.django_db


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def rules(decision):
    return {rule["rule"]: rule for rule in decision.rules}


@pytest.fixture
def two_accounts():
    return [factories.account("paper-1"), factories.account("paper-2")]


@pytest.fixture
def two_endpoints():
    return [factories.endpoint("vps-1"), factories.endpoint("vps-2")]


class TestTheMainJob:
    def test_one_signal_two_accounts_two_endpoints(self, two_accounts, two_endpoints):
        strategy = factories.strategy(accounts=two_accounts, endpoints=two_endpoints)
        signal = settled(factories.signal(strategy))
        assert (signal.status, signal.relay) == ("APPROVED", "PENDING")
        found = factories.decisions(signal)
        assert [(row.account and row.account.slug, row.endpoint and row.endpoint.slug) for row in found] == [
            ("paper-1", None),
            ("paper-2", None),
            (None, "vps-1"),
            (None, "vps-2"),
        ]
        assert {row.outcome for row in found} == {"APPROVED"}
        assert {(o.account.slug, o.status, o.filled_quantity) for o in Order.objects.select_related("account")} == {
            ("paper-1", "FILLED", D("0.01")),
            ("paper-2", "FILLED", D("0.01")),
        }
        assert [row.quantity for row in Position.objects.filter(is_open=True)] == [D("0.01"), D("0.01")]
        assert Delivery.objects.filter(subject=signal.public_id, type="signal", status="PENDING").count() == 2
        approved = Message.objects.get(event="signal.approved")
        assert approved.body["data"]["symbol"] == "BTC/USDT"
        assert approved.body["data"]["ticker"] == "BTCUSDT"
        assert approved.body["data"]["strategy"] == "trend"
        assert approved.signal == signal.public_id
        assert list(Message.objects.filter(event="order.filled").values_list("account", flat=True)) == [
            "paper-1",
            "paper-2",
        ]

    def test_a_second_drain_does_nothing_more(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts)
        settled(factories.signal(strategy))
        assert drain() == 0
        assert (Decision.objects.count(), Order.objects.count(), Fill.objects.count()) == (2, 2, 2)

    def test_every_rule_is_stored_with_its_numbers(self, two_accounts):
        factories.limit("max_order_notional", "10000")
        signal = settled(factories.signal(factories.strategy(accounts=two_accounts[:1])))
        [found] = factories.decisions(signal)
        assert rules(found)["max_order_notional"] == {
            "rule": "max_order_notional",
            "verdict": "PASS",
            "value": "500",
            "limit": "10000",
        }
        assert rules(found)["price"]["limit"] == "60 s"
        assert found.enrichment["quote"]["last"] == "50000"
        assert found.enrichment["quote"]["source"] == "message"
        assert list(rules(found)) == [
            "mode", "capability", *(rule.slug for rule in RULES),
        ]  # fmt: skip

    def test_buy_then_close(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts)
        settled(factories.signal(strategy))
        settled(factories.signal(strategy, action="close", price=D(51000)))
        assert not Position.objects.filter(is_open=True).exists()
        assert [row.realised_pnl for row in Position.objects.all()] == [D(10), D(10)]

    def test_an_exit_without_a_price_fills_at_the_last_mark(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts[:1])
        settled(factories.signal(strategy))
        settled(factories.signal(strategy, action="exit", price=None))
        order = Order.objects.get(intent="close")
        assert (order.status, order.average_price, order.quote["source"]) == ("FILLED", D(50000), "last mark")

    def test_signals_of_a_lane_act_in_order(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts[:1], pyramiding=5)
        for action in ("buy", "close", "buy", "buy", "close", "buy"):
            factories.signal(strategy, action=action)
        drain()
        assert list(Order.objects.order_by("id").values_list("side", flat=True)) == [
            "buy", "sell", "buy", "buy", "sell", "buy",
        ]  # fmt: skip
        assert {order.status for order in Order.objects.all()} == {"FILLED"}
        assert Position.objects.get().quantity == D("0.01")


class TestRejections:
    def test_no_strategy_is_a_stored_answer(self):
        signal = settled(factories.signal(routes=[]))
        [found] = factories.decisions(signal)
        assert signal.status == "REJECTED"
        assert [rule["rule"] for rule in found.rules] == ["no_strategy"]
        assert (found.strategy, found.account) == (None, None)
        assert Message.objects.get().event == "signal.rejected"

    def test_an_unmapped_ticker_is_rejected_and_told(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts)
        signal = settled(factories.signal(strategy, symbol="DOGEUSDT"))
        assert signal.status == "REJECTED"
        assert {rules(row)["allowed_symbols"]["verdict"] for row in factories.decisions(signal)} == {"FAIL"}
        assert "DOGEUSDT is not among the strategy's symbols" in Message.objects.get().title
        assert not Order.objects.exists()

    def test_an_old_signal_is_stored_but_never_traded(self, two_accounts, two_endpoints):
        strategy = factories.strategy(accounts=two_accounts, endpoints=two_endpoints)
        signal = settled(factories.signal(strategy, sent_at=clock.now() - timedelta(seconds=61)))
        assert signal.status == "EXPIRED"
        assert not Order.objects.exists()
        assert not Delivery.objects.exists()

    def test_an_exit_has_its_own_longer_age(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts[:1])
        settled(factories.signal(strategy))
        settled(factories.signal(strategy, action="close", sent_at=clock.now() - timedelta(seconds=3000)))
        assert not Position.objects.filter(is_open=True).exists()

    def test_age_in_a_backlog_runs_from_arrival(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts)
        signal = settled(factories.signal(strategy, received_at=clock.now() - timedelta(seconds=61)))
        assert signal.status == "EXPIRED"

    def test_a_clock_ahead_does_not_make_a_signal_younger(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts)
        late = clock.now() - timedelta(seconds=61)
        signal = settled(factories.signal(strategy, received_at=late, sent_at=late + timedelta(hours=1)))
        assert signal.status == "EXPIRED"

    def test_one_account_over_its_limit_makes_it_partial(self, two_accounts):
        factories.limit("max_order_notional", "499", scope="account", key="paper-2")
        signal = settled(factories.signal(factories.strategy(accounts=two_accounts)))
        assert signal.status == "PARTIAL"
        assert [order.account.slug for order in Order.objects.select_related("account")] == ["paper-1"]

    def test_a_missing_price_rejects_an_entry(self, two_accounts):
        signal = settled(factories.signal(factories.strategy(accounts=two_accounts), price=None))
        assert signal.status == "REJECTED"
        [first, _] = factories.decisions(signal)
        assert rules(first)["price"]["verdict"] == "FAIL"
        assert first.enrichment["problem"] == "prices come from the message, and it has none"

    def test_an_entry_that_wants_a_stop_has_one_that_is_watched(self, two_accounts):
        """It was refused while nobody watched: paper holds no stops."""
        signal = settled(factories.signal(factories.strategy(accounts=two_accounts), stop_loss="2%"))
        assert signal.status == "APPROVED"
        plans = ExitPlan.objects.order_by("id").values_list("position__account__slug", "state", "stop_price")
        assert list(plans) == [("paper-1", "ACTIVE", D(49000)), ("paper-2", "ACTIVE", D(49000))]

    def test_pyramiding(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts[:1], pyramiding=1)
        statuses = [settled(factories.signal(strategy)).status for _ in range(3)]
        assert statuses == ["APPROVED", "APPROVED", "REJECTED"]
        assert Position.objects.get().quantity == D("0.02")

    @pytest.mark.parametrize("mode", ["off", "retired"])
    def test_a_strategy_that_is_off_says_so(self, two_accounts, two_endpoints, mode):
        fields = {"mode": "off"} if mode == "off" else {"retired_at": clock.now()}
        strategy = factories.strategy(accounts=two_accounts, endpoints=two_endpoints, **fields)
        signal = settled(factories.signal(strategy))
        assert signal.status == "REJECTED"
        assert {rules(row)["mode"]["value"] for row in factories.decisions(signal)} == {mode}


class TestKillSwitch:
    def test_entries_stop_exits_pass_for_accounts_and_endpoints(self, two_accounts, two_endpoints):
        strategy = factories.strategy(accounts=two_accounts, endpoints=two_endpoints, pyramiding=3)
        settled(factories.signal(strategy))
        switch.set(scope="global", on=True, reason="drill", by="test", now=clock.now())
        stopped = settled(factories.signal(strategy))
        assert stopped.status == "REJECTED"
        assert {rules(row)["kill_switch"]["value"] for row in factories.decisions(stopped)} == {"on (global)"}
        closed = settled(factories.signal(strategy, action="close"))
        assert closed.status == "APPROVED"
        assert not Position.objects.filter(is_open=True).exists()
        assert Delivery.objects.filter(subject=closed.public_id).count() == 2
        assert not Delivery.objects.filter(subject=stopped.public_id).exists()
        assert Message.objects.filter(event="kill_switch.on").count() == 1


class TestDryRun:
    @pytest.mark.parametrize("where", ["message", "strategy", "account"])
    def test_it_takes_the_same_path_up_to_the_broker(self, where):
        account = factories.account(dry_run=where == "account")
        strategy = factories.strategy(accounts=[account], mode="dry_run" if where == "strategy" else "live")
        signal = settled(factories.signal(strategy, dry_run=where == "message"))
        order = Order.objects.get()
        assert signal.status == "APPROVED"
        assert (order.mode, order.status, order.code) == ("dry_run", "CANCELED", "dry_run")
        assert not Fill.objects.exists()
        assert not Position.objects.exists()
        assert not PaperOrder.objects.exists()

    def test_endpoints_get_it_only_if_they_say_so_and_are_told(self):
        shy, keen = factories.endpoint("vps-1"), factories.endpoint("vps-2", accepts_dry_run=True)
        strategy = factories.strategy(endpoints=[shy, keen], mode="dry_run")
        signal = settled(factories.signal(strategy))
        assert signal.status == "PARTIAL"
        [delivery] = Delivery.objects.all()
        assert (delivery.endpoint_id, delivery.dry_run) == (keen.pk, True)


class TestFaults:
    def test_a_worker_that_lost_its_lease_writes_nothing(self, two_accounts):
        from signals.pipeline import route

        strategy = factories.strategy(accounts=two_accounts)
        factories.signal(strategy)
        route.route(now=clock.now())
        slow = work.claim(now=clock.now())
        WorkItem.objects.update(lease_until=clock.now() - timedelta(seconds=1))
        assert work.claim(now=clock.now()) is not None  # somebody else
        assert decide.decide(slow) == []
        assert not Decision.objects.exists()
        assert not Order.objects.exists()

    def test_what_cannot_be_decided_is_tried_again_then_failed_and_told(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts, engine="Z")
        signal = settled(factories.signal(strategy))
        item = WorkItem.objects.get()
        assert (item.state, item.tries, signal.status) == ("waiting", 1, "PROCESSING")
        assert item.due_at > clock.now()
        for _ in range(4):
            WorkItem.objects.update(due_at=clock.now())
            drain()
        signal.refresh_from_db()
        assert (WorkItem.objects.get().state, signal.status) == ("failed", "FAILED")
        [told] = Message.objects.all()
        assert (told.event, told.level) == ("signal.failed", "critical")
        assert "there is no engine 'Z'" in told.title

    def test_a_lane_waits_for_its_order_in_flight(self, two_accounts):
        strategy = factories.strategy(accounts=two_accounts[:1], pyramiding=1)
        busy = factories.order(two_accounts[0], strategy, status="SUBMITTED", lease_until=_later(), claim_token="x:1:y")
        signal = settled(factories.signal(strategy))
        assert signal.status == "PROCESSING"
        assert not Decision.objects.exists()
        busy.delete()
        assert settled(signal).status == "APPROVED"


def _later():
    return datetime.now(UTC) + timedelta(seconds=60)


def test_waiting_says_whether_there_is_work(two_accounts):
    strategy = factories.strategy(accounts=two_accounts)
    assert not work.waiting(now=clock.now())
    signal = factories.signal(strategy)
    assert work.waiting(now=clock.now())
    settled(signal)
    assert not work.waiting(now=clock.now())


def test_two_strategies_decide_the_same_signal_each_for_itself(two_accounts):
    first = factories.strategy("first", accounts=two_accounts[:1])
    second = factories.strategy("second", accounts=two_accounts[1:], mode="off")
    signal = settled(factories.signal(first, second))
    assert signal.status == "PARTIAL"
    assert {(row.strategy.slug, row.outcome) for row in factories.decisions(signal)} == {
        ("first", "APPROVED"),
        ("second", "REJECTED"),
    }
    assert Signal.objects.get().decided_at is not None


class TestPaperMode:
    @pytest.fixture
    def real(self, settings):
        settings.BROKERS = {**settings.BROKERS, "scripted": "tests.fakes.scripted_broker.ScriptedBroker"}
        settings.TRADING = "live"
        return factories.account("real", broker="scripted")

    def test_orders_go_to_the_paper_twin(self, real):
        factories.account("real-paper", twin_of=real)
        strategy = factories.strategy(accounts=[real], mode="paper")
        settled(factories.signal(strategy))
        order = Order.objects.select_related("account").get()
        assert (order.account.slug, order.mode, order.status) == ("real-paper", "paper", "FILLED")

    def test_a_real_account_without_a_twin_is_not_touched(self, real):
        strategy = factories.strategy(accounts=[real], mode="paper")
        signal = settled(factories.signal(strategy))
        assert signal.status == "REJECTED"
        assert factories.decisions(signal)[0].reason == "real has no paper twin to trade in its place"
        assert not Order.objects.exists()


def test_a_strategy_that_is_newer_than_this_process_s_last_look_is_found(two_accounts):
    settled(factories.signal(factories.strategy("old", accounts=two_accounts)))
    # Another process adds one: the version grows without this process being told.
    new = Strategy.objects.get(slug="old")
    new.pk, new.slug = None, "new"
    new.save()
    new.accounts.set(two_accounts)
    ConfigurationVersion.objects.update(version=F("version") + 1)
    signal = settled(factories.signal(new, price=D(51000)))
    assert signal.status == "APPROVED"
