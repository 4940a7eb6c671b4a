"""How much: each mode turns the strategy's value, or the message's, into base units (S6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from accounts.brokers.base import Instrument
from signals.receive import Alert
from tradeops.core import money
from tradeops.core.errors import Refused
from tradeops.core.money import EXACT

from .symbols import Mapped

DIRECTION, ABSOLUTE, PROPORTIONAL = "direction", "absolute", "proportional"
MESSAGE = "message"


class NoSize(Refused):
    """The mode cannot tell a quantity from what it was given.

    `whole` is the size all the same, in base units, where it is only not known what limits leave of it.
    """

    code = "sizing"
    whole: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Funds:
    """What an account is worth, profit that is not realised included, and what it could spend; in its currency.

    None is not known, and `problem` says why.
    """

    currency: str = ""
    equity: Decimal | None = None
    available: Decimal | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """`price` is what the order would pay or get, in the quote currency per base unit; None without a quote.

    `stop_loss` is the strategy's own, as a price or a percentage, which the message's goes before. `leverage` is what
    an entry is made with, None where nobody has said; `sells` whether the position would be short.
    """

    value: Decimal | None
    alert: Alert
    mapped: Mapped
    price: Decimal | None
    instrument: Instrument | None = None
    funds: Funds = field(default_factory=Funds)
    leverage: Decimal | None = None
    stop_loss: str = ""
    sells: bool = False


def _value(basis: Basis) -> Decimal:
    if basis.value is None:
        raise NoSize("the strategy has no sizing value")
    return basis.value


def _price(basis: Basis) -> Decimal:
    if basis.price is None or basis.price <= 0:
        raise NoSize("a size in money needs a price, and there is none")
    return basis.price


def _for(basis: Basis, spent: Decimal) -> Decimal:
    """Base units for that much of the quote currency."""
    return EXACT.divide(spent, _price(basis))


def _known(basis: Basis, amount: Decimal | None, what: str) -> Decimal:
    """An amount of the account's own currency, which must be what the symbol is paid in."""
    funds, instrument = basis.funds, basis.instrument
    if amount is None:
        raise NoSize(f"{what} is not known" + (f": {funds.problem}" if funds.problem else ""))
    paid_in = (instrument.settle or instrument.quote) if instrument else ""
    if paid_in and funds.currency and paid_in != funds.currency:
        raise NoSize(f"the account counts in {funds.currency}, {basis.mapped.symbol} is paid in {paid_in}")
    return amount


def _equity(basis: Basis) -> Decimal:
    return _known(basis, basis.funds.equity, "what the account is worth")


def _available(basis: Basis) -> Decimal:
    return _known(basis, basis.funds.available, "what the account has free")


def _part(percent: Decimal, whole: Decimal) -> Decimal:
    return EXACT.multiply(whole, EXACT.divide(percent, Decimal(100)))


def fixed_quantity(basis: Basis) -> Decimal:
    """The strategy's value, in base units."""
    return _value(basis)


def quote_amount(basis: Basis) -> Decimal:
    """The strategy's value, in the quote currency."""
    return _for(basis, _value(basis))


def percent_equity(basis: Basis) -> Decimal:
    """Worth that share of what the account is worth."""
    return _for(basis, _part(_value(basis), _equity(basis)))


def percent_available(basis: Basis) -> Decimal:
    """Worth that share of what the account has free."""
    return _for(basis, _part(_value(basis), _available(basis)))


def percent_margin(basis: Basis) -> Decimal:
    """That share of what the account has free is put up as margin, and the order is worth its leverage times that."""
    margin = _part(_value(basis), _available(basis))
    if basis.leverage is None or basis.leverage <= 0:
        raise NoSize("a size by margin needs a leverage: neither the message nor the account has one")
    return _for(basis, EXACT.multiply(margin, basis.leverage))


def risk_percent(basis: Basis) -> Decimal:
    """As much as loses that share of what the account is worth, if it is left at the stop, fees aside."""
    return EXACT.divide(_part(_value(basis), _equity(basis)), _distance(basis))


def _distance(basis: Basis) -> Decimal:
    """From the price to the stop."""
    price, level = _price(basis), basis.alert.stop_loss or basis.stop_loss
    if not level:
        raise NoSize("a size by risk needs a stop: neither the message nor the strategy has one")
    try:
        given = Decimal(level.removesuffix("%"))
    except ArithmeticError:
        raise NoSize(f"a size by risk needs a stop at a price or in percent, not at {level!r}") from None
    if level.endswith("%"):
        found = _part(given, price)
    else:
        # The message's prices are in the sender's unit, the strategy's own in the venue's.
        stop = basis.mapped.price(given) if basis.alert.stop_loss else given
        found = stop - price if basis.sells else price - stop
    if found <= 0 or (not basis.sells and found >= price):
        side = "above" if basis.sells else "below"
        raise NoSize(f"the stop at {level} is not {side} the entry's price of {money.plain(price)}")
    return found


