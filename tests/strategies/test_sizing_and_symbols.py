from decimal import Decimal

import pytest

from signals.receive import Alert
from signals.strategies import sizing, symbols
from signals.strategies.sizing import Basis, NoSize
from signals.strategies.symbols import Mapped
from tradeops.core.errors import ConfigurationError

D = Decimal


def size(mode, *, value=None, price="50000", mapped=None, **alert):
    basis = Basis(
        value=None if value is None else D(value),
        alert=Alert(symbol="BTCUSDT", action="buy", **alert),
        mapped=mapped or Mapped("BTC/USDT"),
        price=None if price is None else D(price),
    )
    return sizing.quantity(mode, basis)


class TestSizing:
    def test_fixed_quantity_ignores_the_message(self):
        assert size("fixed_quantity", value="0.01", quantity=D(7)) == D("0.01")

    def test_quote_amount_divides_by_the_price(self):
        assert size("quote_amount", value="100") == D("0.002")

    def test_quote_amount_needs_a_price(self):
        with pytest.raises(NoSize, match="needs a price"):
            size("quote_amount", value="100", price=None)

    def test_message_takes_the_message(self):
        assert size("message", quantity=D("0.3")) == D("0.3")
        assert size("message", quote_amount=D(25)) == D("0.0005")

    def test_message_without_size_is_refused(self):
        with pytest.raises(NoSize, match="neither quantity nor quote_amount"):
            size("message")

    def test_message_is_scaled_by_the_mapping(self):
        assert size("message", quantity=D(3), mapped=Mapped("X/USDT", multiplier=D(1000))) == D(3000)
        quoted = Mapped("BTC/USDT", quantity_unit="quote")
        assert size("message", quantity=D(500), mapped=quoted) == D("0.01")

    @pytest.mark.parametrize("quantity", ["0", "-1"])
    def test_nothing_or_less_is_refused(self, quantity):
        with pytest.raises(NoSize, match="above zero"):
            size("message", quantity=D(quantity))

    def test_an_unknown_mode_is_refused(self):
        with pytest.raises(NoSize, match="no sizing mode 'moon'"):
            size("moon", value="1")


class TestSymbols:
    def test_as_sent_then_without_the_exchange_in_any_case(self):
        assert symbols.lookup({"BTCUSDT": "BTC/USDT"}, "binance:btcusdt") == Mapped("BTC/USDT")
        both = {"BTCUSDT": "A", "BINANCE:BTCUSDT": "B"}
        assert symbols.lookup(both, "BINANCE:BTCUSDT") == Mapped("B")

    def test_an_unmapped_ticker_is_not_guessed(self):
        assert symbols.lookup({"BTCUSDT": "BTC/USDT"}, "BTCUSDT.P") is None
        assert symbols.lookup({"BTCUSDT": "BTC/USDT"}, "BTC/USDT") is None

    def test_the_long_form(self):
        mapping = {"KPEPE": {"symbol": "PEPE/USDT", "multiplier": "1000", "quantity_unit": "lots"}}
        assert symbols.lookup(mapping, "KPEPE") == Mapped("PEPE/USDT", "", "lots", D(1000))

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("", "give a symbol"),
            (3, "give a symbol"),
            ({"market": "spot"}, "give a symbol"),
            ({"symbol": "A", "colour": 1}, "unknown field colour"),
            ({"symbol": "A", "quantity_unit": "ounces"}, "use one of base, contracts, lots, quote"),
            ({"symbol": "A", "multiplier": "0"}, "above zero"),
            ({"symbol": "A", "multiplier": "much"}, "not a number"),
        ],
    )
    def test_a_bad_mapping_is_told(self, target, message):
        with pytest.raises(ConfigurationError, match=message):
            symbols.check({"X": target})
