"""Account groups in the admin, a strategy's target sizes, and the page of what each account would get."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AccountGroup, AccountGroupMember
from signals.models import Decision, Order, Signal, Strategy
from signals.pipeline import preview
from signals.receive import Alert
from tests import factories
from tests.admin.test_configuration import errors, strategy_form, version
from tests.fakes import scripted_broker
from tradeops.core import clock, configuration

pytestmark = pytest.mark.django_db
D = Decimal


def group_form(*members, slug="desk", initial=0):
    found = {
        "slug": slug, "members-TOTAL_FORMS": len(members), "members-INITIAL_FORMS": initial,
        "members-MIN_NUM_FORMS": 1, "members-MAX_NUM_FORMS": 1000,
    }  # fmt: skip
    for number, fields in enumerate(members):
        given = {"multiplier": "1", "cap": "", "start": "now", **fields}
        found |= {f"members-{number}-{name}": value for name, value in given.items()}
    return found


class TestGroups:
    def test_one_is_made_and_every_process_learns_of_it(self, boss):
        account, before = factories.account(), version()
        form = group_form({"account": account.pk, "multiplier": "2.5", "cap": "1000", "start": "next_flat"})
        assert boss.post(reverse("admin:accounts_accountgroup_add"), form).status_code == 302
        row = AccountGroupMember.objects.select_related("group").get()
        assert (row.group.slug, row.multiplier, row.cap, row.start) == ("desk", D("2.5"), D(1000), "next_flat")
        assert version() > before
        assert (
            b"paper-1 \xc3\x97 2.5 (begins when flat)"
            in boss.get(reverse("admin:accounts_accountgroup_changelist")).content
        )

    def test_without_members_it_is_not(self, boss):
        response = boss.post(reverse("admin:accounts_accountgroup_add"), group_form())
        assert response.status_code == 200
        assert not AccountGroup.objects.exists()

    def test_an_account_that_its_strategy_has_already_is_refused_with_the_place(self, boss):
        one, two = factories.account("one"), factories.account("two")
        group = AccountGroup.objects.create(slug="desk")
        member = AccountGroupMember.objects.create(group=group, account=one)
        strategy = factories.strategy(accounts=[two])
        strategy.groups.add(group)
        url = reverse("admin:accounts_accountgroup_change", args=[group.pk])
        form = group_form({"id": member.pk, "group": group.pk, "account": two.pk}, initial=1)
        response = boss.post(url, form)
        assert b"account two is named itself and in group desk: it would be traded twice" in response.content
        assert AccountGroupMember.objects.get().account == one

    def test_somebody_else_s_accounts_are_not_shown(self, staff, home):
        mine = AccountGroup.objects.create(slug="mine")
        AccountGroupMember.objects.create(group=mine, account=home.accounts[0])
        other = AccountGroup.objects.create(slug="theirs")
        foreign = factories.account("foreign", client=factories.client("acme"))
        AccountGroupMember.objects.create(group=other, account=foreign)
        page = staff.get(reverse("admin:accounts_accountgroup_changelist")).content
        assert b"mine" in page
        assert b"theirs" not in page
        assert staff.get(reverse("admin:accounts_accountgroup_change", args=[other.pk])).status_code == 302


class TestStrategies:
    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"target_size": "proportional"}, "need a unit_size above zero"),
            ({"sizing_mode": "risk_percent", "sizing_value": "101"}, "at most 100"),
            ({"symbols": '{"X": {"symbol": "A", "accounts": {"a": {}}}}'}, "X.accounts.a: give a symbol"),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, boss, changes, told):
        assert told in errors(boss.post(reverse("admin:signals_strategy_add"), strategy_form(**changes)))
        assert not Strategy.objects.filter(slug="swing").exists()

    def test_an_account_in_a_group_and_by_itself_is_refused(self, boss):
        account = factories.account()
        group = AccountGroup.objects.create(slug="desk")
        AccountGroupMember.objects.create(group=group, account=account)
        form = strategy_form(accounts=[account.pk], groups=[group.pk])
        told = errors(boss.post(reverse("admin:signals_strategy_add"), form))
        assert "Account paper-1 is named itself and in group desk: it would be traded twice" in told
        form = strategy_form(groups=[group.pk], target_size="absolute")
        assert boss.post(reverse("admin:signals_strategy_add"), form).status_code == 302
        row = Strategy.objects.get(slug="swing")
        assert (row.target_size, [one.slug for one in row.groups.all()]) == ("absolute", ["desk"])


class TestMapping:
    @pytest.fixture
    def strategy(self, db):
        mapping = {"symbol": "BTC/USDT", "accounts": {"two": {"symbol": "ETH/USDT", "multiplier": "10"}}}
        strategy = factories.strategy("mapped", accounts=[factories.account("one")], symbols={"BTCUSDT": mapping})
        group = AccountGroup.objects.create(slug="desk")
        AccountGroupMember.objects.create(group=group, account=factories.account("two"), multiplier=D("0.5"))
        strategy.groups.add(group)
        configuration.changed()
        return strategy

    def page(self, client, strategy, **asked):
        response = client.get(reverse("admin:signals_strategy_mapping_action", args=[strategy.pk]), asked)
        assert response.status_code == 200
        return response

    def test_each_account_with_its_symbol_lot_price_and_legs_and_nothing_is_stored(self, boss, strategy):
        response = self.page(boss, strategy, ticker="binance:btcusdt", says="buy", price="50000")
        rows = response.context["rows"]
        assert [(row.look.account.slug, row.look.mapped.symbol, row.approved) for row in rows] == [
            ("one", "BTC/USDT", True), ("two", "ETH/USDT", True),
        ]  # fmt: skip
        assert [[(leg.intent, leg.side, size) for leg, size in row.legs] for row in rows] == [
            [("open", "buy", D("0.01"))], [("open", "buy", D("0.005"))],
        ]  # fmt: skip
        assert [row.look.quote.last for row in rows] == [D(50000), D(5000)]
        assert not Signal.objects.exists()
        assert not Decision.objects.exists()
        assert not Order.objects.exists()

    def test_what_would_be_rejected_says_why(self, boss, strategy):
        row = self.page(boss, strategy, ticker="BTCUSDT", says="close").context["rows"][0]
        assert (row.approved, row.legs, row.reason) == (False, [], "there is no open position to close")

    def test_an_unmapped_ticker_is_not_guessed(self, boss, strategy):
        response = self.page(boss, strategy, ticker="DOGEUSDT", says="buy")
        assert b"DOGEUSDT is not among the strategy&#x27;s symbols" in response.content or (
            b"DOGEUSDT is not among the strategy's symbols" in response.content
        )
        assert response.context["rows"] == []

    def test_a_mistyped_amount_is_told(self, boss, strategy):
        response = self.page(boss, strategy, ticker="BTCUSDT", says="buy", price="much")
        assert "price" in response.context["form"].errors
        assert "rows" not in response.context

    def test_another_s_accounts_are_left_out(self, staff, strategy, home):
        foreign = factories.account("foreign", client=factories.client("acme"))
        strategy.accounts.add(foreign)
        configuration.changed()
        rows = self.page(staff, strategy, ticker="BTCUSDT", says="buy", price="5").context["rows"]
        assert "foreign" not in [row.look.account.slug for row in rows]


class Asleep(scripted_broker.FullBroker):
    """It answers when it is let go, and not before."""

    let_go, over = threading.Event(), threading.Event()

    def instrument(self, symbol):
        self.let_go.wait(20)
        self.over.set()
        return super().instrument(symbol)


@pytest.mark.django_db(transaction=True)
def test_a_venue_that_does_not_answer_is_not_waited_for(settings):
    settings.BROKERS = {**settings.BROKERS, "asleep": f"{__name__}.Asleep"}
    slow = factories.account("slow", broker="asleep", sandbox=True)
    strategy = factories.strategy(accounts=[factories.account("paper-1"), slow])
    alert = Alert(symbol="BTCUSDT", action="buy", price=D(50000))
    try:
        shown = preview.of(strategy, alert, now=clock.now(), seconds=0.3)
    finally:
        Asleep.let_go.set()
    Asleep.over.wait(20)  # its connection is closed before the database goes
    assert [(one.look.account.slug, one.look.problem, one.approved) for one in shown] == [
        ("paper-1", "", True), ("slow", "the venue did not answer within 0.3 s", False),
    ]  # fmt: skip
    assert [leg.quantity for leg, _ in shown[0].legs] == [D("0.01")]
