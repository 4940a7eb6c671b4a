"""TradingView's tickers to venues' symbols, for each account (S1). What is not mapped is never guessed."""

from decimal import Decimal

import pytest

from signals.strategies import symbols
from signals.strategies.symbols import Mapped
from tradeops.core.errors import ConfigurationError

D = Decimal


@pytest.mark.parametrize(
    ("mapped", "ticker", "found"),
    [
        ("BINANCE:BTCUSDT.P", "BINANCE:BTCUSDT.P", True),
        ("BTCUSDT.P", "BINANCE:BTCUSDT.P", True),
        ("BTCUSDT", "BINANCE:BTCUSDT.P", False),  # another instrument
        ("BINANCE:BTCUSDT", "BYBIT:BTCUSDT", False),
        ("OANDA:EURUSD", "OANDA:EURUSD", True),
        ("EURUSD", "OANDA:EURUSD", True),
        ("EURUSD", "EURUSD", True),
        ("NASDAQ:AAPL", "NASDAQ:AAPL", True),
        ("NASDAQ:AAPL", "NASDAQ_DLY:AAPL", True),
        ("NASDAQ:AAPL", "NASDAQ_DL:AAPL", True),
        ("NASDAQ:AAPL", "NASDAQ:AAPL_DLY", True),
        ("AAPL", "NASDAQ_DLY:AAPL", True),
        ("AAPL", "AAPL_DL", True),
        ("AAPL", "AAPL_DLX", False),
        ("AAPL", "AAPL_DLY.A", False),
        ("NASDAQ:AAPL", "NYSE_DLY:AAPL", False),
        ("NASDAQ_DLY:AAPL", "NASDAQ:AAPL", False),
        (" nasdaq:aapl ", "NASDAQ:AAPL", True),
    ],
)
def test_which_names_are_the_same(mapped, ticker, found):
    assert (symbols.lookup({mapped: "X"}, ticker) is not None) == found


def test_the_nearest_name_counts():
    mapping = {"AAPL": "1", "NASDAQ:AAPL": "2", "NASDAQ_DLY:AAPL": "3"}
    assert [symbols.lookup(mapping, name).symbol for name in ("NASDAQ_DLY:AAPL", "NASDAQ:AAPL", "X:AAPL")] == [
        "3", "2", "1",
    ]  # fmt: skip


class TestByAccount:
    MAPPING = {
        "PEPE": {
            "symbol": "PEPE/USDT",
            "multiplier": "1000",
            "accounts": {
                "okx-1": {"symbol": "1000PEPE/USDT:USDT", "market": "swap", "multiplier": "1"},
                "okx-2": "PEPE/USDC",
                "okx-3": {"symbol": "PEPE/USDT:USDT", "quantity_unit": "contracts"},
            },
        }
    }

    @pytest.mark.parametrize(
        ("account", "expected"),
        [
            ("other", ("PEPE/USDT", "", "base", D(1000))),
            ("okx-1", ("1000PEPE/USDT:USDT", "swap", "base", D(1))),
            ("okx-2", ("PEPE/USDC", "", "base", D(1000))),  # what is not said is as on the others
            ("okx-3", ("PEPE/USDT:USDT", "", "contracts", D(1))),  # another unit: the venue's own contracts
        ],
    )
    def test_each_has_its_own(self, account, expected):
        found = symbols.lookup(self.MAPPING, "PEPE").on(account)
        assert (found.symbol, found.market, found.quantity_unit, found.multiplier) == expected

    def test_they_are_named(self):
        assert symbols.accounts({**self.MAPPING, "BTC": "BTC/USDT"}) == {"okx-1", "okx-2", "okx-3"}
        symbols.check(self.MAPPING)


def test_contracts_are_the_venue_s_own_unless_the_mapping_says_how_large_they_are():
    short = symbols.lookup({"X": {"symbol": "S", "quantity_unit": "contracts"}}, "X")
    own = symbols.lookup({"X": {"symbol": "S", "quantity_unit": "contracts", "multiplier": "0.01"}}, "X")
    assert (short.own_multiplier, own.own_multiplier) == (False, True)
    assert short == Mapped("S", "", "contracts", D(1), False)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"symbol": "A", "accounts": ["x"]}, "X.accounts: give a map of accounts"),
        ({"symbol": "A", "accounts": {"okx-1": {}}}, "X.accounts.okx-1: give a symbol, or a map"),
        ({"symbol": "A", "accounts": {"okx-1": {"accounts": {}}}}, "X.accounts.okx-1: unknown field accounts"),
        ({"symbol": "A", "accounts": {"okx-1": {"multiplier": "-1"}}}, "X.accounts.okx-1.multiplier: must be above"),
        ({"symbol": "A", "accounts": {"okx-1": {"symbol": ""}}}, "X.accounts.okx-1.symbol: give a symbol"),
        ({"symbol": "A", "market": "moon"}, "X.market: use one of spot, swap, futures, option"),
    ],
)
def test_what_is_wrong_is_told(target, message):
    with pytest.raises(ConfigurationError, match=message):
        symbols.check({"X": target})


def test_one_ticker_under_two_names_is_told():
    with pytest.raises(ConfigurationError, match="btcusdt: is the same ticker as 'BTCUSDT'"):
        symbols.check({"BTCUSDT": "A", "btcusdt": "B"})
