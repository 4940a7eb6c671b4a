"""What only reduces is neither held back nor made smaller by what is meant for entries (D3)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AccountGroup, AccountGroupMember
from signals.models import Order, Position, Strategy
from signals.pipeline.drain import drain
from tests import factories
from tradeops.core import clock, configuration

D = Decimal
SWAP = {"BTCUSDT": "BTC/USDT:USDT"}
pytestmark = pytest.mark.django_db


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def held():
    return {row.side: row.quantity for row in Position.objects.filter(is_open=True)}


def change(strategy, **fields):
    Strategy.objects.filter(pk=strategy.pk).update(**fields)
    configuration.changed()


def rules(signal):
    return {rule["rule"]: rule for rule in factories.decisions(signal)[0].rules}


@pytest.fixture
def paper():
    return factories.account()


@pytest.fixture
def strategy(paper):
    """Long 0.03 on spot."""
    row = factories.strategy(accounts=[paper], sizing_value=D("0.03"))
    assert settled(factories.signal(row)).status == "APPROVED"
    assert held() == {"long": D("0.03")}
    return row


class TestAnOppositeSell:
    def test_without_a_price_for_its_size_it_closes_all(self, strategy):
        change(strategy, sizing_mode="quote_amount", sizing_value=D(500))
        signal = settled(factories.signal(strategy, action="sell", price=None))
        assert signal.status == "APPROVED"
        assert held() == {}
        assert factories.decisions(signal)[0].reason == (
            "closes only: a size in money needs a price, and there is none"
        )

    def test_a_strategy_that_rejects_the_opposite_does_so_without_a_size_too(self, strategy):
        change(strategy, sizing_mode="quote_amount", sizing_value=D(500), opposite="reject")
        assert settled(factories.signal(strategy, action="sell", price=None)).status == "REJECTED"
        assert held() == {"long": D("0.03")}

    def test_a_groups_cap_is_on_entries(self, strategy, paper):
        group = AccountGroup.objects.create(slug="desk")
        AccountGroupMember.objects.create(group=group, account=paper, cap=D(1000))
        strategy.accounts.clear()
        strategy.groups.add(group)
        configuration.changed()
        signal = settled(factories.signal(strategy, action="sell", price=D(60000)))
        assert held() == {}
        assert factories.decisions(signal)[0].reason == "all rules passed"
        settled(factories.signal(strategy))
        assert held() == {"long": D("0.02")}

    def test_a_limit_on_orders_is_on_entries(self):
        swap = factories.account("swap-1", market="swap")
        strategy = factories.strategy(
            accounts=[swap], symbols=SWAP, sizing_mode="percent_equity", sizing_value=D(5), opposite="reverse"
        )
        settled(factories.signal(strategy))
        assert held() == {"long": D("0.1")}
        Strategy.objects.update(sizing_value=D(10))
        factories.limit("max_order_notional", "100")
        settled(factories.signal(strategy, action="sell"))
        assert list(Order.objects.order_by("id").values_list("intent", "quantity"))[1:] == [
            ("close", D("0.1")), ("open", D("0.002")),
        ]  # fmt: skip
        assert held() == {"short": D("0.002")}


class TestReduceOnly:
    def test_with_a_size_of_its_own_it_closes_that_much(self, strategy):
        change(strategy, sizing_mode="message")
        settled(factories.signal(strategy, action="sell", reduce_only=True, quantity=D("0.01")))
        assert held() == {"long": D("0.02")}
        settled(factories.signal(strategy, action="sell", reduce_only=True, quantity=D("5")))
        assert held() == {}

    def test_where_no_size_of_the_message_counts_it_closes_all(self, strategy):
        settled(factories.signal(strategy, action="sell", reduce_only=True, quantity=D("0.01")))
        assert held() == {}

    def test_where_the_message_says_none_it_closes_all(self, strategy):
        change(strategy, sizing_mode="message")
        settled(factories.signal(strategy, action="sell", reduce_only=True))
        assert held() == {}


class TestATargetThatIsReached:
    def test_nothing_is_held_back_where_nothing_is_done(self, strategy, caplog):
        """A repeated alert is how this heals itself, and no warning."""
        factories.limit("daily_loss", "5%")
        factories.limit("max_orders_per_minute", "1")
        factories.limit("confidence_floor", "0.9")
        signal = settled(factories.signal(strategy, action="", market_position="long"))
        assert signal.status == "APPROVED"
        assert factories.decisions(signal)[0].reason == "already long: nothing to do"
        assert held() == {"long": D("0.03")}
        assert Order.objects.count() == 1
        assert "could not tell" not in caplog.text

    def test_an_old_one_is_stale_all_the_same(self, strategy):
        old = clock.now() - timedelta(minutes=10)
        signal = settled(factories.signal(strategy, action="", market_position="long", received_at=old))
        assert signal.status == "EXPIRED"
        assert rules(signal)["stale"]["verdict"] == "FAIL"


def test_a_rejected_entry_is_shown_the_numbers_of_every_rule(strategy):
    """What rejects it is the pyramiding alone: the others say what they saw, and none of them that it cannot tell."""
    factories.limit("max_orders_per_minute", "10")
    factories.limit("max_exposure", {"gross": "2000"})
    signal = settled(factories.signal(strategy))
    assert signal.status == "REJECTED"
    found = rules(signal)
    assert [name for name, rule in found.items() if rule["verdict"] != "PASS"] == ["pyramiding"]
    assert (found["max_orders_per_minute"]["value"], found["max_exposure"]["value"]) == ("1", "gross 1500")
