"""Bars: from each source, only those that have ended, with their age; none is invented."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary
from accounts.brokers.by_ccxt import broker_class, markets
from accounts.brokers.candles import Candle, range_volatility
from accounts.brokers.okx import candles as okx_candles
from accounts.brokers.okx.client import Answer
from signals.market import bars, cache
from signals.market.bars import Bar, Bars, NoBars
from signals.market.base import NoPrice, price_source
from signals.market.candles.simulated import SimulatedBars
from signals.market.simulated import SimulatedPrices
from signals.models import Bar as Stored
from signals.receive import Alert
from tests import factories
from tests.accounts.okx.support import broker, tapped
from tests.factories import NOW
from tests.fakes.binance import running_binance
from tests.fakes.venue import running_venue
from tests.fakes.yahoo import running_yahoo
from tradeops.core.errors import ConfigurationError

D = Decimal
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def fresh():
    cache.forget()
    yield
    cache.forget()


def read(name, symbol="BTC/USDT", *, timeframe="1h", count=5, account=None, now=NOW):
    return bars.read(name, symbol=symbol, timeframe=timeframe, count=count, account=account, now=now)


class Given:
    """What a test says that a source gives."""

    rows: list = []
    asked: list = []

    def key(self, account):
        return account and account.slug

    def bars(self, symbol, *, timeframe, count, account, now):
        self.asked.append((symbol, timeframe, count))
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


@pytest.fixture
def given(settings, monkeypatch):
    settings.BAR_SOURCES = {**settings.BAR_SOURCES, "given": f"{__name__}.Given"}
    monkeypatch.setattr(Given, "rows", [])
    monkeypatch.setattr(Given, "asked", [])
    return Given


def hours(*ago):
    return [Bar(NOW - HOUR * number, 1.0, 2.0, 0.5, 1.5, 10.0) for number in ago]


class TestReading:
    def test_only_bars_that_have_ended_the_last_so_many(self, given):
        given.rows = hours(4, 3, 2, 1, 0)
        found = read("given", count=3)
        assert found == Bars(symbol="BTC/USDT", timeframe="1h", source="given", rows=tuple(hours(3, 2, 1)))
        assert (found.until, found.age_seconds(NOW + timedelta(seconds=90))) == (NOW, 90.0)

    @pytest.mark.parametrize(
        ("late", "fine"), [(timedelta(hours=2, seconds=60), True), (timedelta(hours=2, seconds=61), False)]
    )
    def test_old_bars_are_none(self, given, late, fine):
        given.rows = hours(1)
        if fine:
            assert read("given", now=NOW + late).until == NOW
            return
        with pytest.raises(
            NoBars, match=r"^the last 1h bar of BTC/USDT from given ended at 2026-03-02 14:30 UTC: too old$"
        ):
            read("given", now=NOW + late)

    def test_days_may_rest_over_a_long_weekend(self, given):
        given.rows = [Bar(datetime(2026, 2, 25, tzinfo=UTC), 1.0, 1.0, 1.0, 1.0)]
        assert read("given", timeframe="1d", now=datetime(2026, 3, 3, tzinfo=UTC)).until == datetime(
            2026, 2, 26, tzinfo=UTC
        )
        cache.forget()
        with pytest.raises(NoBars, match="too old"):
            read("given", timeframe="1d", now=datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC))

    def test_none_at_all(self, given):
        with pytest.raises(NoBars, match=r"^given gives no bars of BTC/USDT$"):
            read("given")

    def test_a_message_has_no_past(self):
        with pytest.raises(NoBars, match="which has no past; name a source of bars"):
            read("message")

    @pytest.mark.parametrize(
        "error", [BrokerTemporary("too busy"), ConfigurationError("no such exchange"), NoBars("nothing there")]
    )
    def test_what_a_source_cannot_give_is_said_in_its_words(self, given, error):
        given.rows = error
        with pytest.raises(NoBars, match=str(error)):
            read("given")

    @pytest.mark.parametrize("name", ["reuters", "venue:", "reuters:x"])
    def test_a_source_that_is_not_there(self, name):
        with pytest.raises(NoBars, match="there are no bars from"):
            read(name)

    def test_they_are_asked_for_once_for_all_who_ask(self, given):
        given.rows = hours(1)
        for _ in range(3):
            read("given", count=1)
        assert given.asked == [("BTC/USDT", "1h", 1)]
        read("given", count=2)
        read("given", "ETH/USDT", count=1)
        assert len(given.asked) == 3


class TestSimulated:
    def test_they_are_the_walk_of_the_quotes_seen_within_each_bar(self):
        found = read("simulated", timeframe="15m", count=4)
        begin = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
        assert [bar.at for bar in found.rows] == [begin + timedelta(minutes=15 * n) for n in range(4)]
        price = SimulatedPrices().price
        first = found.rows[0]
        assert (first.open, first.close) == (
            float(price("BTC/USDT", begin)), float(price("BTC/USDT", begin + timedelta(minutes=15))),
        )  # fmt: skip
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in found.rows)
        assert [one.close for one in found.rows[:-1]] == [one.open for one in found.rows[1:]]

    def test_the_same_for_everybody(self):
        given = {"timeframe": "1h", "count": 50, "account": None, "now": NOW}
        assert SimulatedBars().bars("A", **given) == SimulatedBars().bars("A", **given)
        assert SimulatedBars().bars("A", **given) != SimulatedBars().bars("B", **given)


@pytest.mark.django_db
class TestStored:
    def test_the_days_that_analyses_have_stored(self):
        """Only those that were over when they were read: 28 was not."""
        for source, day in (("yahoo", 26), ("yahoo", 27), ("yahoo", 28), ("other", 28)):
            Stored.objects.create(
                source=source, symbol="AAPL", date=date(2026, 2, day), open=1, high=3, low=0.5, close=2, volume=9,
                final=day < 28,
            )  # fmt: skip
        found = read("stored:yahoo", "AAPL", timeframe="1d")
        assert found.rows == tuple(Bar(datetime(2026, 2, day, tzinfo=UTC), 1.0, 3.0, 0.5, 2.0, 9.0) for day in (26, 27))

    def test_only_days_are_stored(self):
        with pytest.raises(NoBars, match="only daily bars are stored"):
            read("stored:yahoo", "AAPL")

    def test_other_symbols_are_not_taken_for_it(self):
        with pytest.raises(NoBars, match=r"^stored:yahoo gives no bars of MSFT$"):
            read("stored:yahoo", "MSFT", timeframe="1d")


class Said:
    """An OKX client that answers with the rows of its documentation."""

    def __init__(self, *rows):
        self.rows, self.asked = list(rows), []

    def public(self, path, params, *keys):
        self.asked.append((path, dict(params), keys))
        return Answer([], "", self.rows)


class TestOkx:
    ROW = ["1597026383085", "3.721", "3.743", "3.677", "3.708", "8422410", "22698348.04828491", "12698348.04", "0"]

    @pytest.mark.parametrize(("spot", "volume"), [(True, "8422410"), (False, "22698348.04828491")])
    def test_a_row_as_documented(self, spot, volume):
        traded = type("Traded", (), {"inst_id": "BTC-USDT", "spot": spot})()
        client = Said(self.ROW)
        [found] = okx_candles.read(client, traded, symbol="BTC/USDT", timeframe="1d", count=1)
        assert found == Candle(
            at=datetime(2020, 8, 10, 2, 26, 23, 85000, tzinfo=UTC), open=D("3.721"), high=D("3.743"), low=D("3.677"),
            close=D("3.708"), volume=D(volume),
        )  # fmt: skip
        asked = ("/market/candles", {"instId": "BTC-USDT", "bar": "1Dutc", "limit": "2"}, ("ticker",))
        assert client.asked == [asked]

    def test_more_than_one_answer_holds(self):
        with running_venue() as venue, tapped(venue) as tap:
            found = broker(venue, url=tap.url).candles("BTC/USDT", timeframe="1h", count=400, now=NOW)
            sent = tap.sent("/market/candles")
        assert [one.query["limit"] for one in sent] == ["300", "101"]
        assert "after" not in sent[0].query
        assert len(found) == 401
        assert {later.at - one.at for one, later in pairwise(found)} == {HOUR}
        assert sent[1].query["after"] == str(int(found[101].at.timestamp() * 1000))

    def test_an_interval_that_it_has_not(self):
        with pytest.raises(BrokerRejected, match="no 2h candles"):
            okx_candles.read(Said(), None, symbol="X", timeframe="2h", count=1)


@pytest.mark.django_db
def test_an_account_on_a_venues_prices_gets_its_bars():
    with running_venue() as venue:
        account = factories.account("paper-1", prices="venue:okx", base_url=venue.url)
        now = datetime.now(UTC)
        found = read("venue:okx", count=24, account=account, now=now)
        assert len(found.rows) == 24
        assert found.age_seconds(now) < 3600
        assert len({bar.close for bar in found.rows}) == 1  # the stand-in remembers no other price


@pytest.mark.django_db
def test_a_venue_without_candles_says_so():
    with pytest.raises(NoBars, match="paper has no bars of its own; name another source"):
        read("venue", account=factories.account("paper-1"))
    with pytest.raises(NoBars, match="there is no account whose venue could be asked"):
        read("venue")


def test_any_exchange_by_ccxt():
    markets.forget()
    with running_binance() as venue:
        exchange = broker_class("binance")(venue.access())
        now = datetime.fromtimestamp(venue.now / 1000, UTC)
        found = exchange.candles("BTC/USDT", timeframe="1h", count=3, now=now)
        first = found[0]
        assert (first.open, first.high, first.low, first.close, first.volume) == (
            D(100), D(105), D(95), D("102.5"), D("7.25"),
        )  # fmt: skip
        assert [one.close for one in found[:3]] == [D("102.5"), D("103.5"), D("104.5")]
        assert found[0].at >= now - 4 * HOUR
        with pytest.raises(BrokerRejected, match="binance has no 7m candles"):
            exchange.candles("BTC/USDT", timeframe="7m", count=3, now=now)


class TestYahoo:
    @pytest.fixture
    def yahoo(self, settings):
        with running_yahoo() as running:
            settings.YAHOO_URL = running.url
            yield running

    def test_bars_within_the_day(self, yahoo):
        yahoo.intraday["AAPL"] = [
            (NOW - HOUR * number, 200.0 + number, 203.0, 199.0, 201.5, 1000) for number in (3, 2, 1)
        ]
        found = read("yahoo", "AAPL", count=2)
        assert found.rows == (
            Bar(NOW - 2 * HOUR, 202.0, 203.0, 199.0, 201.5, 1000.0),
            Bar(NOW - HOUR, 201.0, 203.0, 199.0, 201.5, 1000.0),
        )

    def test_the_last_price_with_the_time_of_its_trade(self, yahoo):
        yahoo.intraday["AAPL"] = [(NOW - timedelta(minutes=1), 200.0, 203.0, 199.0, 201.25, 1000)]
        yahoo.market_time = NOW - timedelta(seconds=7)
        account = factories.Account(slug="a", broker="paper")
        found = price_source("yahoo").quote(
            symbol="AAPL", alert=Alert(symbol="AAPL"), account=account, received_at=NOW, now=NOW
        )
        assert (found.bid, found.ask, found.last) == (D("201.25"), D("201.25"), D("201.25"))
        assert (found.at, found.source) == (NOW - timedelta(seconds=7), "yahoo")

    @pytest.mark.parametrize("manner", ["down", "garbage", "unknown"])
    def test_what_is_no_price_is_said(self, yahoo, manner):
        yahoo.manner["TSLA"] = manner
        account = factories.Account(slug="a", broker="paper")
        with pytest.raises(NoPrice, match=r"^Yahoo gives no price of TSLA: "):
            price_source("yahoo").quote(
                symbol="TSLA", alert=Alert(symbol="TSLA"), account=account, received_at=NOW, now=NOW
            )
        with pytest.raises(NoBars, match=r"^Yahoo gives no bars of TSLA: |no bars of TSLA$"):
            read("yahoo", "TSLA")

    def test_an_interval_that_it_has_not(self, yahoo):
        with pytest.raises(NoBars, match="Yahoo has no 4h bars"):
            read("yahoo", "AAPL", timeframe="4h")


@pytest.mark.parametrize(
    ("high", "low", "told"),
    # ln(110 / 100) / (2 √ln 2) = 0.0953102 / 1.6651092
    [("110", "100", D("0.057240")), ("100", "100", D(0)), ("90", "100", None), ("1", "0", None), ("NaN", "1", None)],
)
def test_the_volatility_of_a_days_range(high, low, told):
    assert range_volatility(D(high), D(low)) == told


def test_a_simulated_quote_tells_volume_and_volatility():
    account = factories.Account(slug="a", broker="paper")
    found = price_source("simulated").quote(
        symbol="BTC/USDT", alert=Alert(symbol="B"), account=account, received_at=NOW, now=NOW
    )
    assert found.volume == 24_000
    assert D("0.01") < found.volatility < D("0.05")  # three waves of 1 % each
