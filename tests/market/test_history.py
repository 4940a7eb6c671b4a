"""Histories: Yahoo through its library against a server of its shape, and the store that asks once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from signals.market.history import store
from signals.market.history.base import DayBar, NoHistory, clean, history_source
from signals.market.history.simulated import SimulatedHistory
from signals.market.history.yahoo import YahooHistory
from signals.models import Bar
from tests.fakes.yahoo import running_yahoo
from tradeops.core.errors import ConfigurationError

NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)


@pytest.fixture
def yahoo(settings, tmp_path):
    with running_yahoo() as running:
        settings.YAHOO_URL = running.url
        yield running


# Without `ad` in it the library keeps an item.
ODD = [
    {"content": None}, {"content": "text"}, {"content": ["a", 1]}, {"content": 7}, {},
    {"content": {"title": None, "pubDate": "2026-11-20T12:00:00Z"}}, {"content": {"title": "A", "pubDate": "soon"}},
]  # fmt: skip


class TestYahoo:
    def test_it_gives_the_days_asked_for(self, yahoo):
        bars = YahooHistory().bars("AAPL", days=250, now=NOW)
        assert len(bars) == 250
        assert bars[-1].close == next(
            bar.close for bar in SimulatedHistory().bars("AAPL", days=2000, now=NOW) if bar.date == bars[-1].date
        )
        assert [bar.date for bar in bars] == sorted({bar.date for bar in bars})

    @pytest.mark.parametrize(
        ("moment", "over"),
        [
            ((20, 20, 59), False),  # New York closes at 21:00 UTC
            ((20, 21, 59), False),  # prices come late, and the closing auction later
            ((20, 22, 0), True),
            ((21, 4, 59), True),
        ],
    )
    def test_a_day_is_over_an_hour_after_its_exchanges_close(self, yahoo, moment, over):
        yahoo.hours = (datetime(2026, 11, 20, 14, 30, tzinfo=UTC), datetime(2026, 11, 20, 21, 0, tzinfo=UTC))
        assert self.over(datetime(2026, 11, *moment, tzinfo=UTC)) == {19: True, 20: over}

    @pytest.mark.parametrize(("moment", "over"), [((20, 23, 59), False), ((21, 4, 59), False), ((21, 5, 0), True)])
    def test_without_its_hours_at_the_end_of_the_exchanges_own_day(self, yahoo, moment, over):
        assert self.over(datetime(2026, 11, *moment, tzinfo=UTC)) == {19: True, 20: over}

    def over(self, now):
        found = {bar.date: bar.final for bar in YahooHistory().bars("AAPL", days=100, now=now)}
        return {day: found[date(2026, 11, day)] for day in (19, 20)}

    @pytest.mark.parametrize(
        ("manner", "says"),
        [
            ("garbage", "its answer is not JSON"),
            ("down", "its answer is not JSON"),
            ("unknown", "no prices"),
            ("empty", "no prices"),
            ("nan", "no prices|usable days"),
        ],
    )
    def test_what_is_no_price_is_said(self, yahoo, manner, says):
        yahoo.manner["TSLA"] = manner
        with pytest.raises(NoHistory, match=f"^TSLA: .*({says})"):
            YahooHistory().bars("TSLA", days=100, now=NOW)

    @pytest.mark.parametrize(("symbol", "manner"), [("AMD", "garbage"), ("INTC", "unknown"), ("QCOM", "down")])
    def test_a_symbol_whose_first_answer_was_bad_has_prices_when_yahoo_is_well_again(self, yahoo, symbol, manner):
        yahoo.manner[symbol] = manner  # no other test asks for these: the first answer of the process
        with pytest.raises(NoHistory):
            YahooHistory().bars(symbol, days=100, now=NOW)
        del yahoo.manner[symbol]
        assert len(YahooHistory().bars(symbol, days=100, now=NOW)) == 100

    def test_headlines(self, yahoo):
        yahoo.headlines["AAPL"] = ["Apple beats estimates"]
        [headline] = YahooHistory().headlines("AAPL", now=NOW)
        assert (headline.title, headline.publisher) == ("Apple beats estimates", "Example Wire")
        assert YahooHistory().headlines("MSFT", now=NOW) == []

    @pytest.mark.parametrize("item", ODD)
    def test_an_odd_headline_is_left_out(self, yahoo, item):
        yahoo.headlines["AAPL"] = [item, "Apple beats estimates"]
        assert [headline.title for headline in YahooHistory().headlines("AAPL", now=NOW)] == ["Apple beats estimates"]


class Source:
    """Bars that a test controls; remembers how many days it was asked for."""

    def __init__(self, bars):
        self.all, self.asked = bars, []

    def bars(self, symbol, *, days, now):
        self.asked.append(days)
        return self.all[-days:]


def bars(count, *, until=date(2026, 11, 20), factor=1.0):
    first = until - timedelta(days=count - 1)
    return [DayBar(first + timedelta(days=n), 10.0, 11.0, 9.0, (10 + n / 100) * factor, 5.0) for n in range(count)]


@pytest.mark.django_db
class TestTheStore:
    def read(self, source, days=50):
        return store.history(source, name="x", symbol="A", days=days, now=NOW)

    def test_the_past_is_asked_for_once(self):
        source = Source(bars(50))
        first = self.read(source)
        source.all = bars(51, until=date(2026, 11, 21))
        second = self.read(source)
        assert source.asked == [50, 5]
        assert first == bars(50)
        assert second == bars(51, until=date(2026, 11, 21))[-50:]
        assert Bar.objects.count() == 51

    def test_a_gap_reads_all_of_it_again(self):
        source = Source(bars(50))
        self.read(source)
        source.all = bars(80, until=date(2026, 12, 20))
        assert self.read(source) == source.all[-50:]
        assert source.asked == [50, 5, 50]

    def test_a_split_reads_all_of_it_again(self):
        source = Source(bars(50))
        self.read(source)
        source.all = bars(50, factor=0.5)
        assert self.read(source) == source.all
        assert Bar.objects.order_by("date").first().close == 5.0

    def test_a_day_that_was_not_over_has_no_close_until_it_is_read_again(self):
        *settled, last = [replace(bar, final=True) for bar in bars(50)]
        self.read(Source([*settled, replace(last, close=99.0, final=False)]))
        assert store.closes(name="x", symbol="A") == {bar.date: bar.close for bar in settled}
        self.read(Source([*settled, last]))
        assert store.closes(name="x", symbol="A")[last.date] == last.close

    def test_a_source_that_fails_leaves_what_was_there(self):
        self.read(Source(bars(50)))
        with pytest.raises(NoHistory):
            self.read(Source([]))
        assert Bar.objects.count() == 50


def test_what_cannot_be_a_price_is_left_out():
    day = date(2026, 1, 2)
    given = [
        DayBar(day, 1, 1, 1, float("nan")), DayBar(day + timedelta(days=1), 1, 1, 1, 0.0),
        DayBar(day + timedelta(days=2), 1, 1, 1, float("inf")), DayBar(day + timedelta(days=3), 1, 1, 1, 2.0),
    ]  # fmt: skip
    assert [bar.close for bar in clean(given, symbol="A")] == [2.0]
    with pytest.raises(NoHistory, match="A: 1 usable days of prices; at least 2 are needed"):
        clean(given, symbol="A", least=2)


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_a_day_with_one_price_missing_is_left_out(field):
    whole = DayBar(date(2026, 1, 2), 2.0, 3.0, 1.0, 2.0, 5.0)
    holey = replace(whole, date=date(2026, 1, 5), **{field: float("nan")})
    assert clean([holey, whole], symbol="A") == [whole]


def test_a_volume_that_is_no_number_is_unknown_and_the_day_stays():
    bar = DayBar(date(2026, 1, 2), 2.0, 3.0, 1.0, 2.0, float("nan"))
    assert clean([bar], symbol="A") == [replace(bar, volume=0.0)]


def test_an_unknown_source_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="no data source 'bloomberg'; there are simulated, venue, yahoo"):
        history_source("bloomberg")
