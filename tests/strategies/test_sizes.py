"""Each sizing mode to the last digit, and what it says where something is missing (S6); target sizes (S5)."""

from decimal import Decimal

import pytest

from accounts.brokers.base import Instrument
from signals.receive import Alert
from signals.strategies import sizing
from signals.strategies.sizing import Basis, Funds, NoSize
from signals.strategies.symbols import Mapped

D = Decimal
FUNDS = Funds(currency="USDT", equity=D("100000.50"), available=D("40000"))


def instrument(**fields):
    given = {
        "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "lot": D("0.0001"), "tick": D("0.1"),
        "min_quantity": D("0.0001"), **fields,
    }  # fmt: skip
    return Instrument(**given)


def basis(
    *, value=None, price="50000", mapped=None, funds=FUNDS, traded=None, leverage=None, stop="", sells=False, **alert
):
    return Basis(
        value=None if value is None else D(value),
        alert=Alert(**{"symbol": "X", "action": "buy", **alert}),
        mapped=mapped or Mapped("BTC/USDT"),
        price=None if price is None else D(price),
        instrument=traded or instrument(),
        funds=funds,
        leverage=None if leverage is None else D(leverage),
        stop_loss=stop,
        sells=sells,
    )


def size(mode, **fields):
    return sizing.quantity(mode, basis(**fields))


@pytest.mark.parametrize(
    ("mode", "fields", "expected"),
    [
        ("percent_equity", {"value": "10"}, "0.200001"),
        ("percent_equity", {"value": "0.25", "price": "25"}, "10.00005"),
        ("percent_available", {"value": "25"}, "0.2"),
        ("percent_margin", {"value": "25", "leverage": "3"}, "0.6"),
        ("percent_margin", {"value": "25", "leverage": "0.5"}, "0.1"),
        ("percent_equity", {"value": "10", "price": "30000"}, "0.333335"),
        # 1 % of 100,000.50 is lost over 1,000 a coin
        ("risk_percent", {"value": "1", "stop_loss": "2%"}, "1.000005"),
        ("risk_percent", {"value": "1", "stop_loss": "49000"}, "1.000005"),
        ("risk_percent", {"value": "1", "stop": "2%"}, "1.000005"),
        ("risk_percent", {"value": "1", "stop": "48000"}, "0.5000025"),
        ("risk_percent", {"value": "1", "stop": "48000", "stop_loss": "49000"}, "1.000005"),
        ("risk_percent", {"value": "1", "stop_loss": "51000", "sells": True}, "1.000005"),
        ("risk_percent", {"value": "1", "stop_loss": "2%", "sells": True}, "1.000005"),
        # the sender's unit is 1,000 coins: its stop of 49 is 0.049 of ours
        (
            "risk_percent",
            {"value": "1", "price": "0.05", "stop_loss": "49", "mapped": Mapped("X/USDT", multiplier=D(1000))},
            "1000005",
        ),
        ("message", {"percent": D(5)}, "0.1000005"),
        ("message", {"quantity": D("0.3"), "market_position": "long", "market_position_size": D("0.1")}, "0.1"),
        ("message", {"quantity": D("0.3"), "market_position": "long"}, "0.3"),
        ("quote_amount", {"value": "100", "price": "30000"}, "0.003333333333333333"),
    ],
)  # fmt: skip
def test_exactly(mode, fields, expected):
    assert size(mode, **fields) == D(expected)


