"""Groups of accounts (S7), each account's own symbol (S1), target sizes (S5) and shares of an account (S6), decided."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AccountGroup, AccountGroupMember
from signals.models import AccountEquity, Order, Position
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


def group(*accounts, slug="desk", **fields):
    row = AccountGroup.objects.create(slug=slug)
    for account in accounts:
        AccountGroupMember.objects.create(group=row, account=account, **fields)
    return row


def member(account, **fields):
    AccountGroupMember.objects.filter(account=account).update(**fields)
    configuration.changed()


def entries():
    rows = Order.objects.filter(intent="open").order_by("id").select_related("account")
    return [(row.account.slug, row.symbol, row.quantity) for row in rows]


def rule(signal, slug, name):
    decision = next(row for row in factories.decisions(signal) if row.account and row.account.slug == slug)
    return next((found for found in decision.rules if found["rule"] == name), None)


@pytest.fixture
def accounts():
    return [factories.account(f"paper-{number}") for number in (1, 2, 3)]


@pytest.fixture
def desk(accounts):
    """paper-1 by itself, the others in a group."""
    strategy = factories.strategy(accounts=accounts[:1])
    strategy.groups.add(group(*accounts[1:]))
    configuration.changed()
    return strategy


class TestGroups:
    def test_every_member_trades_its_multiple_of_the_size(self, desk, accounts):
        member(accounts[1], multiplier=D("2.5"))
        member(accounts[2], multiplier=D("0.1"))
        assert settled(factories.signal(desk)).status == "APPROVED"
        assert entries() == [
            ("paper-1", "BTC/USDT", D("0.01")), ("paper-2", "BTC/USDT", D("0.025")),
            ("paper-3", "BTC/USDT", D("0.001")),
        ]  # fmt: skip

    def test_a_cap_cuts_what_an_entry_may_be_worth(self, desk, accounts):
        member(accounts[1], multiplier=D(3), cap=D(1000))
        signal = settled(factories.signal(desk))
        assert entries()[1] == ("paper-2", "BTC/USDT", D("0.02"))
        decision = factories.decisions(signal)[1]
        assert decision.reason == "the size of 0.03 is cut to 0.02 by the cap of group desk"

    def test_a_paused_one_takes_no_entry_and_every_exit(self, desk, accounts):
        settled(factories.signal(desk))
        desk.pyramiding = 5
        desk.save()
        member(accounts[1], paused=True)
        signal = settled(factories.signal(desk))
        assert signal.status == "PARTIAL"
        assert rule(signal, "paper-2", "group") == {
            "rule": "group", "verdict": "FAIL", "value": "paused", "limit": "not paused",
        }  # fmt: skip
        assert rule(signal, "paper-1", "group") is None
        assert settled(factories.signal(desk, action="close")).status == "APPROVED"
        assert not Position.objects.filter(is_open=True).exists()

    def test_a_paused_one_still_closes_on_the_way_to_the_other_side(self):
        swap = factories.account("swap-1", market="swap")
        strategy = factories.strategy(symbols=SWAP)
        strategy.groups.add(group(swap))
        configuration.changed()
        settled(factories.signal(strategy, market_position="long"))
        assert Position.objects.get().is_open
        member(swap, paused=True)
        signal = settled(factories.signal(strategy, market_position="short"))
        assert signal.status == "APPROVED"
        assert not Position.objects.filter(is_open=True).exists()

    def test_one_that_begins_when_flat_waits_for_the_next_position(self, desk, accounts):
        desk.pyramiding = 5
        desk.save()
        member(accounts[1], paused=True)
        member(accounts[2], paused=True)
        settled(factories.signal(desk))
        assert [slug for slug, *_ in entries()] == ["paper-1"]
        member(accounts[2], paused=False, start="next_flat", started_at=None)
        signal = settled(factories.signal(desk))
        assert rule(signal, "paper-3", "group") == {
            "rule": "group", "verdict": "FAIL", "value": "long", "limit": "flat",
        }  # fmt: skip
        settled(factories.signal(desk, action="close"))
        settled(factories.signal(desk))
        assert AccountGroupMember.objects.get(account=accounts[2]).started_at is not None
        assert settled(factories.signal(desk)).status == "PARTIAL"  # only the paused one is missing
        assert [slug for slug, *_ in entries()].count("paper-3") == 2

    def test_who_has_begun_in_one_symbol_still_waits_in_another(self, desk, accounts):
        desk.pyramiding, desk.symbols = 5, {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}
        desk.save()
        configuration.changed()
        member(accounts[1], paused=True)
        member(accounts[2], paused=True)
        settled(factories.signal(desk, symbol="ETHUSDT"))
        member(accounts[2], paused=False, start="next_flat", started_at=None)
        settled(factories.signal(desk))  # BTC is flat: it begins there
        settled(factories.signal(desk))  # and takes part in what is added
        assert [one for one in entries() if one[0] == "paper-3"] == [("paper-3", "BTC/USDT", D("0.01"))] * 2
        signal = settled(factories.signal(desk, symbol="ETHUSDT"))
        assert rule(signal, "paper-3", "group") == {
            "rule": "group", "verdict": "FAIL", "value": "long", "limit": "flat",
        }  # fmt: skip
        settled(factories.signal(desk, symbol="ETHUSDT", action="close"))
        settled(factories.signal(desk, symbol="ETHUSDT"))
        settled(factories.signal(desk, symbol="ETHUSDT"))
        assert [one[1] for one in entries() if one[0] == "paper-3"].count("ETH/USDT") == 2

    def test_a_position_of_an_earlier_membership_is_no_beginning(self, desk, accounts):
        desk.pyramiding = 5
        desk.save()
        settled(factories.signal(desk))
        settled(factories.signal(desk, action="close"))
        member(accounts[1], paused=True)
        member(accounts[2], paused=True)
        settled(factories.signal(desk))
        Position.objects.filter(account=accounts[2]).update(updated_at=clock.now() - timedelta(days=2))
        begun = clock.now() - timedelta(days=1)
        member(accounts[2], paused=False, start="next_flat", started_at=begun)  # in another symbol
        signal = settled(factories.signal(desk))
        assert rule(signal, "paper-3", "group")["verdict"] == "FAIL"

    def test_a_retired_group_trades_nothing(self, desk):
        AccountGroup.objects.update(retired_at=clock.now())
        configuration.changed()
        settled(factories.signal(desk))
        assert [slug for slug, *_ in entries()] == ["paper-1"]

    def test_an_account_named_twice_is_traded_once(self, desk, accounts):
        desk.accounts.add(accounts[1])
        configuration.changed()
        settled(factories.signal(desk))
        assert [slug for slug, *_ in entries()] == ["paper-1", "paper-2", "paper-3"]


class TestSymbols:
    def test_each_account_has_its_own_symbol_and_unit(self, accounts):
        mapping = {
            "symbol": "PEPE/USDT",
            "multiplier": "1000",
            "accounts": {"paper-2": {"symbol": "1000PEPE/USDT", "multiplier": "1"}},
        }
        strategy = factories.strategy(
            accounts=accounts[:2], symbols={"PEPE": mapping}, sizing_mode="message", sizing_value=None
        )
        settled(factories.signal(strategy, symbol="PEPE", quantity=D(3), price=D("7.5")))
        assert entries() == [("paper-1", "PEPE/USDT", D(3000)), ("paper-2", "1000PEPE/USDT", D(3))]
        prices = Order.objects.order_by("id").values_list("average_price", flat=True)
        assert list(prices) == [D("0.0075"), D("7.5")]
        settled(factories.signal(strategy, symbol="PEPE", action="close", price=D("7.5")))
        assert not Position.objects.filter(is_open=True).exists()

    def test_the_market_of_the_account_counts(self, accounts):
        mapping = {"symbol": "BTC/USDT", "accounts": {"paper-1": {"market": "swap"}}}
        strategy = factories.strategy(accounts=accounts[:2], symbols={"BTCUSDT": mapping})
        signal = settled(factories.signal(strategy))
        assert signal.status == "PARTIAL"
        assert rule(signal, "paper-1", "capability")["value"] == "the swap market (the account trades spot)"
        assert [slug for slug, *_ in entries()] == ["paper-2"]


class TestTargetSizes:
    @pytest.fixture
    def strategy(self, accounts):
        return factories.strategy(accounts=accounts[:1], target_size="absolute")

    def be(self, strategy, size, position="long"):
        return settled(factories.signal(strategy, action="", market_position=position, market_position_size=D(size)))

    def quantity(self):
        return [row.quantity for row in Position.objects.filter(is_open=True)]

    def test_bigger_adds_smaller_reduces_the_same_does_nothing(self, strategy):
        for size in ("0.02", "0.05", "0.05", "0.03", "0.03"):
            assert self.be(strategy, size).status == "APPROVED"
            assert self.quantity() == [D(size)]
        assert list(Order.objects.order_by("id").values_list("side", "quantity")) == [
            ("buy", D("0.02")), ("buy", D("0.03")), ("sell", D("0.02")),
        ]  # fmt: skip
        self.be(strategy, "0", "flat")
        assert self.quantity() == []

    def test_a_missed_alert_heals_itself(self, strategy):
        self.be(strategy, "0.02")
        self.be(strategy, "0.07")  # the one at 0.05 never came
        assert self.quantity() == [D("0.07")]

    def test_a_reduction_passes_where_entries_do_not(self, strategy):
        self.be(strategy, "0.05")
        factories.limit("max_order_notional", "1")
        assert self.be(strategy, "0.06").status == "REJECTED"
        assert self.be(strategy, "0.02").status == "APPROVED"
        assert self.quantity() == [D("0.02")]

    def test_a_fee_in_the_coin_is_not_bought_again(self, strategy):
        self.be(strategy, "0.05")
        Position.objects.update(quantity=D("0.04995"))
        self.be(strategy, "0.05")
        assert self.quantity() == [D("0.04995")]

    def test_without_the_size_it_closes_the_other_side_and_opens_nothing(self):
        swap = factories.account("swap-1", market="swap")
        strategy = factories.strategy(accounts=[swap], target_size="absolute", symbols=SWAP)
        self.be(strategy, "0.05", "short")
        signal = settled(factories.signal(strategy, action="", market_position="long"))
        assert signal.status == "APPROVED"
        assert factories.decisions(signal)[0].reason == (
            "closes only: target sizes are absolute, and the message has no market_position_size"
        )
        assert self.quantity() == []

    def test_proportional(self, accounts):
        strategy = factories.strategy(accounts=accounts[:1], target_size="proportional", unit_size=D(2))
        self.be(strategy, "1")
        assert self.quantity() == [D("0.005")]
        self.be(strategy, "4")
        assert self.quantity() == [D("0.02")]


class TestShares:
    def strategy(self, accounts, mode, value="10", **fields):
        return factories.strategy(accounts=accounts[:1], sizing_mode=mode, sizing_value=D(value), **fields)

    def test_of_the_balance_where_the_equity_was_not_read(self, accounts):
        settled(factories.signal(self.strategy(accounts, "percent_equity")))
        assert entries() == [("paper-1", "BTC/USDT", D("0.2"))]

    def test_of_the_equity_as_it_was_read_last(self, accounts):
        now = clock.now()
        AccountEquity.objects.create(account=accounts[0], equity=D(50000), at=now, peak=D(50000), peak_at=now)
        settled(factories.signal(self.strategy(accounts, "percent_equity")))
        assert entries() == [("paper-1", "BTC/USDT", D("0.1"))]

    def test_but_not_of_one_that_is_old(self, accounts):
        then = clock.now() - timedelta(minutes=6)
        AccountEquity.objects.create(account=accounts[0], equity=D(50000), at=then, peak=D(50000), peak_at=then)
        settled(factories.signal(self.strategy(accounts, "percent_equity")))
        assert entries() == [("paper-1", "BTC/USDT", D("0.2"))]

    def test_of_what_is_free(self, accounts):
        strategy = self.strategy(accounts, "percent_available", "50", pyramiding=1)
        settled(factories.signal(strategy))
        settled(factories.signal(strategy))
        assert [quantity for *_, quantity in entries()] == [D(1), D("0.5")]

    def test_by_risk_to_the_strategy_s_own_stop(self, accounts):
        strategy = self.strategy(accounts, "risk_percent", "1", exits={"stop_loss": "2%"})
        settled(factories.signal(strategy))
        assert [quantity for *_, quantity in entries()] == [D(1)]

    def test_it_is_cut_to_the_limits(self, accounts):
        factories.limit("max_order_notional", "2500")
        signal = settled(factories.signal(self.strategy(accounts, "percent_equity")))
        assert signal.status == "APPROVED"
        assert entries() == [("paper-1", "BTC/USDT", D("0.05"))]
        assert factories.decisions(signal)[0].reason == "the size of 0.2 is cut to 0.05 by max_order_notional"

    def test_to_what_is_left_of_the_largest_position(self, accounts):
        factories.limit("max_position_size", "0.25")
        strategy = self.strategy(accounts, "percent_equity", pyramiding=1)
        settled(factories.signal(strategy))
        settled(factories.signal(strategy))
        assert [quantity for *_, quantity in entries()] == [D("0.2"), D("0.05")]
        assert Position.objects.get().quantity == D("0.25")

    def test_a_size_that_was_named_is_refused_instead(self, accounts):
        factories.limit("max_order_notional", "499")
        assert settled(factories.signal(factories.strategy(accounts=accounts[:1]))).status == "REJECTED"
        assert entries() == []
