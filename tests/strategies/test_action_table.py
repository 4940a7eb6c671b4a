"""The action table (S5), cell by cell: what is said × what is held × market × `opposite` × `pyramiding`.

Each row names the cells it holds for, `*` being all of them, and what must come out. Every cell is in exactly one row.
Amounts are in hundredths: `-L2 +S3` closes 0.02 of a long and then opens 0.03 short; `!rule` is a rejection by that
rule; `.` is nothing to do, which is no rejection.
"""

from decimal import Decimal
from itertools import product

import pytest

from signals.strategies.actions import Held, Instruction, resolve

D = Decimal
HUNDREDTH = D("0.01")

# What is said, and the size in hundredths. `abs` targets count by their size, `dir` targets by their side alone.
SAID = {
    "buy 5": (Instruction("buy"), 5, False),
    "buy 1": (Instruction("buy"), 1, False),
    "buy 2": (Instruction("buy"), 2, False),
    "sell 5": (Instruction("sell"), 5, False),
    "sell 1": (Instruction("sell"), 1, False),
    "sell 2": (Instruction("sell"), 2, False),
    "call 5": (Instruction("buy", right="call"), 5, False),
    "put 5": (Instruction("buy", right="put"), 5, False),
    "close": (Instruction("close"), 0, False),
    "exit": (Instruction("exit"), 0, False),
    "flat": (Instruction("flat"), 0, False),
    "close long": (Instruction("close", side="long"), 0, False),
    "close short": (Instruction("close", side="short"), 0, False),
    "cancel": (Instruction("cancel"), 0, False),
    "reverse 5": (Instruction("reverse"), 5, False),
    "be long dir 5": (Instruction(target="long"), 5, False),
    "be short dir 5": (Instruction(target="short"), 5, False),
    "be flat": (Instruction(target="flat"), 0, False),
    "be long abs 5": (Instruction(target="long"), 5, True),
    "be long abs 2": (Instruction(target="long"), 2, True),
    "be long abs 1": (Instruction(target="long"), 1, True),
    "be short abs 5": (Instruction(target="short"), 5, True),
    "be short abs 2": (Instruction(target="short"), 2, True),
    "be short abs 1": (Instruction(target="short"), 1, True),
    "close, be long dir 5": (Instruction("close", target="long"), 5, False),
}
HELD = {
    "none": Held(),
    "coins": Held(free_base=D("0.03")),  # of the account, not of the strategy
    "long": Held(long=D("0.02"), entries=1),
    "short": Held(short=D("0.02"), entries=1),
    "both": Held(long=D("0.02"), short=D("0.03"), entries=1),  # where the venue hedges
}
MARKETS = ("spot", "swap", "futures", "option")
OPPOSITES = ("reverse", "close", "reject")
PYRAMIDING = (0, 1)

