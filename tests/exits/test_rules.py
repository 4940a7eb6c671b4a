"""How exits are written, and how a quantity is divided among targets."""

from decimal import Decimal

import pytest

from signals.exits import rules
from signals.models import Strategy
from tests.config.portal import apply, lines
from tradeops.core.errors import ConfigurationError

D = Decimal


@pytest.mark.parametrize(
    ("entered", "shares", "least", "pieces"),
    [
        ("1", ["0.5", "0.5"], "0.01", ["0.5", "0.5"]),
        ("1", ["0.33", "0.33", "0.34"], "0.01", ["0.33", "0.33", "0.34"]),
        ("0.0999", ["0.5", "0.5"], "0.001", ["0.049", "0.0509"]),  # whole lots; the last takes the remainder
        ("0.1", ["0.05", "0.95"], "0.01", ["0", "0.1"]),  # too small: it joins the next
        ("0.1", ["0.05", "0.9", "0.05"], "0.01", ["0", "0.1", "0"]),  # the last has no next: it joins the one before
        ("1", ["0.3"], "0.01", ["0.3"]),  # a part only: the rest has no target
        ("0.02", ["0.4", "0.4"], "0.01", ["0", "0.016"]),
        ("0.005", ["0.5", "0.5"], "0.01", ["0", "0"]),  # dust
    ],
)
def test_pieces(entered, shares, least, pieces):
    found = rules.divided(D(entered), tuple(map(D, shares)), lot=D("0.001"), least=D(least))
    assert found == tuple(map(D, pieces))
    assert sum(found) <= D(entered)


def test_targets_without_a_share_divide_what_the_others_leave():
    read = rules.read({"take_profit": [{"at": "1%", "share": "40%"}, "2%", {"at": "3%"}]})
    assert [target.share for target in read.take_profit] == [D("0.4"), D("0.3"), D("0.3")]
    assert read.whole


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"stop_loss": "100%"}, "stop_loss: must be below 100%, not 100%"),
        ({"stop_loss": "-1%"}, "stop_loss: must be above zero, not -1%"),
        ({"trailing_stop": {"from": "2%"}}, "trailing_stop.distance: is required"),
        ({"trailing_stop": {"distance": "2%", "to": "1%"}}, "trailing_stop.to: there is no such field"),
        ({"take_profit": [{"at": "1%", "share": "150%"}]}, "take_profit[0].share: must be a share such as 50%"),
        ({"session_close": {"before": "5m"}}, "session_close.calendar: is required"),
        ({"time_stop": "366d"}, "time_stop: must be a time such as 90m, 4h or 2d"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(given, why):
    with pytest.raises(ConfigurationError) as refused:
        rules.check(given)
    assert str(refused.value).startswith(why)


def test_the_configuration_keeps_them_as_they_were_written(db):
    text = """
strategies:
  - slug: trend
    exits:
      stop_loss: 2%
      take_profit: [{at: 3%, share: 50%}, {at: 6%}]
      trailing_stop: {distance: 1%, from: 2%}
      break_even: null
      time_stop: 4h
      session_close: {calendar: XNYS, before: 5m}
"""
    apply(text)
    assert Strategy.objects.get().exits == {
        "stop_loss": "2%",
        "take_profit": [{"at": "3%", "share": "50%"}, {"at": "6%"}],
        "trailing_stop": {"distance": "1%", "from": "2%"},
        "time_stop": "4h",
        "session_close": {"calendar": "XNYS", "before": "5m"},
    }
    assert not any("exits" in line for line in lines(text))  # applied again it changes nothing
