"""Positions, trade records and profit by day as a person sees them."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Operator
from signals.admin import pnl_chart
from signals.models import ExitPlan, Fill, PnlDay, Position, RoundTrip
from signals.portfolio import fees, trips
from tests import factories
from tests.fakes.scripted_broker import filled
from tradeops.core import clock

D = Decimal


@pytest.fixture
def boss(db):
    client = Client()
    client.force_login(Operator.objects.create_superuser("boss", password="the-password"))
    return client


def text(client, name, *args, **query) -> str:
    answer = client.get(reverse(f"admin:signals_{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_position_shows_its_exits_and_leads_to_its_close(boss, desk):
    here = desk({"stop_loss": "2%", "take_profit": [{"at": "3%", "share": "50%"}, {"at": "6%"}]})
    here.enter()
    here.tick("104")
    listed = text(boss, "position_changelist")
    assert "stop 98; targets 103 (50 %, done), 106 (50 %)" in listed
    assert ">2<" in listed.replace(" ", "").replace("\n", "")  # half of it, 4 above the entry
    close = reverse("admin:signals_order_flatten") + "?account=paper-1&amp;strategy=trend&amp;symbol=BTC%2FUSDT"
    assert close in listed
    shown = text(boss, "position_change", Position.objects.get().pk)
    assert "Long 0.5 BTC/USDT; stop 98" in shown
    assert close in shown
    chosen = text(boss, "order_flatten", account="paper-1", strategy="trend", symbol="BTC/USDT")
    assert '<option value="BTC/USDT" selected>' in chosen


def test_one_without_its_stop_is_seen_at_once(boss, desk):
    here = desk({"stop_loss": "2%"})
    here.enter()
    ExitPlan.objects.update(state="UNPROTECTED", problem="the venue takes no stops")
    assert "UNPROTECTED" in text(boss, "position_changelist")
    shown = text(boss, "position_change", Position.objects.get().pk)
    assert "UNPROTECTED: it is meant to have a stop at 98: the venue takes no stops" in shown
    assert "to-is-bad" in shown


def test_a_trade_and_its_day_are_listed(boss, desk):
    here = desk({"stop_loss": "2%"}, fee_bps=D(10))
    here.enter()
    here.tick("97")
    here.tick()
    trades = text(boss, "roundtrip_changelist")
    assert "-3.197" in trades
    assert "-1.6" in trades
    assert "stop_loss" in trades
    days = text(boss, "pnlday_changelist")
    assert "Net profit and loss in USDT" in days
    assert "-3.197" in days
    assert "None yet." not in text(boss, "position_change", Position.objects.get().pk)


def test_fees_in_bnb_stay_with_the_fills_and_are_said_to_be_not_counted(boss, at_venue):
    """Binance takes 0.001 BNB of the entry and of each exit, which is not 0.001 USDT."""
    here = at_venue({"take_profit": [{"at": "3%", "share": "50%"}, {"at": "6%"}]})

    def takes_bnb(asked):
        report = here.answer(asked) if asked.closes else filled(asked, at=clock.now(), price="100")
        return replace(report, fills=tuple(replace(one, fee=D("0.001"), fee_currency="BNB") for one in report.fills))

    here.venue.otherwise = takes_bnb
    here.enter()
    here.path("103", "106")
    [trip] = RoundTrip.objects.all()
    assert (trip.realised_pnl, trip.fees, trips.net(trip)) == (D("4.5"), D(0), D("4.5"))
    assert list(PnlDay.objects.values_list("fees", flat=True)) == [D(0)]
    assert list(Fill.objects.values_list("fee", "fee_currency")) == [(D("0.001"), "BNB")] * 3
    position = Position.objects.get()
    assert (position.quantity, position.fees) == (D(0), D(0))
    # Another account's, and what it paid before this round trip, are not its own.
    order = factories.order(here.account, here.strategy, number=99)
    for number, (account, days) in enumerate([(here.account, 3), (factories.account("paper-2"), 0)]):
        Fill.objects.create(
            order=order, account=account, trade_id=f"x{number}", symbol="BTC/USDT", side="buy", quantity=D(1),
            price=D(100), fee=D(1), fee_currency="BNB", at=trip.opened_at - timedelta(days=days),
        )  # fmt: skip
    assert fees.not_counted(trip) == {"BNB": D("0.003")}
    assert "0.003 BNB" in text(boss, "roundtrip_change", trip.pk)
    assert "as they are in another currency: 1.003 BNB, in all." in text(boss, "position_change", position.pk)


def test_without_such_fees_nothing_is_said_of_them(boss, desk):
    here = desk({"stop_loss": "2%"}, fee_bps=D(10))
    here.enter()
    assert "another currency" not in text(boss, "position_change", Position.objects.get().pk)
    assert fees.not_counted(RoundTrip.objects.get()) == {}


def test_nobody_sees_what_is_not_theirs(db, desk):
    here = desk({"stop_loss": "2%"})
    here.enter()
    from django.contrib.auth.models import Permission

    stranger = Operator.objects.create_user("stranger", password="x", is_staff=True)
    stranger.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(stranger)
    for name in ("position", "roundtrip", "pnlday", "exitplan"):
        assert "paper-1" not in text(client, f"{name}_changelist").partition("<main")[2]
        assert "BTC/USDT" not in text(client, f"{name}_changelist")


def test_the_chart_adds_up_day_by_day_and_by_strategy(db):
    account = factories.account()
    trend, mean = factories.strategy("trend"), factories.strategy("mean")
    today = date(2026, 3, 2)

    def day(strategy, back, realised, fees="0", *, symbol="BTC/USDT", currency="USDT"):
        PnlDay.objects.create(
            strategy=strategy, account=account, symbol=symbol, day=today - timedelta(days=back), currency=currency,
            realised_pnl=D(realised), fees=D(fees), fills=2,
        )  # fmt: skip

    day(trend, 2, "10", "1")
    day(mean, 2, "-4")
    day(trend, 0, "-5")
    day(trend, 1, "7", symbol="ETH/BTC", currency="BTC")
    day(trend, 95, "1000")
    usdt, btc = pnl_chart.of(PnlDay.objects.select_related("strategy"), today=today)
    assert (usdt.currency, usdt.total, btc.currency, btc.total) == ("USDT", D(0), "BTC", D(7))
    assert [(bar.tone, bar.words) for bar in usdt.bars] == [
        ("good", "2026-02-28: 5 USDT"),
        ("bad", "2026-03-02: -5 USDT"),
    ]
    assert [(row.strategy, row.net, row.fills) for row in usdt.rows] == [("mean", D(-4), 2), ("trend", D(4), 4)]
    assert len(usdt.line.split()) == pnl_chart.DAYS
