"""The action table (S5): instruction × position × market × opposite × pyramiding."""

from decimal import Decimal

import pytest

from signals.strategies.actions import Held, Instruction, Leg, closing, resolve
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


class TestASizeThatIsCut:
    """A limit cuts what is opened, never what an opposite buy or sell closes (D3)."""

    def resolve(self, action, held, **given):
        fields = {"market": "swap", "opposite": "reverse", "pyramiding": 0, **given}
        return resolve(Instruction(action), held=held, size=D("0.01"), whole=D("0.05"), **fields).legs

    def test_the_opposite_side_is_closed_by_the_whole_size(self):
        held = Held(long=D("0.08"), entries=1)
        assert self.resolve("sell", held) == (close_long("0.05"),)
        assert self.resolve("sell", held, market="spot") == (close_long("0.05"),)

    def test_the_rest_is_opened_as_far_as_the_limit_goes(self):
        assert self.resolve("sell", LONG) == (close_long("0.02"), SELL_OPEN)
        assert self.resolve("buy", Held(short=D("0.045"), entries=1)) == (
            close_short("0.045"), Leg("open", Side.BUY, "long", D("0.005")),
        )  # fmt: skip
        assert self.resolve("sell", LONG, opposite="close") == (close_long("0.02"),)

    def test_an_entry_is_cut(self):
        assert self.resolve("buy", FLAT) == (BUY_OPEN,)


class TestNobodyKnowsTheSize:
    def legs(self, action="", *, held=LONG, opposite="reverse", whole=None, **given):
        return closing(Instruction(action, **given), held=held, opposite=opposite, whole=whole)

    def test_an_opposite_buy_or_sell_closes_all_of_the_other_side(self):
        assert self.legs("sell") == (close_long("0.02"),)
        assert self.legs("buy", held=SHORT) == (close_short("0.02"),)
        assert self.legs("sell", opposite="close") == (close_long("0.02"),)

    def test_or_what_it_asked_for_where_only_the_cut_is_not_known(self):
        assert self.legs("sell", whole=D("0.005")) == (close_long("0.005"),)
        assert self.legs("sell", whole=D("5")) == (close_long("0.02"),)

    def test_nothing_where_the_strategy_says_so_or_nothing_stands_against_it(self):
        assert self.legs("sell", opposite="reject") == ()
        assert self.legs("buy") == ()
        assert self.legs("buy", held=SHORT, right="put") == ()
        assert self.legs("cancel") == ()


def test_an_exit_in_part_is_of_no_more_than_is_held():
    for size, left in (("0.005", "0.005"), ("5", "0.02"), ("0", "0.02")):
        found = resolve(
            Instruction("close", side="long", partly=True),
            held=LONG, size=D(size), market="spot", opposite="reverse", pyramiding=0,
        )  # fmt: skip
        assert found.legs == (close_long(left),)
