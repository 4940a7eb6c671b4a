"""The action table (S5): instruction × position × market × opposite × pyramiding."""

from decimal import Decimal

import pytest

from signals.strategies.actions import Held, Instruction, Leg, resolve
from tradeops.core.money import Side

D = Decimal
FLAT = Held()
LONG = Held(long=D("0.02"), entries=1)
SHORT = Held(short=D("0.02"), entries=1)

BUY_OPEN = Leg("open", Side.BUY, "long", D("0.01"))
SELL_OPEN = Leg("open", Side.SELL, "short", D("0.01"))


def plan(action="", *, target="", side="", held=FLAT, size="0.01", market="swap", opposite="reverse", pyramiding=0):
    return resolve(
        Instruction(action, target, side),
        held=held,
        size=D(size),
        market=market,
        opposite=opposite,
        pyramiding=pyramiding,
    )


def close_long(quantity):
    return Leg("close", Side.SELL, "long", D(quantity))


def close_short(quantity):
    return Leg("close", Side.BUY, "short", D(quantity))


@pytest.mark.parametrize("market", ["spot", "swap"])
@pytest.mark.parametrize("action", ["close", "exit", "flat"])
class TestExits:
    def test_it_goes_to_zero(self, action, market):
        assert plan(action, held=LONG, market=market).legs == (close_long("0.02"),)
        assert plan(action, held=SHORT, market=market).legs == (close_short("0.02"),)

    def test_it_never_opens(self, action, market):
        found = plan(action, market=market)
        assert found.legs == ()
        assert (found.rule, found.value) == ("position", "flat")

    def test_the_direction_filters(self, action, market):
        assert plan(action, side="short", held=LONG, market=market).rule == "position"
        assert plan(action, side="long", held=LONG, market=market).legs == (close_long("0.02"),)


class TestEntries:
    def test_from_flat_they_open(self):
        assert plan("buy").legs == (BUY_OPEN,)
        assert plan("sell").legs == (SELL_OPEN,)

    def test_the_same_side_adds_up_to_pyramiding_and_is_rejected_after(self):
        assert plan("buy", held=LONG, pyramiding=0).rule == "pyramiding"
        assert plan("buy", held=LONG, pyramiding=1).legs == (BUY_OPEN,)
        twice = Held(long=D("0.02"), entries=2)
        assert plan("buy", held=twice, pyramiding=1).rule == "pyramiding"
        assert plan("sell", held=SHORT, pyramiding=0).rule == "pyramiding"

    def test_the_opposite_closes_first_and_opens_only_the_remainder(self):
        assert plan("sell", held=LONG, size="0.05").legs == (
            close_long("0.02"),
            Leg("open", Side.SELL, "short", D("0.03")),
        )
        assert plan("sell", held=LONG, size="0.02").legs == (close_long("0.02"),)
        assert plan("sell", held=LONG, size="0.01").legs == (close_long("0.01"),)
        assert plan("buy", held=SHORT, size="0.05").legs == (
            close_short("0.02"),
            Leg("open", Side.BUY, "long", D("0.03")),
        )

    def test_opposite_close_does_not_open(self):
        assert plan("sell", held=LONG, size="0.05", opposite="close").legs == (close_long("0.02"),)

    def test_opposite_reject_does_nothing(self):
        found = plan("sell", held=LONG, opposite="reject")
        assert (found.legs, found.rule, found.value) == ((), "opposite", "long")

    def test_on_spot_the_opposite_only_closes(self):
        assert plan("sell", held=LONG, size="0.05", market="spot").legs == (close_long("0.02"),)

    def test_a_spot_sell_without_position_is_capped_by_holdings_and_rejected_at_none(self):
        held = Held(free_base=D("0.004"))
        assert plan("sell", held=held, market="spot").legs == (Leg("open", Side.SELL, "short", D("0.004")),)
        found = plan("sell", market="spot")
        assert (found.legs, found.rule) == ((), "holdings")


class TestTargets:
    def test_the_difference_is_traded(self):
        assert plan(target="long").legs == (BUY_OPEN,)
        assert plan(target="short").legs == (SELL_OPEN,)
        assert plan(target="flat", held=LONG).legs == (close_long("0.02"),)
        assert plan(target="long", held=SHORT).legs == (close_short("0.02"), BUY_OPEN)
        assert plan(target="short", held=LONG).legs == (close_long("0.02"), SELL_OPEN)

    def test_being_there_already_is_fine_and_does_nothing(self):
        for target, held in (("long", LONG), ("short", SHORT), ("flat", FLAT)):
            found = plan(target=target, held=held)
            assert (found.legs, found.rule) == ((), "")

    def test_spot_goes_as_far_as_flat(self):
        assert plan(target="short", held=LONG, market="spot").legs == (close_long("0.02"),)
        assert plan(target="short", market="spot").rule == "holdings"


class TestReverse:
    def test_it_closes_before_it_opens(self):
        assert plan("reverse", held=LONG).legs == (close_long("0.02"), SELL_OPEN)
        assert plan("reverse", held=SHORT).legs == (close_short("0.02"), BUY_OPEN)

    def test_from_flat_it_is_rejected(self):
        assert plan("reverse").rule == "position"


def test_only_exits_and_a_flat_target_are_known_to_reduce():
    assert Instruction(action="close").reduces
    assert Instruction(target="flat").reduces
    assert not Instruction(action="sell").reduces
    assert not Instruction(action="close", target="long").reduces  # the target alone decides
