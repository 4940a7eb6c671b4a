import pytest

from signals.engines.base import engine
from signals.receive import Alert
from signals.strategies.actions import Instruction
from tradeops.core.errors import ConfigurationError


def read(**fields):
    return engine("A").read(Alert(symbol="X", **fields)).instruction


@pytest.mark.parametrize("action", ["buy", "sell", "reverse"])
def test_it_does_what_the_alert_says(action):
    assert read(action=action) == Instruction(action=action)


def test_exits_may_be_narrowed_by_direction():
    assert read(action="close") == Instruction(action="close")
    assert read(action="exit", direction="short") == Instruction(action="exit", side="short")


def test_direction_alone():
    assert read(direction="long") == Instruction(action="buy")
    assert read(direction="call") == Instruction(action="buy")
    assert read(direction="short") == Instruction(action="sell")


def test_the_target_alone_decides():
    assert read(action="buy", market_position="flat") == Instruction(target="flat")


def test_reduce_only_never_opens():
    assert read(action="sell", reduce_only=True) == Instruction(action="close", side="long")
    assert read(action="buy", reduce_only=True) == Instruction(action="close", side="short")


@pytest.mark.parametrize("fields", [{"action": "cancel"}, {"direction": "put"}])
def test_what_it_cannot_trade_it_says(fields):
    opinion = engine("A").read(Alert(symbol="X", **fields))
    assert opinion.instruction is None
    assert "not something this version trades" in opinion.reason


def test_an_engine_that_is_not_installed():
    with pytest.raises(ConfigurationError, match="there is no engine 'B'; there are A"):
        engine("B")
