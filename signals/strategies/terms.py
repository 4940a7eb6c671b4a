"""How an order is to be executed: type and prices, as the message says them (I3, X2). Pure.

For `stop` orders `stop_price`, or else `price`, is where they are triggered; for `limit` and `stop_limit`, `price` is
the limit. A stop loss or take profit is a price, or a distance from the entry's price such as `2%`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signals.receive import Alert
from tradeops.core import money
from tradeops.core.errors import Refused
from tradeops.core.money import EXACT, OrderType

from .symbols import Mapped

STOP_LOSS, TAKE_PROFIT = "stop_loss", "take_profit"
_WHOLE = Decimal(100)


class NoTerms(Refused):
    """The message contradicts itself, or leaves out what its order type needs."""

    code = "order"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """As `Order` has them; the default is a plain market order."""

    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "gtc"
    post_only: bool = False
    quote_amount: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str = ""

    @property
    def at(self) -> Decimal | None:
        """What the message says that it trades at; None for a market order."""
        return self.price or self.stop_price


MARKET = Terms()


def read(alert: Alert, mapped: Mapped) -> Terms:
    """Type and prices, in quote currency per base unit. Raises NoTerms."""
    kind = OrderType(alert.order_type)
    if kind is OrderType.MARKET:
        if alert.post_only:
            raise NoTerms("a market order cannot be post-only: it takes what is there")
        return Terms(time_in_force=alert.time_in_force or "gtc")
    price, stop = _per_base(alert.price, mapped), _per_base(alert.stop_price, mapped)
    if kind is OrderType.STOP:
        price, stop = None, stop or price
    if kind is not OrderType.STOP and price is None:
        raise NoTerms(f"a {_spoken(kind)} order needs a price")
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT) and stop is None:
        raise NoTerms(f"a {_spoken(kind)} order needs a stop_price")
    if kind is OrderType.LIMIT:
        stop = None
    if alert.post_only and kind is not OrderType.LIMIT:
        raise NoTerms(f"a {_spoken(kind)} order cannot be post-only")
    if alert.post_only and alert.time_in_force in ("ioc", "fok"):
        raise NoTerms(f"post-only and {alert.time_in_force} exclude each other")
    return Terms(
        type=kind, price=price, stop_price=stop, time_in_force=alert.time_in_force or "gtc", post_only=alert.post_only
    )


def _spoken(kind: OrderType) -> str:
    return kind.value.replace("_", "-")


def _per_base(price: Decimal | None, mapped: Mapped) -> Decimal | None:
    """The sender's price is per its own unit."""
    return None if price is None else mapped.price(price)


def check_exits(alert: Alert, mapped: Mapped, *, position_side: str, price: Decimal | None) -> None:
    """Whether the message's stop loss and take profits can be those of an entry at `price`. Raises NoTerms."""
    up = 1 if position_side == "long" else -1
    if alert.stop_loss:
        _check_level(alert.stop_loss, mapped, price=price, sign=-up, name=STOP_LOSS)
    for target in alert.take_profit:
        _check_level(target["at"], mapped, price=price, sign=up, name=TAKE_PROFIT)
    shares = [Decimal(target["share"].removesuffix("%")) for target in alert.take_profit if "share" in target]
    if len(shares) < len(alert.take_profit) and sum(shares) >= _WHOLE:
        raise NoTerms("the take profits' shares leave nothing for those without one")


def _check_level(level: str, mapped: Mapped, *, price: Decimal | None, sign: int, name: str) -> None:
    """`sign` is 1 above the price, -1 below it."""
    if level.endswith("%"):
        if price is None:
            raise NoTerms(f"a {name} in percent needs a price to count from, and there is none")
        found = money.kept(EXACT.multiply(price, 1 + sign * Decimal(level.removesuffix("%")) / _WHOLE))
    else:
        found = _per_base(Decimal(level), mapped) or Decimal(0)
    if found <= 0 or (price is not None and (found - price) * sign <= 0):
        side = "above" if sign > 0 else "below"
        raise NoTerms(f"{name} {level} is not {side} the entry's price of {money.plain(price) or 'unknown'}")
