"""Equity is kept fresh where a limit is measured against it; reaching a limit is told, and an old number rejects."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AccountGroup, AccountGroupMember, AccountSync
from relay.models import AlarmEvent, Message
from signals.models import AccountEquity, EquityPoint, PaperBalance
from signals.pipeline.drain import drain
from signals.portfolio import equity, prune
from signals.risk import losses
from tests import factories
from tests.execution.conftest import BROKERS
from tradeops.core import clock

D = Decimal
pytestmark = pytest.mark.django_db


def send(strategy, **alert):
    signal = factories.signal(strategy, **alert)
    drain()
    signal.refresh_from_db()
    return signal


def failed(signal):
    return [
        (rule["rule"], rule["verdict"]) for rule in factories.decisions(signal)[0].rules if rule["verdict"] != "PASS"
    ]


def worth(account, amount):
    PaperBalance.objects.update_or_create(account=account, currency="USDT", defaults={"amount": D(amount)})


@pytest.fixture
def paper():
    return factories.account()


class TestWho:
    def test_nobody_without_a_limit(self, paper):
        assert not losses.due(now=clock.now())
        assert losses.run(now=clock.now()) == 0
        assert not AccountEquity.objects.exists()

    @pytest.mark.parametrize(
        ("scope", "key", "slugs"),
        [
            ("global", "", ["paper-1", "paper-2"]),
            ("account", "paper-2", ["paper-2"]),
            ("strategy", "trend", ["paper-1"]),
        ],
    )
    def test_those_that_the_limit_concerns(self, paper, scope, key, slugs):
        factories.account("paper-2")
        factories.strategy(accounts=[paper])
        factories.limit("max_drawdown", "10%", scope=scope, key=key)
        assert losses.run(now=clock.now()) == len(slugs)
        assert list(AccountEquity.objects.order_by("account__slug").values_list("account__slug", flat=True)) == slugs

    def test_once_in_30_seconds_whoever_is_asked(self, paper):
        factories.limit("daily_loss", "5%")
        now = clock.now()
        assert losses.run(now=now) == 1
        assert not losses.due(now=now + timedelta(seconds=29))
        assert losses.run(now=now + timedelta(seconds=29)) == 0
        assert losses.due(now=now + timedelta(seconds=31))


class TestTold:
    def told(self):
        return list(Message.objects.filter(event__startswith="account.").order_by("pk").values_list("event", "title"))

    def test_when_it_is_reached_and_not_again_while_it_lasts(self, paper):
        factories.limit("daily_loss", "5%")
        factories.limit("max_drawdown", "20000", scope="account", key="paper-1")
        now = clock.now()
        for seconds, amount in enumerate(("100000", "95000", "94000", "93000", "79000")):
            worth(paper, amount)
            losses.refresh(paper, now=now + timedelta(seconds=seconds))
        assert self.told() == [
            ("account.daily_loss", "paper-1: daily loss: 6% is over the global limit of 5%. It takes no entries"),
            (
                "account.max_drawdown",
                "paper-1: max drawdown: 21000 USDT is over the account limit of 20000 USDT. It takes no entries",
            ),
        ]
        assert AlarmEvent.objects.count() == 2

    def test_a_strategys_own_limit_names_it_once_for_each_that_trades_the_account(self, paper):
        group = AccountGroup.objects.create(slug="desk")
        AccountGroupMember.objects.create(group=group, account=paper)
        factories.strategy("trend", accounts=[paper])
        factories.strategy("swing").groups.add(group)
        factories.strategy("elsewhere", accounts=[factories.account("paper-2")])
        factories.strategy("gone", accounts=[paper], retired_at=clock.now())
        for slug in ("trend", "swing", "elsewhere", "gone"):
            factories.limit("daily_loss", "5%", scope="strategy", key=slug)
        factories.limit("daily_loss", "10%")
        now = clock.now()
        for seconds, amount in enumerate(("100000", "94000", "93000", "89000", "88000")):
            worth(paper, amount)
            losses.refresh(paper, now=now + timedelta(seconds=seconds))
        over = "paper-1: daily loss: 6% is over the strategy limit of 5%."
        assert list(Message.objects.order_by("pk").values_list("event", "account", "strategy", "title")) == [
            ("account.daily_loss", "paper-1", "swing", f"{over} swing makes no entries there"),
            ("account.daily_loss", "paper-1", "trend", f"{over} trend makes no entries there"),
            (
                "account.daily_loss", "paper-1", "",
                "paper-1: daily loss: 11% is over the global limit of 10%. It takes no entries",
            ),
        ]  # fmt: skip

    def test_a_strategys_drawdown_is_told_again_after_it_was_made_good(self, paper):
        factories.strategy("trend", accounts=[paper])
        factories.limit("max_drawdown", "10000", scope="strategy", key="trend")
        now = clock.now()
        for seconds, amount in enumerate(("100000", "89000", "88000", "95000", "89999")):
            worth(paper, amount)
            losses.refresh(paper, now=now + timedelta(seconds=seconds))
        over = "is over the strategy limit of 10000 USDT. trend makes no entries there"
        assert self.told() == [
            ("account.max_drawdown", f"paper-1: max drawdown: {lost} USDT {over}") for lost in (11000, 10001)
        ]


class TestDecisions:
    def test_the_first_signal_finds_the_equity_there(self, paper):
        factories.limit("daily_loss", "5%")
        assert send(factories.strategy(accounts=[paper])).status == "APPROVED"
        assert AccountEquity.objects.get().equity == D(100000)

    def test_over_the_limit_entries_are_rejected_and_exits_pass(self, paper):
        factories.limit("daily_loss", "5%")
        strategy = factories.strategy(accounts=[paper], pyramiding=3)
        assert send(strategy).status == "APPROVED"
        worth(paper, "90000")
        AccountEquity.objects.update(at=clock.now() - timedelta(seconds=60))
        rejected = send(strategy, sender_id="2")
        assert (rejected.status, failed(rejected)) == ("REJECTED", [("daily_loss", "FAIL")])
        assert send(strategy, action="close").status == "APPROVED"

    def test_an_account_whose_venue_was_not_read_for_long_takes_no_entries(self, settings, monkeypatch):
        from tests.fakes import scripted_broker

        settings.BROKERS = {**settings.BROKERS, **BROKERS}
        monkeypatch.setattr(scripted_broker, "VENUE", scripted_broker.Venue())
        account = factories.account("full-1", broker="full", sandbox=True)
        strategy = factories.strategy(accounts=[account])
        factories.limit("max_drawdown", "50%")
        unknown = send(strategy)
        assert failed(unknown) == [("max_drawdown", "ERROR")]
        assert factories.decisions(unknown)[0].reason.endswith("the account's equity is not known yet")
        row = AccountSync.objects.create(
            account=account, due_at=clock.now(), synced_at=clock.now() - timedelta(seconds=200), equity=D(1000)
        )
        assert failed(send(strategy, sender_id="2")) == [("max_drawdown", "ERROR")]
        row.synced_at = clock.now()
        row.save()
        assert failed(send(strategy, sender_id="3")) == []


def test_points_are_forgotten_after_a_year_and_a_month(paper):
    now = clock.now()
    for days in (401, 399, 0):
        EquityPoint.objects.create(account=paper, at=now - timedelta(days=days), equity=D(1))
    equity.store(paper, D(1), at=now)
    assert prune.points(now=now, dry_run=True) == 1
    assert prune.points(now=now) == 1
    assert EquityPoint.objects.count() == 2
