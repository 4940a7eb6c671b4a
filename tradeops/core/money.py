"""Exact decimals: the one place where amounts are read, rounded and written."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum

ZERO = Decimal(0)

# 34 digits (IEEE 754 decimal128) hold any venue's quantity times price without rounding in practice.
EXACT = Context(prec=34)
MAX_DIGITS = 34
MAX_PLACES = 18


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


def exact(text: object) -> Decimal:
    """A finite Decimal of at most 34 digits and a sane exponent.

    Raises ValueError for floats (they are not what the sender wrote), NaN, infinities, and values that
    would need more than `MAX_DIGITS` digits on either side of the point.
    """
    if isinstance(text, float):
        raise ValueError("a binary float is not an exact amount; give it as text")
    try:
        value = text if type(text) is Decimal else Decimal(str(text).strip())
    except InvalidOperation:
        raise ValueError(f"{str(text)[:40]!r} is not a number") from None
    if not value.is_finite():
        raise ValueError("not a finite number")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if len(digits) > MAX_DIGITS or not -MAX_PLACES <= exponent <= 18 or value.adjusted() > 18:
        raise ValueError("too many digits, or too large or small a number")
    return value


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """`value` rounded toward zero to a whole multiple of `step` (a venue's lot or tick; 0 = no rounding)."""
    if step <= 0:
        return value
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def kept(value: Decimal) -> Decimal:
    """The result of a division or product as it can be stored: rounded to 18 places, fewer for very large numbers.

    What has no more digits than that is not changed.
    """
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent >= -MAX_PLACES and len(value.as_tuple().digits) <= MAX_DIGITS:
        return value
    places = min(MAX_PLACES, max(0, MAX_DIGITS - 1 - value.adjusted()))
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=EXACT)


def plain(value: Decimal | None) -> str | None:
    """Text without exponent or trailing zeros: Decimal('1E+2') → '100', '0.0100' → '0.01'."""
    if value is None:
        return None
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
