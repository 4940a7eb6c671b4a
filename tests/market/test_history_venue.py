"""Daily prices of exchanges, through ccxt against servers of their shape on loopback."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.brokers.by_ccxt import markets, wire
from signals.market.history import store
from signals.market.history.base import NoHistory, history_source
from signals.models import Bar
from tests.fakes.candles import running_exchange
from tradeops.core.errors import ConfigurationError

NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
IDS = {"okx": "BTC-USDT", "binance": "BTCUSDT"}
CANDLES = {"okx": "/api/v5/market/candles", "binance": "/api/v3/klines"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def exchange():
    markets.forget()
    with running_exchange() as running:
        yield running
    markets.forget()


def source(exchange, name):
    return history_source(f"venue:{name}@{exchange.url}")


@pytest.mark.parametrize("name", IDS)
def test_it_gives_the_days_asked_for(exchange, name):
    bars = source(exchange, name).bars("BTC/USDT", days=500, now=NOW)
    expected = exchange.listed["BTC"][-500:]
    assert [bar.date for bar in bars] == [date(2026, 11, 20) - timedelta(days=499 - number) for number in range(500)]
    assert [bar.close for bar in bars] == [close for _, close in expected]
    assert bars[-1].volume == 12.5
    assert exchange.count(CANDLES[name]) == 2  # 300 at most in one answer


@pytest.mark.parametrize(("hour", "over"), [(0, 19), (23, 19), (24, 20)])
def test_a_day_is_over_at_midnight_in_utc(exchange, hour, over):
    now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hour)
    bars = source(exchange, "okx").bars("BTC/USDT", days=10, now=now)
    assert max(bar.date for bar in bars if bar.final) == date(2026, 11, over)


def test_days_are_those_of_utc(exchange):
    source(exchange, "okx").bars("BTC/USDT", days=10, now=NOW)
    assert {said["bar"] for path, said in exchange.asked if path == CANDLES["okx"]} == {"1Dutc"}


def test_a_contract_is_asked_for_by_its_own_name(exchange):
    bars = source(exchange, "okx").bars("ETH/USDT:USDT", days=10, now=NOW)
    assert [bar.close for bar in bars] == [close for _, close in exchange.listed["ETH"][-10:]]
    assert {said["instId"] for path, said in exchange.asked if path == CANDLES["okx"]} == {"ETH-USDT-SWAP"}


@pytest.mark.parametrize("name", IDS)
def test_one_that_was_listed_lately_has_the_days_since(exchange, name):
    """OKX answers by windows: those before the listing are empty, and the days are there all the same."""
    exchange.listed["BTC"] = exchange.listed["BTC"][-20:]
    bars = source(exchange, name).bars("BTC/USDT", days=500, now=NOW)
    assert (len(bars), bars[0].date) == (20, date(2026, 11, 1))


def test_the_markets_are_asked_for_once(exchange):
    asked = source(exchange, "okx")
    asked.bars("BTC/USDT", days=10, now=NOW)
    asked.bars("ETH/USDT", days=10, now=NOW)
    assert exchange.count("/api/v5/public/instruments") == 1


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize(
    ("manner", "says"),
    [
        ("down", "gives no prices: the venue did not answer as it should"),
        ("garbage", "gives no prices: "),
        ("page", "gives no prices: "),
        ("empty", "0 usable days of prices"),
        ("nan", "0 usable days of prices"),
    ],
)
def test_what_is_no_price_is_said(exchange, name, manner, says):
    exchange.manner[IDS[name]] = manner
    asked = source(exchange, name)
    with pytest.raises(NoHistory, match=f"^BTC/USDT: ({name} )?{says}"):
        asked.bars("BTC/USDT", days=100, now=NOW)
    exchange.manner.clear()
    assert len(asked.bars("BTC/USDT", days=100, now=NOW)) == 100  # and it recovers


@pytest.mark.parametrize(("manner", "says"), [("refused", "okx gives no prices"), ("nonsense", "0 usable days")])
def test_an_answer_of_another_kind_is_said(exchange, manner, says):
    exchange.manner["BTC-USDT"] = manner
    with pytest.raises(NoHistory, match=f"^BTC/USDT: {says}"):
        source(exchange, "okx").bars("BTC/USDT", days=100, now=NOW)


@pytest.mark.parametrize("path", ["BTC-USDT", "/api/v5/public/instruments"])
def test_one_that_does_not_answer_is_not_waited_for(exchange, monkeypatch, path):
    monkeypatch.setattr(wire, "READ_SECONDS", 0.3)
    exchange.manner[path] = "slow"
    with pytest.raises(NoHistory, match=r"^BTC/USDT: okx gives no prices: "):
        source(exchange, "okx").bars("BTC/USDT", days=100, now=NOW)


def test_one_that_is_not_there(exchange):
    url = exchange.url
    exchange.stopping.set()
    nobody = history_source(f"venue:okx@{url.rpartition(':')[0]}:9")
    with pytest.raises(NoHistory, match=r"^BTC/USDT: okx gives no prices: "):
        nobody.bars("BTC/USDT", days=100, now=NOW)
    assert exchange.asked == []


def test_an_unknown_symbol_is_named(exchange):
    with pytest.raises(NoHistory, match=r"^XYZ/USDT: okx has no such symbol; it writes them as BTC/USDT"):
        source(exchange, "okx").bars("XYZ/USDT", days=100, now=NOW)
    assert exchange.count(CANDLES["okx"]) == 0


def test_days_that_are_no_prices_are_left_out(exchange):
    (first, _), (second, close) = exchange.listed["BTC"][-2:]
    exchange.listed["BTC"][-2:] = [(first, 0), (second, close)]
    bars = source(exchange, "okx").bars("BTC/USDT", days=10, now=NOW)
    assert [bar.date for bar in bars[-2:]] == [date(2026, 11, 18), date(2026, 11, 20)]


def test_the_store_keeps_them_by_the_sources_name(exchange):
    name = f"venue:okx@{exchange.url}"
    bars = store.history(history_source(name), name=name, symbol="BTC/USDT", days=50, now=NOW)
    assert Bar.objects.filter(source=name, symbol="BTC/USDT").count() == len(bars) == 50


def test_there_are_no_headlines(exchange):
    assert source(exchange, "okx").headlines("BTC/USDT", now=NOW) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("venue:nowhere", "has no exchange 'nowhere'"),
        ("venue:okx@http://prices.example", "https only"),
        ("venue:okx@host", "is not an address"),
    ],
)
def test_what_could_never_answer_is_refused_at_once(name, says):
    with pytest.raises(ConfigurationError, match=says):
        history_source(name)
