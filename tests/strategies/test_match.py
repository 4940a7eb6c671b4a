"""S2: the message's strategy, else those of the source whose symbols have the ticker."""

import pytest

from signals.models import Source, Strategy
from signals.receive import Alert
from signals.strategies import match
from tests.factories import NOW
from tradeops.core import configuration

pytestmark = pytest.mark.django_db


def _source(slug: str) -> Source:
    return Source.objects.create(slug=slug, auth="token", active=False)


def _strategy(slug: str, *sources: Source, **fields) -> None:
    row = Strategy.objects.create(slug=slug, **{"mode": "paper", "symbols": {"BTCUSDT": "BTC/USDT"}, **fields})
    row.sources.set(sources)
    configuration.changed()


def _routes(source: Source, **fields) -> list[str]:
    return match.routes(source_id=source.pk, alert=Alert(action="buy", **{"symbol": "BTCUSDT", **fields}), now=NOW)


def test_every_strategy_of_the_source_whose_map_has_the_ticker():
    tv, other = _source("tv"), _source("other")
    _strategy("beta", tv)
    _strategy("alpha", tv, other)
    _strategy("gold", tv, symbols={"XAUUSD": "XAU/USD"})
    _strategy("elsewhere", other)
    assert _routes(tv) == ["alpha", "beta"]
    assert _routes(other) == ["alpha", "elsewhere"]
    assert _routes(tv, symbol="ETHUSDT") == []


@pytest.mark.parametrize(
    ("mapped", "ticker", "found"),
    [
        ("BTCUSDT", "BTCUSDT", True),
        ("BTCUSDT", "btcusdt", True),
        ("btcusdt", "BTCUSDT", True),
        ("BTCUSDT", "BINANCE:BTCUSDT", True),
        ("BINANCE:BTCUSDT", "BINANCE:BTCUSDT", True),
        ("BINANCE:BTCUSDT", "OKX:BTCUSDT", False),
        ("BINANCE:BTCUSDT", "BTCUSDT", False),
        ("BTCUSDT", "BTCUSDT.P", False),
    ],
)
def test_with_and_without_the_exchanges_prefix(mapped, ticker, found):
    tv = _source("tv")
    _strategy("trend", tv, symbols={mapped: "BTC/USDT"})
    assert _routes(tv, symbol=ticker) == (["trend"] if found else [])


def test_a_named_strategy_is_the_only_one_and_must_be_fed_by_the_source():
    tv, other = _source("tv"), _source("other")
    _strategy("alpha", tv)
    _strategy("beta", tv)
    _strategy("foreign", other)
    assert _routes(tv, strategy="beta") == ["beta"]
    assert _routes(tv, strategy="beta", symbol="UNMAPPED") == ["beta"]  # its decision names the missing mapping
    assert _routes(tv, strategy="foreign") == []
    assert _routes(tv, strategy="nobody") == []


def test_one_that_is_off_is_reached_by_its_name_only():
    tv = _source("tv")
    _strategy("asleep", tv, mode="off")
    assert _routes(tv) == []
    assert _routes(tv, strategy="asleep") == ["asleep"]


def test_a_retired_one_is_not_reached_at_all():
    tv = _source("tv")
    _strategy("gone", tv, retired_at=NOW)
    assert (_routes(tv), _routes(tv, strategy="gone")) == ([], [])


def test_a_change_counts_at_once_in_this_process():
    tv = _source("tv")
    _strategy("trend", tv)
    assert _routes(tv) == ["trend"]
    Strategy.objects.update(mode="off")
    configuration.changed()
    assert _routes(tv) == []
