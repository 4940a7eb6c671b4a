from decimal import Decimal

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
    assert read(action="sell", reduce_only=True) == Instruction(action="close", side="long", partly=True)
    assert read(action="buy", reduce_only=True) == Instruction(action="close", side="short", partly=True)


def test_a_put_is_bought_where_options_are_traded():
    """Whether they are is each account's matter (`actions.resolve`), not the engine's."""
    assert read(direction="put") == Instruction(action="buy", right="put")


def test_what_it_cannot_trade_it_says():
    opinion = engine("A").read(Alert(symbol="X", action="heartbeat"))
    assert opinion.instruction is None
    assert opinion.reason == "heartbeat is not something this version trades"


@pytest.mark.parametrize(
    ("given", "confidence"),
    [(None, None), ("0.8", "0.8"), ("1", "1"), ("85", "0.85"), ("250", "1"), ("0.12345", "0.1234"), ("0", "0")],
)
def test_its_confidence_is_the_messages(given, confidence):
    found = engine("A").read(Alert(symbol="X", action="buy", confidence=None if given is None else Decimal(given)))
    assert found.confidence == (None if confidence is None else Decimal(confidence))
    assert (found.views, found.objections) == ((), {})


def test_an_engine_that_is_not_installed():
    with pytest.raises(ConfigurationError, match="there is no engine 'C'; there are A, B"):
        engine("C")


def test_cancel_only_ends_orders():
    instruction = read(action="cancel")
    assert instruction == Instruction(action="cancel")
    assert instruction.reduces


@pytest.mark.parametrize("action", ["buy", "sell"])
def test_of_a_put_the_underlying_is_not_traded(action):
    assert read(action=action, direction="put") == Instruction(action=action, right="put")
    assert read(action=action, direction="call") == Instruction(action=action)