def message(basis: Basis) -> Decimal:
    """The message's own size: of the position where it says which, else `quantity`, `quote_amount` or `percent`.

    A quantity is in the mapping's unit; `percent` is of what the account is worth.
    """
    alert = basis.alert
    given = alert.market_position_size if alert.market_position else None
    given = alert.quantity if given is None else given
    if given is not None:
        return in_base(given, basis)
    if alert.quote_amount is not None:
        return _for(basis, alert.quote_amount)
    if alert.percent is not None:
        return _for(basis, _part(alert.percent, _equity(basis)))
    raise NoSize("the strategy sizes by the message, and the message has neither quantity nor quote_amount nor percent")


def in_base(quantity: Decimal, basis: Basis) -> Decimal:
    """A quantity of the sender's in base units."""
    found = EXACT.multiply(quantity, basis.mapped.piece(basis.instrument))
    return _for(basis, found) if basis.mapped.quantity_unit == "quote" else found


MODES: dict[str, Callable[[Basis], Decimal]] = {
    "fixed_quantity": fixed_quantity,
    "quote_amount": quote_amount,
    "percent_equity": percent_equity,
    "percent_available": percent_available,
    "percent_margin": percent_margin,
    "risk_percent": risk_percent,
    "message": message,
}
NEEDS_VALUE = frozenset(MODES) - {"message"}
# By what the account has at the moment: whoever sizes so is held to the limits, where a size that was said is refused.
PERCENT = frozenset({"percent_equity", "percent_available", "percent_margin", "risk_percent"})


def needs_funds(mode: str, alert: Alert) -> bool:
    """Whether the account's equity or free balance must be read."""
    return mode in PERCENT or (mode == MESSAGE and alert.percent is not None)


def amount(mode: str, basis: Basis) -> Decimal | None:
    """The quote currency that the mode spends, where money and not a quantity is what was asked for."""
    if mode == "quote_amount":
        return basis.value
    if mode != "message" or basis.alert.market_position:
        return None
    if basis.alert.quantity is None:
        return basis.alert.quote_amount
    return basis.alert.quantity * basis.mapped.multiplier if basis.mapped.quantity_unit == "quote" else None


def quantity(mode: str, basis: Basis) -> Decimal:
    """The full size: base units, above zero and not yet rounded to a lot. Raises NoSize."""
    if mode not in MODES:
        raise NoSize(f"there is no sizing mode {mode!r}")
    return _above_zero(MODES[mode](basis))


def target(kind: str, mode: str, basis: Basis, *, unit_size: Decimal | None) -> Decimal:
    """How much is to be held where the message says long or short (S5). Raises NoSize."""
    size = basis.alert.market_position_size
    if kind == DIRECTION:
        return quantity(mode, basis)
    if size is None:
        raise NoSize(f"target sizes are {kind}, and the message has no market_position_size")
    if kind == ABSOLUTE:
        return _above_zero(in_base(size, basis))
    if unit_size is None or unit_size <= 0:
        raise NoSize("target sizes are proportional, and the strategy has no unit_size")
    return _above_zero(EXACT.multiply(quantity(mode, basis), EXACT.divide(size, unit_size)))


def _above_zero(size: Decimal) -> Decimal:
    found = money.kept(size)
    if found <= 0:
        raise NoSize("the size is not above zero")
    return found


def check(mode: str, value: Decimal | None) -> str:
    """What is wrong with a strategy's value for that mode; empty = nothing."""
    if value is None:
        return f"the mode {mode} needs a value" if mode in NEEDS_VALUE else ""
    most = 1000 if mode == "percent_equity" else 100  # more than all of it only where it is borrowed
    if mode in PERCENT and value > most:
        return f"the mode {mode} takes percent: at most {most}"
    return ""


def check_target(kind: str, mode: str, unit_size: Decimal | None) -> str:
    """What is wrong with a strategy's target sizes; empty = nothing."""
    if kind != PROPORTIONAL:
        return ""
    if unit_size is None or unit_size <= 0:
        return "proportional target sizes need a unit_size above zero"
    if mode == "message":
        return "proportional target sizes are shares of a size that the strategy has itself, not of the message's"
    return ""