@pytest.mark.parametrize(
    ("mode", "fields", "said"),
    [
        ("percent_equity", {}, "the strategy has no sizing value"),
        ("percent_equity", {"value": "10", "price": None}, "a size in money needs a price, and there is none"),
        (
            "percent_equity", {"value": "10", "funds": Funds(problem="the venue is down")},
            "what the account is worth is not known: the venue is down",
        ),
        ("percent_equity", {"value": "10", "funds": Funds()}, "what the account is worth is not known"),
        (
            "percent_available", {"value": "10", "funds": Funds(currency="USDT", equity=D(1))},
            "what the account has free is not known",
        ),
        ("percent_available", {"value": "10", "funds": Funds(currency="USDT", available=D(0))}, "not above zero"),
        (
            "percent_equity", {"value": "10", "traded": instrument(quote="EUR")},
            "the account counts in USDT, BTC/USDT is paid in EUR",
        ),
        (
            "percent_margin", {"value": "10"},
            "a size by margin needs a leverage: neither the message nor the account has one",
        ),
        ("risk_percent", {"value": "1"}, "a size by risk needs a stop: neither the message nor the strategy has one"),
        ("risk_percent", {"value": "1", "stop": "2atr"}, "not at '2atr'"),
        ("risk_percent", {"value": "1", "stop_loss": "51000"}, "51000 is not below the entry's price of 50000"),
        ("risk_percent", {"value": "1", "stop_loss": "50000"}, "50000 is not below the entry's price of 50000"),
        ("risk_percent", {"value": "1", "stop_loss": "49000", "sells": True}, "49000 is not above the entry's price"),
        ("risk_percent", {"value": "1", "stop_loss": "2%", "price": None}, "needs a price"),
        ("message", {}, "neither quantity nor quote_amount nor percent"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_a_sentence(mode, fields, said):
    with pytest.raises(NoSize, match=said):
        size(mode, **fields)


def test_a_swap_is_paid_in_what_it_settles_in():
    assert size("percent_equity", value="10", traded=instrument(quote="USD", settle="USDT")) == D("0.200001")


class TestUnits:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"quantity_unit": "contracts", "own_multiplier": False}, "0.05"),  # the venue's own
            ({"quantity_unit": "contracts", "multiplier": D("0.1")}, "0.5"),
            ({"quantity_unit": "lots", "own_multiplier": False}, "0.0005"),
            ({"quantity_unit": "lots", "multiplier": D(100)}, "500"),
            ({"multiplier": D(1000)}, "5000"),
            ({"quantity_unit": "quote"}, "0.0001"),
            ({"quantity_unit": "quote", "multiplier": D(1000)}, "0.1"),
        ],
    )
    def test_a_quantity_of_five(self, fields, expected):
        traded = instrument(contract=D("0.01"))
        assert size("message", quantity=D(5), mapped=Mapped("X", **fields), traded=traded) == D(expected)

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"multiplier": D(1000)}, "0.0075"),
            ({"quantity_unit": "contracts", "multiplier": D("0.01")}, "7.5"),
            ({"quantity_unit": "lots", "multiplier": D(100)}, "7.5"),
            ({"quantity_unit": "quote", "multiplier": D(1000)}, "7.5"),
        ],
    )
    def test_a_price_is_per_the_sender_s_unit_only_where_that_is_a_multiple_of_the_coin(self, fields, expected):
        assert Mapped("X", **fields).price(D("7.5")) == D(expected)


class TestTargets:
    def target(self, kind, *, value="0.2", unit="4", **fields):
        given = basis(value=value, market_position="long", **fields)
        return sizing.target(kind, "fixed_quantity", given, unit_size=None if unit is None else D(unit))

    def test_the_direction_is_the_full_size_whatever_the_message_says(self):
        assert self.target("direction", market_position_size=D(9)) == D("0.2")

    def test_absolute_is_the_message_s_own_in_the_mapping_s_unit(self):
        assert self.target("absolute", market_position_size=D(9)) == D(9)
        assert self.target("absolute", market_position_size=D(9), value=None) == D(9)
        assert self.target("absolute", market_position_size=D(9), mapped=Mapped("X", multiplier=D(10))) == D(90)

    def test_proportional_is_a_share_of_the_full_size(self):
        assert self.target("proportional", market_position_size=D(2)) == D("0.1")
        assert self.target("proportional", market_position_size=D(6)) == D("0.3")
        assert self.target("proportional", market_position_size=D(1), unit="3") == D("0.066666666666666667")

    @pytest.mark.parametrize(
        ("kind", "fields", "said"),
        [
            ("absolute", {}, "target sizes are absolute, and the message has no market_position_size"),
            ("proportional", {}, "target sizes are proportional, and the message has no market_position_size"),
            ("proportional", {"market_position_size": D(2), "unit": None}, "the strategy has no unit_size"),
            ("absolute", {"market_position_size": D(0)}, "not above zero"),
        ],
    )
    def test_what_is_missing(self, kind, fields, said):
        with pytest.raises(NoSize, match=said):
            self.target(kind, **fields)


@pytest.mark.parametrize(
    ("kind", "mode", "unit", "said"),
    [
        ("direction", "message", None, ""),
        ("absolute", "fixed_quantity", None, ""),
        ("proportional", "fixed_quantity", D(1), ""),
        ("proportional", "fixed_quantity", None, "proportional target sizes need a unit_size above zero"),
        (
            "proportional",
            "message",
            D(1),
            "proportional target sizes are shares of a size that the strategy has itself",
        ),
    ],
)
def test_what_of_a_strategy_s_target_sizes_does_not_go_together(kind, mode, unit, said):
    assert sizing.check_target(kind, mode, unit).startswith(said)
    assert bool(sizing.check_target(kind, mode, unit)) == bool(said)
