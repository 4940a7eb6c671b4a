"""A day that is not over has a price and no close: nothing is forecast from it, or held against it (A3)."""

from datetime import UTC, date, datetime, time

import pytest

from signals.analysis import runner, runs, seek
from signals.models import AnalysisPlan, Bar, Forecast
from tests.fakes.candles import running_exchange
from tradeops.core import clock

pytestmark = pytest.mark.django_db
INTRADAY = 1.5  # of the close


@pytest.fixture
def exchange():
    with running_exchange() as running:
        yield running


@pytest.fixture
def crypto(exchange):
    return AnalysisPlan.objects.create(slug="crypto", symbols=["BTC/USDT"], data=f"venue:okx@{exchange.url}")


@pytest.fixture
def stocks():
    return AnalysisPlan.objects.create(slug="stocks", symbols=["AAPL"], data="simulated", first_at=time(6, 30))


@pytest.fixture
def at(exchange, monkeypatch):
    """Makes it a moment: the exchange has its days up to then, the last one as far as it has come."""
    listed = exchange.listed["BTC"]

    def it_is(*parts):
        moment = datetime(*parts, tzinfo=UTC)
        begun = [day for day in listed if day[0] <= moment.timestamp() * 1000]
        exchange.listed["BTC"] = [*begun[:-1], (begun[-1][0], begun[-1][1] * INTRADAY)]
        monkeypatch.setattr(clock, "_source", lambda: moment)

    it_is.closes = {datetime.fromtimestamp(when / 1000, UTC).date(): close for when, close in listed}
    return it_is


def run(plan):
    begun = runs.begin(plan, cause="demand", now=clock.now())
    assert runner.execute(begun)
    begun.refresh_from_db()
    assert begun.status == "COMPLETED"
    return begun


def test_a_forecast_is_made_from_closes_and_the_price_of_now_is_told_beside_it(crypto, at):
    at(2026, 11, 18, 14, 0)
    done = run(crypto)
    signal = done.results["trading_signals"]["BTC/USDT"]
    today, before = date(2026, 11, 18), date(2026, 11, 17)
    assert signal["current_price"] == at.closes[today] * INTRADAY
    predicted = signal["components"]["price_prediction"]["predicted_price"]
    assert predicted == pytest.approx(at.closes[before], rel=0.1)  # half as much again, it was not told
    assert set(Forecast.objects.values_list("base_date", "base_price")) == {(before, at.closes[before])}
    assert dict(Bar.objects.order_by("-date").values_list("date", "final")[:2]) == {today: False, before: True}


def test_another_plan_does_not_score_by_the_price_of_a_day_under_way(crypto, stocks, at):
    at(2026, 11, 18, 14, 0)
    run(crypto)
    at(2026, 11, 19, 14, 0)
    run(crypto)
    at(2026, 11, 20, 11, 30)
    run(stocks)
    scored = Forecast.objects.filter(symbol="BTC/USDT", scored_at__isnull=False)
    assert {row.actual_price for row in scored} <= set(at.closes.values())
    run(crypto)
    assert {row.base_date: row.actual_price for row in scored.all()} == {
        date(2026, 11, 17): at.closes[date(2026, 11, 18)],
        date(2026, 11, 18): at.closes[date(2026, 11, 19)],
    }


def test_a_symbol_none_of_whose_days_is_over_is_named(crypto, exchange, at):
    exchange.listed["BTC"] = exchange.listed["BTC"][-1:]
    at_first = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "_source", lambda: at_first)
        done = run(crypto)
    error = done.results["trading_signals"]["BTC/USDT"]["error"]
    assert error == f"{crypto.data}: BTC/USDT: none of its days is over"


def test_what_no_plan_asks_for_any_more_is_scored_all_the_same(crypto, stocks, at):
    at(2026, 11, 18, 14, 0)
    run(crypto)
    at(2026, 11, 20, 11, 30)
    assert run(stocks).error == ""
    scored = Forecast.objects.filter(symbol="BTC/USDT").values_list("actual_price", "due_on")
    assert set(scored) == {(at.closes[date(2026, 11, 18)], None)}


def test_a_source_that_fails_then_is_named_once_a_day_and_fails_no_run(crypto, stocks, exchange, at):
    at(2026, 11, 18, 14, 0)
    run(crypto)
    exchange.manner["BTC-USDT"] = "down"
    at(2026, 11, 20, 11, 30)
    done = run(stocks)
    assert done.error.startswith(
        f"an earlier forecast of BTC/USDT has no price to score it by: {crypto.data}: BTC/USDT"
    )
    assert done.results["trading_signals"]["AAPL"]["success"]
    assert set(Forecast.objects.filter(symbol="BTC/USDT").values_list("due_on")) == {(date(2026, 11, 21),)}
    asked = len(exchange.asked)
    assert run(stocks).error == ""
    assert len(exchange.asked) == asked


class TestARunAsksForFewMore:
    NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)

    def test_ten_at_most_and_none_twice(self):
        seeker = seek.Seeker(self.NOW, {("simulated", "A")})
        told = [seeker("simulated", symbol) for symbol in "ABCDEFGHIJKLM"]
        assert told == [True] * 11 + [False] * 2
        assert set(Bar.objects.values_list("symbol", flat=True)) == set("BCDEFGHIJK")

    def test_not_for_long(self, monkeypatch):
        monkeypatch.setattr(seek, "SECONDS", 0.0)
        assert seek.Seeker(self.NOW, set())("simulated", "A") is False

    def test_a_source_that_is_not_there_any_more_is_named(self):
        seeker = seek.Seeker(self.NOW, set())
        assert seeker("bloomberg", "A") is True
        assert "there is no data source 'bloomberg'" in seeker.troubles[0]
