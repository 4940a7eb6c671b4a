"""A trade that the venue made of what several strategies hold: each of them has its part of it (P1). Pure.

A part is a trade of its own under the venue's id and a number, `t1` → `t1/1`, `t1/2` …: each is on record, booked and
told as one strategy's, and the parts are the trade, to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from accounts.brokers.base import TradeReport
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO

STEP = Decimal("1e-12")  # fees of parts are rounded to it, and quantities where the venue tells no lot
_MARK = "/"


def divided(quantity: Decimal, held: Sequence[Decimal], *, lot: Decimal) -> list[Decimal]:
    """`quantity` by what each holds, no more than that: whole lots, those left over to the largest remainders."""
    total = sum(held, ZERO)
    if quantity >= total:
        return list(held)
    lot = lot if lot > 0 else STEP
    exact = [EXACT.divide(EXACT.multiply(quantity, each), total) for each in held]
    found = [min(money.floor_to(money.kept(share), lot), each) for share, each in zip(exact, held, strict=True)]
    left = quantity - sum(found, ZERO)
    by_remainder = sorted(range(len(held)), key=lambda number: (found[number] - exact[number], number))
    for most in (lot, left):  # whole lots first; then what is none, such as what fees have left of one
        for number in by_remainder:
            more = min(most, left, held[number] - found[number])
            found[number] += more
            left -= more
    return found


def of(trade: TradeReport, quantities: Sequence[Decimal]) -> list[TradeReport]:
    """Parts of these quantities, and one more of what they leave of the trade, if they do. Fees go with them."""
    fill = trade.fill
    rest = fill.quantity - sum(quantities, ZERO)
    made: list[TradeReport] = []
    paid = ZERO
    sizes = [*quantities, rest] if rest else list(quantities)
    for number, quantity in enumerate(sizes, start=1):
        fee = fill.fee - paid if number == len(sizes) else fee_of(trade, quantity)
        paid += fee
        part = replace(fill, trade_id=_name(fill.trade_id, number), quantity=quantity, fee=fee)
        made.append(replace(trade, fill=part))
    return made


def fee_of(trade: TradeReport, quantity: Decimal) -> Decimal:
    """What `quantity` of the trade pays of its fee."""
    fill = trade.fill
    if quantity == fill.quantity:
        return fill.fee
    return money.floor_to(EXACT.divide(EXACT.multiply(fill.fee, quantity), fill.quantity), STEP)


def names(trade_id: str) -> tuple[str, str]:
    """Under which a trade is on record: whole, or by its first part."""
    return trade_id, _name(trade_id, 1)


def _name(trade_id: str, number: int) -> str:
    """80 characters at most."""
    return f"{trade_id[:76]}{_MARK}{number}"


def whole(trade_id: str) -> str:
    """The venue's own id of what may be a part."""
    name, mark, number = trade_id.rpartition(_MARK)
    return name if mark and number.isdecimal() else trade_id