TABLE = """
buy 5|call 5                    none|coins    *                    *              *  +L5
buy 5|call 5                    long          *                    *              0  !pyramiding
buy 5|call 5                    long          *                    *              1  +L5
buy 5|call 5                    short         swap|futures|option  reverse        *  -S2 +L3
buy 5|call 5                    short         spot                 reverse        *  -S2 +L3
buy 5|call 5                    short         *                    close          *  -S2
buy 5|call 5                    both          *                    reverse        *  -S3 +L2
buy 5|call 5                    both          *                    close          *  -S3
buy 5|buy 2|buy 1|call 5        short|both    *                    reject         *  !opposite
buy 2                           none|coins    *                    *              *  +L2
buy 2|buy 1                     long          *                    *              0  !pyramiding
buy 2                           long          *                    *              1  +L2
buy 2                           short|both    *                    reverse|close  *  -S2
buy 1                           none|coins    *                    *              *  +L1
buy 1                           long          *                    *              1  +L1
buy 1                           short|both    *                    reverse|close  *  -S1

put 5                           *             spot|swap|futures    *              *  !direction
put 5                           none|coins    option               *              *  +L5
put 5                           long          option               *              0  !pyramiding
put 5                           long          option               *              1  +L5
put 5                           short         option               reverse        *  -S2 +L3
put 5                           short         option               close          *  -S2
put 5                           both          option               reverse        *  -S3 +L2
put 5                           both          option               close          *  -S3
put 5                           short|both    option               reject         *  !opposite

sell 5|sell 2|sell 1            none          spot                 *              *  !holdings
sell 5                          none|coins    swap|futures|option  *              *  +S5
sell 5                          coins         spot                 *              *  +S3
sell 2                          coins         spot                 *              *  +S2
sell 1                          coins         spot                 *              *  +S1
sell 5                          long          swap|futures|option  reverse        *  -L2 +S3
sell 5                          both          swap|futures|option  reverse        *  -L2 +S3
sell 5                          long|both     spot                 reverse        *  -L2
sell 5                          long|both     *                    close          *  -L2
sell 5|sell 2|sell 1            long|both     *                    reject         *  !opposite
sell 5|sell 2|sell 1            short         *                    *              0  !pyramiding
sell 5                          short         swap|futures|option  *              1  +S5
sell 2                          short         swap|futures|option  *              1  +S2
sell 1                          short         swap|futures|option  *              1  +S1
sell 5|sell 2|sell 1            short         spot                 *              1  !holdings
sell 2                          none|coins    swap|futures|option  *              *  +S2
sell 1                          none|coins    swap|futures|option  *              *  +S1
sell 2                          long|both     *                    reverse|close  *  -L2
sell 1                          long|both     *                    reverse|close  *  -L1

close|exit|flat                 none|coins    *                    *              *  !position
close|exit|flat                 long          *                    *              *  -L2
close|exit|flat                 short         *                    *              *  -S2
close|exit|flat                 both          *                    *              *  -L2 -S3
close long                      long|both     *                    *              *  -L2
close short                     short         *                    *              *  -S2
close short                     both          *                    *              *  -S3
close long                      none|coins|short  *                *              *  !position
close short                     none|coins|long   *                *              *  !position
cancel                          *             *                    *              *  .

reverse 5                       none|coins    *                    *              *  !position
reverse 5                       long|both     spot                 *              *  -L2
reverse 5                       long          swap|futures|option  *              *  -L2 +S5
reverse 5                       both          swap|futures|option  *              *  -L2
reverse 5                       short         *                    *              *  -S2 +L5

be flat                         none|coins    *                    *              *  .
be flat                         long          *                    *              *  -L2
be flat                         short         *                    *              *  -S2
be flat                         both          *                    *              *  -L2 -S3
be long dir 5|be long abs 5     none|coins    *                    *              *  +L5
be long dir 5                   long          *                    *              *  .
be long abs 5                   long          *                    *              *  +L3
be long dir 5|be long abs 5     short         *                    *              *  -S2 +L5
be long dir 5                   both          *                    *              *  -S3
be long abs 5                   both          *                    *              *  -S3 +L3
be long abs 2                   none|coins    *                    *              *  +L2
be long abs 2                   long          *                    *              *  .
be long abs 2                   short         *                    *              *  -S2 +L2
be long abs 2                   both          *                    *              *  -S3
be long abs 1                   none|coins    *                    *              *  +L1
be long abs 1                   long          *                    *              *  -L1
be long abs 1                   short         *                    *              *  -S2 +L1
be long abs 1                   both          *                    *              *  -S3 -L1
close, be long dir 5            none|coins    *                    *              *  +L5
close, be long dir 5            long          *                    *              *  .
close, be long dir 5            short         *                    *              *  -S2 +L5
close, be long dir 5            both          *                    *              *  -S3

be short dir 5|be short abs 5|be short abs 2|be short abs 1   none|coins  spot   *   *  !holdings
be short dir 5|be short abs 5|be short abs 2|be short abs 1   long        spot   *   *  -L2
be short dir 5|be short abs 5   none|coins    swap|futures|option  *              *  +S5
be short dir 5|be short abs 5   long          swap|futures|option  *              *  -L2 +S5
be short dir 5                  short         *                    *              *  .
be short dir 5                  both          *                    *              *  -L2
be short abs 5                  short         swap|futures|option  *              *  +S3
be short abs 5                  both          swap|futures|option  *              *  -L2 +S2
be short abs 5                  short         spot                 *              *  .
be short abs 5                  both          spot                 *              *  -L2
be short abs 2                  none|coins    swap|futures|option  *              *  +S2
be short abs 2                  long          swap|futures|option  *              *  -L2 +S2
be short abs 2                  short         *                    *              *  .
be short abs 2                  both          *                    *              *  -L2 -S1
be short abs 1                  none|coins    swap|futures|option  *              *  +S1
be short abs 1                  long          swap|futures|option  *              *  -L2 +S1
be short abs 1                  short         *                    *              *  -S1
be short abs 1                  both          *                    *              *  -L2 -S2
"""


def _rows():
    for line in filter(None, map(str.strip, TABLE.splitlines())):
        said, held, market, opposite, pyramiding, outcome = [part.strip() for part in _columns(line)]
        yield (said.split("|"), held.split("|"), market.split("|"), opposite.split("|"), pyramiding, outcome)


def _columns(line):
    """Split at two blanks or more."""
    return [part for part in line.replace("  ", "\t").split("\t") if part.strip()]


ROWS = list(_rows())
CELLS = [
    pytest.param(*cell, id="-".join(map(str, cell)).replace(" ", "_"))
    for cell in product(SAID, HELD, MARKETS, OPPOSITES, PYRAMIDING)
]


def _expected(said, held, market, opposite, pyramiding):
    found = [
        outcome
        for says, holds, markets, opposites, adds, outcome in ROWS
        if said in says
        and (held in holds or holds == ["*"])
        and (market in markets or markets == ["*"])
        and (opposite in opposites or opposites == ["*"])
        and adds in ("*", str(pyramiding))
    ]
    assert len(found) == 1, found
    return found[0]


def _written(plan):
    if plan.rule:
        return f"!{plan.rule}"
    sign = {"open": "+", "close": "-"}
    legs = [
        f"{sign[leg.intent]}{leg.position_side[0].upper()}{(leg.quantity / HUNDREDTH).normalize():f}"
        for leg in plan.legs
    ]
    for leg in plan.legs:
        buys = (leg.intent == "open") == (leg.position_side == "long")
        assert leg.side == ("buy" if buys else "sell")
        assert not leg.after_doubt
    return " ".join(legs) or "."


@pytest.mark.parametrize(("said", "held", "market", "opposite", "pyramiding"), CELLS)
def test_every_cell(said, held, market, opposite, pyramiding):
    instruction, size, sized = SAID[said]
    plan = resolve(
        instruction,
        held=HELD[held],
        size=size * HUNDREDTH,
        market=market,
        opposite=opposite,
        pyramiding=pyramiding,
        sized=sized,
    )
    assert _written(plan) == _expected(said, held, market, opposite, pyramiding)
    assert bool(plan.reason) == (not plan.legs)


def test_no_row_is_without_cells():
    for says, holds, markets, opposites, _adds, _ in ROWS:
        assert set(says) <= SAID.keys()
        assert set(holds) <= {*HELD, "*"}
        assert set(markets) <= {*MARKETS, "*"}
        assert set(opposites) <= {*OPPOSITES, "*"}
