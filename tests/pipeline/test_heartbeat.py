"""Heartbeats: what a strategy should hold against what it holds (I13)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from relay.models import Delivery, Message
from signals.models import Decision, Difference, Order, Position
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tradeops.core import clock

D = Decimal
pytestmark = pytest.mark.django_db


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def beat(strategy, position, **fields):
    return settled(factories.signal(strategy, action="heartbeat", market_position=position, **fields))


def told(event):
    return list(Message.objects.filter(event=event).order_by("pk"))


def news():
    """What people hear besides entries and exits."""
    return Message.objects.exclude(event__in=("signal.approved", "order.filled")).order_by("pk")


@pytest.fixture
def account():
    return factories.account("paper-1")


@pytest.fixture
def holds(account):
    """A strategy that is long 0.01, with the given fields."""

    def make(**fields):
        strategy = factories.strategy(accounts=[account], **fields)
        settled(factories.signal(strategy))
        assert Position.objects.get().quantity == D("0.01")
        return strategy

    return make


def position_rule(decision):
    return next(rule for rule in decision.rules if rule["rule"] == "position")


class TestAgreement:
    def test_it_is_a_decision_and_nothing_else(self, holds):
        strategy = holds()
        signal = beat(strategy, "long", price=None)
        [found] = factories.decisions(signal)
        assert (signal.status, signal.relay, found.outcome, found.intent) == ("APPROVED", "NONE", "APPROVED", "compare")
        assert found.reason == "long 0.01, as the heartbeat says"
        assert position_rule(found) == {
            "rule": "position", "verdict": "PASS", "value": "long 0.01", "limit": "long",
        }  # fmt: skip
        assert Order.objects.count() == 1
        assert not news()
        assert not Difference.objects.exists()

    @pytest.mark.parametrize("heal", ["alert", "trade"])
    def test_flat_is_flat(self, account, heal):
        strategy = factories.strategy(accounts=[account], heal=heal)
        assert beat(strategy, "flat").status == "APPROVED"
        assert not Order.objects.exists()
        assert not news()

    def test_a_spot_account_told_to_be_short_is_right_to_be_flat(self, account):
        assert beat(factories.strategy(accounts=[account]), "short").status == "APPROVED"
        assert not news()


class TestHealAlert:
    def test_a_difference_is_told_once_with_both_sides_and_nothing_is_traded(self, account):
        strategy = factories.strategy(accounts=[account])
        first = beat(strategy, "long", market_position_size=D("0.02"))
        assert first.status == "REJECTED"
        [found] = factories.decisions(first)
        assert position_rule(found) == {"rule": "position", "verdict": "FAIL", "value": "flat", "limit": "long"}
        [alarm] = news()
        assert (alarm.event, alarm.level, alarm.account, alarm.signal) == (
            "heartbeat.differs", "critical", "paper-1", first.public_id,
        )  # fmt: skip
        assert alarm.title == (
            "BTC/USDT of trend on paper-1: it holds flat, the heartbeat says long; "
            "nothing is traded: the strategy's heal is alert"
        )
        assert alarm.body == {"told": "long", "held": "flat", "told_size": "0.02", "heal": "alert"}
        for _ in range(3):
            assert beat(strategy, "long").status == "REJECTED"
        assert len(news()) == 1
        assert not Order.objects.exists()

    def test_another_difference_is_told_again(self, holds):
        strategy = holds()
        beat(strategy, "flat")
        beat(strategy, "short")  # spot: the same as flat in what must be held, but not what was said
        assert [row.body["told"] for row in told("heartbeat.differs")] == ["flat", "short"]

    def test_its_end_is_told_once(self, holds):
        strategy = holds()
        beat(strategy, "flat")
        settled(factories.signal(strategy, action="close"))
        for _ in range(2):
            assert beat(strategy, "flat").status == "APPROVED"
        assert [(row.event, row.level) for row in news()] == [
            ("heartbeat.differs", "critical"), ("heartbeat.agrees", "warning"),
        ]  # fmt: skip
        assert Difference.objects.get().resolved_at is not None
        beat(strategy, "long")
        assert len(told("heartbeat.differs")) == 2

    def test_each_account_is_compared_by_itself(self, holds):
        strategy = holds()
        strategy.accounts.add(factories.account("paper-2"))
        from tradeops.core import configuration

        configuration.changed()
        signal = beat(strategy, "long")
        assert signal.status == "PARTIAL"
        assert [(row.account.slug, row.outcome) for row in factories.decisions(signal)] == [
            ("paper-1", "APPROVED"), ("paper-2", "REJECTED"),
        ]  # fmt: skip
        assert [row.account for row in told("heartbeat.differs")] == ["paper-2"]

    def test_the_size_counts_where_the_message_sizes(self, account):
        strategy = factories.strategy(accounts=[account], sizing_mode="message", sizing_value=None)
        settled(factories.signal(strategy, quantity=D("0.01")))
        assert beat(strategy, "long", market_position_size=D("0.01")).status == "APPROVED"
        assert beat(strategy, "long", market_position_size=D("0.02")).status == "REJECTED"
        assert [row.body["told"] for row in told("heartbeat.differs")] == ["long 0.02"]

    def test_a_late_heartbeat_is_no_alarm(self, account):
        strategy = factories.strategy(accounts=[account])
        signal = beat(strategy, "long", sent_at=clock.now() - timedelta(seconds=61))
        assert signal.status == "EXPIRED"
        assert not news()

    def test_endpoints_are_decided_and_get_nothing(self, account):
        strategy = factories.strategy(accounts=[account], endpoints=[factories.endpoint()])
        signal = beat(strategy, "flat")
        assert (signal.status, signal.relay) == ("APPROVED", "NONE")
        assert [row.reason for row in factories.decisions(signal)][1] == (
            "a heartbeat is not relayed: the strategy's heal is alert"
        )
        assert not Delivery.objects.exists()
        assert not news()


class TestNotCompared:
    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"active": False}, "not compared: paper-1 is paused"),
            ({"dry_run": True}, "not compared: a dry run holds nothing"),
        ],
    )
    @pytest.mark.parametrize("heal", ["alert", "trade"])
    def test_what_the_operator_has_stopped(self, fields, reason, heal):
        strategy = factories.strategy(accounts=[factories.account("paper-1", **fields)], heal=heal)
        signal = beat(strategy, "long")
        assert (signal.status, factories.decisions(signal)[0].reason) == ("APPROVED", reason)
        assert not Order.objects.exists()
        assert not news()

    @pytest.mark.parametrize("status", ["UNKNOWN", "OPEN"])
    @pytest.mark.parametrize("heal", ["alert", "trade"])
    def test_while_an_order_is_under_way(self, account, status, heal):
        strategy = factories.strategy(accounts=[account], heal=heal)
        later = clock.now() + timedelta(hours=1)
        factories.order(account, strategy, status=status, due_at=later)
        signal = beat(strategy, "long")
        assert factories.decisions(signal)[0].reason == "not compared: an order is under way; the next heartbeat tells"
        assert Order.objects.count() == 1
        assert not news()

    def test_while_an_exit_rests_at_the_venue(self, holds, account):
        strategy = holds(heal="trade")
        factories.order(account, strategy, status="OPEN", side="sell", intent="close")
        signal = beat(strategy, "flat")
        assert factories.decisions(signal)[0].reason == "not compared: an order is under way; the next heartbeat tells"
        assert Order.objects.filter(intent="close").count() == 1

    def test_a_strategy_that_is_off_is_not_an_alarm(self, account):
        strategy = factories.strategy(accounts=[account], mode="off")
        assert beat(strategy, "long").status == "REJECTED"
        assert not news()

    def test_one_that_goes_nowhere_is_no_warning(self):
        settled(factories.signal(routes=[], action="heartbeat", market_position="long"))
        assert [(row.event, row.level) for row in Message.objects.all()] == [("signal.rejected", "info")]


class TestHealTrade:
    def test_the_difference_is_traded_with_all_rules(self, account):
        strategy = factories.strategy(accounts=[account], heal="trade")
        signal = beat(strategy, "long")
        assert (signal.status, Position.objects.get().quantity) == ("APPROVED", D("0.01"))
        [found] = factories.decisions(signal)
        assert [rule["rule"] for rule in found.rules][:3] == ["position", "mode", "capability"]
        assert found.reason == "it holds flat, the heartbeat says long; it is traded now"
        assert [row.event for row in news()] == ["heartbeat.differs"]
        assert beat(strategy, "long").status == "APPROVED"
        assert Order.objects.count() == 1
        assert [row.event for row in news()] == ["heartbeat.differs", "heartbeat.agrees"]

    def test_it_closes_what_should_not_be_held(self, holds):
        beat(holds(heal="trade"), "flat", price=None)
        assert not Position.objects.filter(is_open=True).exists()

    def test_the_kill_switch_stops_the_entry_and_it_is_told_once(self, account):
        strategy = factories.strategy(accounts=[account], heal="trade")
        switch.set(scope="global", on=True, reason="drill", by="test", now=clock.now())
        for _ in range(2):
            assert beat(strategy, "long").status == "REJECTED"
        assert not Order.objects.exists()
        [alarm] = told("heartbeat.differs")
        assert alarm.title.endswith("it is not traded: the kill switch is on (global)")

    @pytest.mark.parametrize("position", ["long", "flat"])
    def test_an_old_one_never_trades(self, holds, position):
        strategy = holds(heal="trade")
        signal = beat(strategy, position, received_at=clock.now() - timedelta(seconds=61))
        assert signal.status == "EXPIRED"
        assert Order.objects.count() == 1

    def test_a_wrong_size_is_told_and_not_traded(self, account):
        strategy = factories.strategy(accounts=[account], sizing_mode="message", sizing_value=None, heal="trade")
        settled(factories.signal(strategy, quantity=D("0.01")))
        beat(strategy, "long", market_position_size=D("0.05"))
        assert Order.objects.count() == 1
        assert told("heartbeat.differs")[0].title.endswith("only a wrong side is healed, not a size")

    def test_endpoints_get_it_as_the_target_position_that_it_is(self):
        strategy = factories.strategy(endpoints=[factories.endpoint()], heal="trade")
        signal = beat(strategy, "long")
        assert (signal.status, signal.relay) == ("APPROVED", "PENDING")
        delivery = Delivery.objects.get()
        assert (delivery.subject, delivery.type) == (signal.public_id, "signal")
        assert delivery.message.event == "heartbeat.relayed"
        data = delivery.message.body["data"]
        assert (data["action"], data["market_position"], data["symbol"]) == ("heartbeat", "long", "BTC/USDT")

    def test_signals_before_it_act_first(self, account):
        strategy = factories.strategy(accounts=[account], heal="trade")
        factories.signal(strategy)
        beat(strategy, "long")
        assert Order.objects.count() == 1
        assert Decision.objects.filter(outcome="APPROVED").count() == 2
        assert not told("heartbeat.differs")


class TestTargetSizes:
    """Where the message decides the size, a heartbeat's counts, and is healed as every target is."""

    @pytest.fixture
    def sized(self, account):
        def make(**fields):
            strategy = factories.strategy(accounts=[account], **{"target_size": "absolute", **fields})
            settled(factories.signal(strategy, action="", market_position="long", market_position_size=D("0.02")))
            return strategy

        return make

    def test_the_same_size_agrees(self, sized):
        assert beat(sized(), "long", market_position_size=D("0.02")).status == "APPROVED"
        assert not news()

    def test_another_is_told(self, sized):
        assert beat(sized(), "long", market_position_size=D("0.05")).status == "REJECTED"
        assert news().get().body["told"] == "long 0.05"
        assert Order.objects.count() == 1

    @pytest.mark.parametrize(("size", "side", "quantity"), [("0.05", "buy", "0.03"), ("0.005", "sell", "0.015")])
    def test_or_traded(self, sized, size, side, quantity):
        assert beat(sized(heal="trade"), "long", market_position_size=D(size)).status == "APPROVED"
        order = Order.objects.order_by("id").last()
        assert (order.side, order.quantity, order.status) == (side, D(quantity), "FILLED")
        assert Position.objects.get().quantity == D(size)

    def test_a_proportional_one_is_of_the_fixed_size(self, account):
        strategy = factories.strategy(accounts=[account], target_size="proportional", unit_size=D(2))
        settled(factories.signal(strategy, action="", market_position="long", market_position_size=D(4)))
        assert Position.objects.get().quantity == D("0.02")
        assert beat(strategy, "long", market_position_size=D(4)).status == "APPROVED"
        assert beat(strategy, "long", market_position_size=D(2)).status == "REJECTED"

    def test_a_share_of_the_account_was_another_then(self, account):
        strategy = factories.strategy(
            accounts=[account], target_size="proportional", unit_size=D(2), sizing_mode="percent_equity",
            sizing_value=D(1),
        )  # fmt: skip
        settled(factories.signal(strategy, action="", market_position="long", market_position_size=D(2)))
        assert beat(strategy, "long", market_position_size=D(1)).status == "APPROVED"
