"""What a message says about how its order is executed, without any account (I3, X2)."""

from decimal import Decimal

import pytest

from signals.receive import Alert
from signals.strategies import terms
from signals.strategies.symbols import Mapped
from signals.strategies.terms import NoTerms, Terms
from tradeops.core.money import OrderType

D = Decimal
MAPPED = Mapped("BTC/USDT")


def read(mapped=MAPPED, **fields):
    return terms.read(Alert(symbol="X", action="buy", **fields), mapped)


def exits(side="long", price="100", mapped=MAPPED, **fields):
    """Refused, or not."""
    alert = Alert(symbol="X", action="buy", **fields)
    terms.check_exits(alert, mapped, position_side=side, price=None if price is None else D(price))


class TestTypes:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"price": D(7)}, Terms()),  # TradingView sends {{close}} with everything
            ({"time_in_force": "ioc"}, Terms(time_in_force="ioc")),
            ({"order_type": "limit", "price": D(7)}, Terms(type=OrderType.LIMIT, price=D(7))),
            (
                {"order_type": "limit", "price": D(7), "stop_price": D(8), "post_only": True},
                Terms(type=OrderType.LIMIT, price=D(7), post_only=True),
            ),
            ({"order_type": "stop", "price": D(7)}, Terms(type=OrderType.STOP, stop_price=D(7))),
            ({"order_type": "stop", "price": D(7), "stop_price": D(8)}, Terms(type=OrderType.STOP, stop_price=D(8))),
            (
                {"order_type": "stop_limit", "price": D(7), "stop_price": D(8)},
                Terms(type=OrderType.STOP_LIMIT, price=D(7), stop_price=D(8)),
            ),
        ],
    )
    def test_each(self, fields, expected):
        assert read(**fields) == expected

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"order_type": "limit"}, "a limit order needs a price"),
            ({"order_type": "stop"}, "a stop order needs a stop_price"),
            ({"order_type": "stop_limit", "price": D(7)}, "a stop-limit order needs a stop_price"),
            ({"order_type": "stop_limit", "stop_price": D(7)}, "a stop-limit order needs a price"),
            ({"post_only": True}, "a market order cannot be post-only"),
            ({"order_type": "stop", "price": D(7), "post_only": True}, "a stop order cannot be post-only"),
            (
                {"order_type": "limit", "price": D(7), "post_only": True, "time_in_force": "fok"},
                "post-only and fok exclude each other",
            ),
        ],
    )
    def test_what_is_missing_or_contradicts(self, fields, said):
        with pytest.raises(NoTerms, match=said):
            read(**fields)

    def test_prices_are_per_base_unit(self):
        found = read(Mapped("X", multiplier=D(1000)), order_type="limit", price=D("7.5"))
        assert found.price == D("0.0075")


class TestExits:
    @pytest.mark.parametrize(
        ("side", "fields"),
        [
            ("long", {"stop_loss": "2%", "take_profit": [{"at": "110"}]}),
            ("short", {"stop_loss": "2%", "take_profit": [{"at": "3%"}]}),
            ("long", {"take_profit": [{"at": "3%", "share": "50%"}, {"at": "6%", "share": "50%"}]}),
            ("long", {"take_profit": [{"at": "3%", "share": "99.99%"}, {"at": "6%"}]}),
            ("long", {"take_profit": [{"at": "3%", "share": "30%"}]}),
        ],
    )
    def test_a_price_or_a_distance_on_either_side(self, side, fields):
        exits(side, **fields)

    @pytest.mark.parametrize(
        ("side", "fields", "said"),
        [
            ("long", {"stop_loss": "101"}, "stop_loss 101 is not below the entry's price of 100"),
            ("short", {"stop_loss": "99"}, "stop_loss 99 is not above the entry's price of 100"),
            ("long", {"take_profit": [{"at": "100"}]}, "take_profit 100 is not above the entry's price of 100"),
            ("long", {"stop_loss": "100%"}, "stop_loss 100% is not below"),
            (
                "long",
                {"take_profit": [{"at": "3%", "share": "100%"}, {"at": "6%"}]},
                "leave nothing for those without one",
            ),
        ],
    )
    def test_what_cannot_be(self, side, fields, said):
        with pytest.raises(NoTerms, match=said):
            exits(side, **fields)

    def test_without_a_price_only_a_price_will_do(self):
        exits(price=None, stop_loss="90")
        with pytest.raises(NoTerms, match="needs a price to count from"):
            exits(price=None, stop_loss="2%")

    def test_levels_are_per_base_unit(self):
        mapped = Mapped("X", multiplier=D(1000))
        exits(price="0.1", mapped=mapped, stop_loss="90")
        with pytest.raises(NoTerms, match=r"stop_loss 101 is not below the entry's price of 0\.1"):
            exits(price="0.1", mapped=mapped, stop_loss="101")
