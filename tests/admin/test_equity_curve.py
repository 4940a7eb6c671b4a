"""The equity curve on an account's page: its line, its figures, and what is said where there is none."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from signals.models import AccountEquity, EquityDay, EquityPoint
from signals.portfolio import equity, equity_chart
from tests import factories
from tests.factories import NOW
from tradeops.core import clock

D = Decimal


@pytest.fixture
def paper(db):
    return factories.account()


def readings(account, *values, every=equity.POINT_EVERY, end=NOW):
    for number, value in enumerate(reversed(values)):
        EquityPoint.objects.create(account=account, at=end - number * every, equity=D(value))


def test_a_line_with_its_figures(paper):
    readings(paper, 100, 90, 130, 110)
    equity.store(paper, D(110), at=NOW)
    chart = equity_chart.of(paper, span="1", now=NOW)
    assert chart.line == "0.0,102.0 240.0,134.0 480.0,6.0 720.0,70.0"
    assert (chart.first, chart.last) == (NOW - timedelta(minutes=15), NOW)
    assert (chart.lowest, chart.highest, chart.change) == (D(90), D(130), D(10))
    assert chart.words == "Equity in USDT from 100 to 110, lowest 90, highest 130"


def test_a_flat_line_is_in_the_middle(paper):
    readings(paper, 100, 100)
    assert equity_chart.of(paper, span="7", now=NOW).line == "0.0,70.0 720.0,70.0"


def test_the_span_bounds_it_and_an_unknown_one_is_the_week(paper):
    readings(paper, 1, 2, 3, every=timedelta(days=3))
    assert equity_chart.of(paper, span="1", now=NOW).line == ""
    assert equity_chart.of(paper, span="7", now=NOW).lowest == D(1)
    assert equity_chart.of(paper, span="x", now=NOW).span == "7"


def test_a_year_is_drawn_by_its_days(paper):
    for back, value in ((401, 1), (200, 50), (100, 70)):
        at = NOW - timedelta(days=back)
        EquityDay.objects.create(
            account=paper, day=at.date(), opening=value, latest=value, highest=value, lowest=value, opened_at=at,
            latest_at=at,
        )  # fmt: skip
    AccountEquity.objects.create(account=paper, equity=60, at=NOW, peak=70, peak_at=NOW)
    chart = equity_chart.of(paper, span="400", now=NOW)
    assert (chart.lowest, chart.highest, chart.change) == (D(50), D(70), D(10))
    assert len(chart.line.split()) == 3


def test_many_points_keep_every_peak(paper):
    values = [100] * 2000
    values[777], values[1555] = 7, 900
    readings(paper, *values, every=timedelta(minutes=5))
    chart = equity_chart.of(paper, span="7", now=NOW)
    assert (chart.lowest, chart.highest) == (D(7), D(900))
    assert len(chart.line.split()) <= 722


def test_the_page_draws_it(boss, paper):
    now = clock.now()
    readings(paper, 99000, 100500, end=now)
    equity.store(paper, D(100500), at=now)
    url = reverse("admin:accounts_account_change", args=[paper.pk])
    text = boss.get(url).content.decode()
    assert re.search(r'<polyline class="to-line" points="0.0,134.0 720.0,6.0"/>', text)
    assert "+1500" in text
    assert "<b>week</b>" in text
    assert "<b>year</b>" in boss.get(url, {"curve": "400"}).content.decode()


def test_the_page_says_where_there_is_none_and_why_it_ends(boss, paper):
    url = reverse("admin:accounts_account_change", args=[paper.pk])
    assert "Its equity is not known yet." in boss.get(url).content.decode()
    equity.store(paper, D(5), at=clock.now())
    AccountEquity.objects.update(problem="there is no price of BTC")
    text = boss.get(url).content.decode()
    assert "It could not be told the last time: there is no price of BTC." in text
