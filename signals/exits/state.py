"""A plan with everything around it: position, what is closing it already, and what the venue can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.brokers import registry
from accounts.brokers.base import BrokerError, Instrument
from signals.execution import room
from signals.execution.lifecycle import LIVE, RESTING
from signals.models import ExitPlan, Order, Position
from tradeops.core import money, rows
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO, OrderType

from . import quotes, rules
from .evaluate import BREAK_EVEN, STOP_LOSS, TRAILING, Aim, Watched
from .plans import levels
from .rules import Rules


@dataclass(frozen=True)
class Closing:
    """An order that closes the position, or part of it, and is not over."""

    pk: int
    client_order_id: str
    origin: str
    origin_id: str
    type: str
    time_in_force: str
    status: str
    quantity: Decimal
    stop_price: Decimal | None
    filled: Decimal
    asked: bool  # to be cancelled already

    @property
    def left(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_stop(self) -> bool:
        """A stop of ours; not one that a message asked for."""
        return self.origin == Order.Origin.EXIT and self.type == OrderType.STOP

    @property
    def waits(self) -> bool:
        """It closes nothing until the market comes to its price, and is none of our stops: a limit exit, mostly."""
        return not self.is_stop and room.waits_for_a_price(self.type, self.time_in_force, self.status)

    @property
    def rests(self) -> bool:
        return self.status in RESTING

    def of(self, plan: ExitPlan) -> bool:
        return self.origin == Order.Origin.EXIT and self.origin_id.split(":")[1:2] == [str(plan.pk)]


_READ = (
    "strategy_id", "symbol", "position_side", "id", "client_order_id", "origin", "origin_id", "type", "time_in_force",
    "status", "quantity", "stop_price", "filled_quantity", "cancel_asked_at",
)  # fmt: skip
Key = tuple[int, str, str]


def closing(account: int) -> dict[Key, list[Closing]]:
    """What closes positions of an account, by (strategy, symbol, side): as many rows as there are such orders."""
    found: dict[Key, list[Closing]] = {}
    where = f"{LIVE} AND intent = 'close' AND mode <> 'dry_run' AND account_id = %s"
    for strategy, symbol, side, *rest, asked_at in rows.select(Order, *_READ, where=where, params=[account]):
        found.setdefault((strategy, symbol, side), []).append(Closing(*(*rest, asked_at is not None)))
    return found


@dataclass(frozen=True)
class Venue:
    """What an account's venue takes of a symbol; `rests` = a stop can be left with it. `problem` = it does not say."""

    lot: Decimal = ZERO
    least: Decimal = ZERO
    tick: Decimal = ZERO
    rests: bool = False
    problem: str = ""


def venue(position: Position) -> Venue:
    """May use the network; mostly the answer is kept.

    What rests with the paper venue waits for quotes, of which there are none where prices come with messages.
    """
    account, symbol = position.account, position.symbol
    blind = account.is_paper and quotes.by_messages(position)
    try:
        able = registry.capabilities(account.broker)
        found: Instrument = registry.broker_for(account).instrument(symbol)
    except (BrokerError, ConfigurationError) as error:
        return Venue(problem=str(error))
    return Venue(
        found.lot, max(found.min_quantity, found.lot), found.tick, OrderType.STOP in able.order_types and not blind
    )


@dataclass(frozen=True)
class State:
    """As read at one moment. The rows must not be changed."""

    plan: ExitPlan
    position: Position
    closing: Sequence[Closing]
    venue: Venue

    @property
    def sign(self) -> int:
        return 1 if self.position.side == Position.Side.LONG else -1

    @property
    def rules(self) -> Rules:
        return rules.read(self.plan.rules.get("exits", {}))

    @property
    def stops(self) -> list[Closing]:
        return [order for order in self.closing if order.is_stop]

    @property
    def others(self) -> Decimal:
        """What is being closed now, by anything else than stops of ours."""
        return sum((order.left for order in self.closing if not order.is_stop and not order.waits), ZERO)

    @property
    def free(self) -> Decimal:
        """What waits for a price is part of it: the market may never come there."""
        return max(ZERO, self.position.quantity - self.others)

    @property
    def waiting(self) -> list[Closing]:
        return [order for order in self.closing if order.waits]

    @property
    def bound(self) -> Decimal:
        """The part of `free` for which a stop cannot rest as well: together they would close more than is held."""
        return min(self.free, sum((order.left for order in self.waiting), ZERO))

    @property
    def leaving(self) -> bool:
        """An exit of everything was decided."""
        return bool(self.plan.reason)

    @property
    def stop_quantity(self) -> Decimal:
        """What a stop at the venue is to have; 0 = none."""
        wanted = self.venue.rests and self.plan.stop_price is not None and not self.leaving
        quantity = money.floor_to(self.free - self.bound, self.venue.lot) if wanted else ZERO
        return quantity if quantity >= self.venue.least else ZERO

    @property
    def fitting(self) -> list[Closing]:
        """Stops that are as they should be: one at most."""
        price, quantity = self.plan.stop_price, self.stop_quantity
        same = [
            order for order in self.stops
            if order.of(self.plan) and not order.asked and order.stop_price == price and order.left == quantity
        ]  # fmt: skip
        return same[:1]

    @property
    def stop_at_venue(self) -> bool:
        return any(order.rests for order in self.fitting)


def watched(state: State) -> Watched:
    """As `evaluate` wants it."""
    plan, read = state.plan, state.rules
    found = levels(read, entry=plan.entry_price, sign=state.sign)
    pieces = rules.divided(
        plan.entered_quantity,
        tuple(target.share for target in read.take_profit),
        lot=state.venue.lot,
        least=state.venue.least,
    )
    return Watched(
        sign=state.sign,
        free=state.free,
        bound=state.bound,
        stop=plan.stop_price,
        stop_because=stop_because(plan, read, found.break_even_to, tick=state.venue.tick),
        stop_at_venue=state.stop_at_venue,
        best=plan.best_price,
        aims=tuple(_aims(plan, pieces)),
        whole=read.whole,
        trailing=read.trailing,
        trailing_from=found.trailing_from,
        break_even_at=found.break_even_at,
        break_even_to=found.break_even_to,
        break_even_done=plan.break_even_done,
        closes_at=plan.closes_at,
        closes_because=plan.closes_because,
    )


def _aims(plan: ExitPlan, pieces: Sequence[Decimal]) -> Iterable[Aim]:
    for target, piece in zip(plan.targets, pieces, strict=True):
        yield Aim(Decimal(target["at"]), piece, bool(target.get("done")))


def stop_because(plan: ExitPlan, read: Rules, break_even_to: Decimal | None, *, tick: Decimal) -> str:
    """What brought the stop to where it is."""
    if plan.stop_price is None or plan.stop_price == plan.initial_stop:
        return STOP_LOSS if read.stop_loss is not None else TRAILING
    if not plan.break_even_done:
        return TRAILING
    # The stop was rounded to the tick as it was moved, and nothing else than break-even moves one that does not trail.
    there = break_even_to if break_even_to is None or tick <= 0 else money.floor_to(break_even_to, tick)
    return BREAK_EVEN if read.trailing is None or plan.stop_price == there else TRAILING
