"""Every account that trades has an equity curve, at the price of a few statements and of no network call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django_q.models import Schedule

from accounts.models import AccountSync
from signals.market import base as market
from signals.models import AccountEquity, EquityPoint, PaperBalance, Position
from signals.portfolio import equity, prune
from signals.risk import losses
from signals.tending import curves
from tests import factories
from tradeops.core import configuration

D = Decimal
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


class Elsewhere:
    """A price source that counts how often it is asked."""

    remote = True
    asked = 0

    def quote(self, **_):
        type(self).asked += 1
        return factories.quote("70000")


@pytest.fixture
def elsewhere(settings):
    Elsewhere.asked = 0
    settings.PRICE_SOURCES = {**settings.PRICE_SOURCES, "elsewhere": f"{__name__}.Elsewhere"}
    assert market.is_remote("elsewhere")
    return Elsewhere


@pytest.fixture
def paper(db):
    return factories.account()


def holds(account, amount, currency="USDT"):
    PaperBalance.objects.update_or_create(account=account, currency=currency, defaults={"amount": D(amount)})


def points(account):
    return list(EquityPoint.objects.filter(account=account).order_by("at").values_list("at", "equity"))


def test_accounts_without_any_limit_have_one_too(paper):
    holds(paper, "100000")
    assert curves.run(now=NOW) == 1
    holds(paper, "100050")
    assert curves.run(now=NOW + timedelta(minutes=4, seconds=59)) == 0
    assert curves.run(now=NOW + timedelta(minutes=5)) == 1
    assert points(paper) == [(NOW, D(100000)), (NOW + timedelta(minutes=5), D(100050))]
    row = AccountEquity.objects.get()
    assert (row.equity, row.peak) == (D(100050), D(100050))


def test_who_is_under_a_limit_is_left_to_whom_it_concerns(paper):
    factories.limit("daily_loss", "5%", scope="account", key="paper-1")
    other = factories.account("paper-2")
    configuration.changed()
    holds(other, "5")
    assert [row.slug for row in losses.limited().values()] == ["paper-1"]
    assert curves.run(now=NOW) == 1
    assert list(AccountEquity.objects.values_list("account__slug", flat=True)) == ["paper-2"]


@pytest.mark.parametrize("fields", [{"active": False}, {"retired_at": NOW}], ids=["switched-off", "retired"])
def test_who_does_not_trade_has_none(db, fields):
    factories.account(**fields)
    assert curves.run(now=NOW) == 0
    assert not AccountEquity.objects.exists()


def test_no_price_is_asked_elsewhere_what_is_held_goes_by_its_last_mark(db, elsewhere):
    account = factories.account(prices="elsewhere")
    holds(account, "1000")
    holds(account, "2", "BTC")
    strategy = factories.strategy(accounts=[account])
    Position.objects.create(
        strategy=strategy, account=account, symbol="BTC/USDT", side="long", quantity=2, is_open=True,
        average_price=40000, mark_price=50000, marked_at=NOW, updated_at=NOW,
    )  # fmt: skip
    curves.run(now=NOW)
    assert (points(account), elsewhere.asked) == ([(NOW, D(101000))], 0)
    assert equity.refresh(account, now=NOW + timedelta(seconds=1)).equity == D(141000)  # where a limit asks for it
    assert elsewhere.asked == 1


def test_what_was_never_marked_leaves_a_gap_and_says_why(db, elsewhere):
    account = factories.account(prices="elsewhere")
    holds(account, "1000")
    curves.run(now=NOW)
    holds(account, "2", "BTC")
    assert curves.run(now=NOW + timedelta(minutes=5)) == 1
    row = AccountEquity.objects.get()
    assert (row.equity, row.at, row.problem) == (D(1000), NOW, "there is no price of BTC")
    assert (len(points(account)), elsewhere.asked) == (1, 0)


def test_a_venues_account_is_worth_what_its_last_look_gave(db):
    account = factories.account("okx-1", broker="okx", market="swap", sandbox=True, prices="")
    AccountSync.objects.create(account=account, due_at=NOW, synced_at=NOW - timedelta(seconds=40), equity=D("1234.5"))
    curves.run(now=NOW)
    assert points(account) == [(NOW - timedelta(seconds=40), D("1234.5"))]


def test_one_that_cannot_be_valued_holds_up_no_other(db, settings):
    factories.account("gone", broker="nobody", prices="nowhere")
    holds(factories.account(), "7")
    curves.run(now=NOW)
    assert list(AccountEquity.objects.values_list("account__slug", "equity")) == [("paper-1", D(7))]


def test_it_is_on_the_schedule_once(db):
    assert curves.schedule()
    assert not curves.schedule()
    row = Schedule.objects.get(name="equity curves")
    assert (row.func, row.minutes, row.cluster) == ("signals.tasks.draw_curves", 1, "slow")


def test_old_points_become_one_an_hour(paper):
    begin = (NOW - timedelta(days=40)).replace(minute=2)
    for number in range(24):  # two hours
        EquityPoint.objects.create(account=paper, at=begin + number * equity.POINT_EVERY, equity=D(number))
    EquityPoint.objects.create(account=paper, at=NOW - timedelta(days=34), equity=D(1000))
    assert prune.thin(now=NOW, dry_run=True) == 22
    assert prune.thin(now=NOW) == 22
    assert [value for _, value in points(paper)] == [D(0), D(12), D(1000)]
