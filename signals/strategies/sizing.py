"""How much: each mode turns the strategy's value, or the message's, into base units (S6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from signals.receive import Alert
from tradeops.core.errors import Refused

from .symbols import Mapped


class NoSize(Refused):
    """The mode cannot tell a quantity from what it was given."""

    code = "sizing"


@dataclass(frozen=True, kw_only=True)
class Basis:
    """`price` is what the order would pay or get, in the quote currency per base unit; None without a quote."""

    value: Decimal | None
    alert: Alert
    mapped: Mapped
    price: Decimal | None


def _price(basis: Basis) -> Decimal:
    if basis.price is None or basis.price <= 0:
        raise NoSize("a size in money needs a price, and there is none")
    return basis.price


def fixed_quantity(basis: Basis) -> Decimal:
    """The strategy's value, in base units."""
    if basis.value is None:
        raise NoSize("the strategy has no sizing value")
    return basis.value


def quote_amount(basis: Basis) -> Decimal:
    """The strategy's value, in the quote currency."""
    if basis.value is None:
        raise NoSize("the strategy has no sizing value")
    return basis.value / _price(basis)


def message(basis: Basis) -> Decimal:
    """The message's own `quantity`, in the mapping's unit, or its `quote_amount`."""
    if basis.alert.quantity is not None:
        quantity = basis.alert.quantity * basis.mapped.multiplier
        return quantity / _price(basis) if basis.mapped.quantity_unit == "quote" else quantity
    if basis.alert.quote_amount is not None:
        return basis.alert.quote_amount / _price(basis)
    raise NoSize("the strategy sizes by the message, and the message has neither quantity nor quote_amount")


MODES: dict[str, Callable[[Basis], Decimal]] = {
    "fixed_quantity": fixed_quantity,
    "quote_amount": quote_amount,
    "message": message,
}
NEEDS_VALUE = frozenset({"fixed_quantity", "quote_amount"})


def quantity(mode: str, basis: Basis) -> Decimal:
    """Base units, above zero and not yet rounded to a lot. Raises NoSize."""
    if mode not in MODES:
        raise NoSize(f"there is no sizing mode {mode!r}")
    size = MODES[mode](basis)
    if size <= 0:
        raise NoSize("the size is not above zero")
    return size
