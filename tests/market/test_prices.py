from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from signals.market.base import NoPrice, is_remote, price_source, source_name
from signals.market.simulated import SimulatedPrices
from signals.receive import Alert
from tests import factories
from tests.factories import NOW
from tradeops.core.errors import ConfigurationError

D = Decimal


def alert(**fields):
    return Alert(**{"symbol": "BTCUSDT", "action": "buy", **fields})


def ask(name, given, *, received_at=NOW, now=NOW):
    paper = Account(slug="paper-1", broker="paper")
    return price_source(name).quote(symbol="BTC/USDT", alert=given, account=paper, received_at=received_at, now=now)


class TestMessage:
    def test_bid_ask_and_last_are_the_alerts_price(self):
        found = ask("message", alert(price=D(50000)))
        assert (found.bid, found.ask, found.last, found.at) == (D(50000), D(50000), D(50000), NOW)

    def test_its_age_runs_from_when_it_was_sent(self):
        sent = NOW - timedelta(seconds=30)
        assert ask("message", alert(price=D(1), sent_at=sent)).at == sent
        ahead = NOW + timedelta(hours=1)
        assert ask("message", alert(price=D(1), sent_at=ahead)).at == NOW

    @pytest.mark.parametrize("price", [None, D(0), D(-1)])
    def test_without_a_price_it_says_so(self, price):
        with pytest.raises(NoPrice, match="it has none"):
            ask("message", alert(price=price))


class TestSimulated:
    def test_the_same_second_has_the_same_price_everywhere(self):
        first, second = ask("simulated", alert()), ask("simulated", alert(), now=NOW + timedelta(milliseconds=900))
        assert first == second
        assert first.bid < first.last < first.ask

    def test_it_moves_with_time_but_not_far(self):
        prices = [SimulatedPrices().price("BTC/USDT", NOW + timedelta(minutes=n)) for n in range(600)]
        assert len(set(prices)) > 300
        assert max(prices) / min(prices) < D("1.07")

    def test_symbols_differ(self):
        assert SimulatedPrices().price("BTC/USDT", NOW) != SimulatedPrices().price("ETH/USDT", NOW)


@pytest.mark.django_db
def test_strategy_over_account_over_kind():
    paper = factories.account(prices="")
    assert source_name(strategy_prices="", account=paper) == "simulated"
    paper.prices = "message"
    assert source_name(strategy_prices="", account=paper) == "message"
    assert source_name(strategy_prices="simulated", account=paper) == "simulated"
    paper.broker, paper.prices = "okx", ""
    assert source_name(strategy_prices="", account=paper) == "venue"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reuters", "there is no price source 'reuters'; there are message, simulated, venue, yahoo"),
        ("venue:", "there is no price source 'venue:'"),
        ("message:okx", "the price source 'message' is one; leave ':okx' out"),
    ],
)
def test_a_source_that_is_not_installed_is_told(name, told):
    with pytest.raises(ConfigurationError, match=told):
        price_source(name)


def test_only_what_others_say_takes_the_time_of_a_network_call():
    assert [is_remote(name) for name in ("message", "simulated", "venue", "venue:okx", "yahoo", "none")] == [
        False, False, True, True, True, False,
    ]  # fmt: skip
