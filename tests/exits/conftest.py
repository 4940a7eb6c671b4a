"""A strategy with exits on a paper account, entered by a real order, and its monitor a second at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from signals.execution import claim, orders, resting, submit
from signals.execution import runner as execution
from signals.exits import runner
from signals.models import ExitPlan, Fill, Order, Position
from signals.paper import rounds as paper
from tests import factories
from tests.exits import prices
from tests.fakes import scripted_broker

D = Decimal
SYMBOL = "BTC/USDT"


@pytest.fixture(autouse=True)
def _table(settings):
    settings.PRICE_SOURCES = {**settings.PRICE_SOURCES, "table": "tests.exits.prices.TablePrices"}
    prices.PRESENT.clear()
    prices.ASKED.clear()


class Desk:
    def __init__(self, capture, exits, **account) -> None:
        self.symbol = "BTC/USDT:USDT" if account.get("market") == "swap" else SYMBOL
        self.account = factories.account("paper-1", **{"prices": "table", **account})
        self.strategy = factories.strategy(accounts=[self.account], exits=exits, max_price_age_seconds=3600)
        self.now = datetime.now(UTC)
        self.number = 0
        self._capture = capture

    def enter(self, quantity="1", price="100", *, side="buy", signal=None, **fields) -> Order:
        """An entry that fills at `price`."""
        self.number += 1
        prices.say(self.symbol, price)
        order = factories.order(
            self.account, self.strategy, number=self.number, quantity=D(quantity), signal=signal, side=side,
            position_side="long" if side == "buy" else "short",
            quote=factories_quote(price, self.now), symbol=self.symbol, **fields,
        )  # fmt: skip
        self.work()
        self.work()  # the stop that its fill asks for
        order.refresh_from_db()
        self.now = datetime.now(UTC)
        return order

    def work(self) -> None:
        """Workers send what is due by the monitor's clock, which runs ahead of theirs."""
        Order.objects.filter(status="PENDING").update(due_at=datetime.now(UTC))
        with self._capture(execute=True):
            execution.run(now=datetime.now(UTC))

    def tick(self, bid=None, ask=None, *, seconds=1) -> None:
        """A second passes at this price: the venue, the monitor, and workers who send what it made."""
        self.now += timedelta(seconds=seconds)
        if bid is not None:
            self.say(bid, ask)
        self.market()
        ExitPlan.objects.filter(due_at__gt=self.now).update(due_at=self.now)  # by the monitor's clock
        with self._capture(execute=True):
            runner.run([self.account.pk], now=self.now)
        self.work()
        self.poll()

    def say(self, bid, ask) -> None:
        prices.say(self.symbol, bid, ask)

    def market(self) -> None:
        """The paper venue has its own look at the price; what rested there and traded is heard of."""
        paper.run(self.account.pk, now=datetime.now(UTC))
        self.poll()

    def poll(self) -> None:
        Order.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"]).update(due_at=datetime.now(UTC))
        with self._capture(execute=True):
            resting.run(self.account.pk, now=datetime.now(UTC))
        self.work()

    def path(self, *table: str) -> list[tuple[str, str]]:
        """Ticks at these bids; (quantity, price) of what was sold by that."""
        before = set(Fill.objects.values_list("pk", flat=True))
        for bid in table:
            self.tick(bid)
        sold = Fill.objects.exclude(pk__in=before).order_by("id")
        return [(f"{fill.quantity.normalize():f}", f"{fill.price.normalize():f}") for fill in sold]

    @property
    def plan(self) -> ExitPlan:
        return ExitPlan.objects.latest("id")

    @property
    def position(self) -> Position:
        return Position.objects.get()

    @property
    def exits(self) -> list[Order]:
        return list(Order.objects.filter(origin="exit").order_by("id"))


class Told(Desk):
    """Prices come with messages: nothing rests at the paper venue, and the monitor sends what it decides."""

    def __init__(self, capture, exits, **account) -> None:
        super().__init__(capture, exits, **{"prices": "message", **account})

    def say(self, bid, ask) -> None:
        Position.objects.update(mark_price=D(bid), marked_at=self.now)


def factories_quote(price, at):
    return orders.quote_to_json(factories.quote(price, at=at))


@pytest.fixture
def desk(db, django_capture_on_commit_callbacks):
    return lambda exits, **account: Told(django_capture_on_commit_callbacks, exits, **account)


@pytest.fixture(params=["monitored", "at the paper venue"])
def either(db, request, django_capture_on_commit_callbacks):
    """A stop that the monitor watches, and one that the venue holds: the same prices, the same fills."""
    kind = Told if request.param == "monitored" else Desk
    return lambda exits, **account: kind(django_capture_on_commit_callbacks, exits, **account)


class Venue(Desk):
    """The same on an account at a venue across a network, where stops rest; the test is the venue."""

    def __init__(self, capture, exits, venue, **account) -> None:
        super().__init__(capture, exits, **{"broker": "full", "sandbox": True, **account})
        self.venue = venue
        venue.minimum = D("0.01")

    def work(self) -> None:
        """What is due is sent, in its order, exits first; an entry fills, a stop rests, an exit gets the bid."""
        for _ in range(10):
            now = datetime.now(UTC)
            Order.objects.filter(status="PENDING").update(due_at=now)
            due = claim.sendable(now=now)
            if not due:
                return
            for order in due:
                with self._capture(execute=True):
                    submit.submit(order)

    def answer(self, request):
        if request.type == "stop":
            return scripted_broker.rests(request)
        bid, ask = prices.PRESENT[SYMBOL]
        price = ask if request.side == "buy" else bid
        return scripted_broker.filled(request, at=datetime.now(UTC), price=str(price))

    def fires(self, order: Order, *, price: str) -> None:
        """The venue fires a stop, whole."""
        request = next(one for one in self.venue.received if one.client_order_id == order.client_order_id)
        self.venue.ledger[order.client_order_id] = scripted_broker.filled(request, at=datetime.now(UTC), price=price)
        self.poll()

    def market(self) -> None:
        """The test is it."""

    @property
    def resting(self) -> list[tuple[str, str]]:
        """(quantity, stop price) of what rests, as the venue has it."""
        live = [name for name, row in self.venue.ledger.items() if row.status in ("OPEN", "PARTIALLY_FILLED")]
        asked = [one for one in self.venue.received if one.client_order_id in live and one.type == "stop"]
        return [(f"{one.quantity.normalize():f}", f"{one.stop_price.normalize():f}") for one in asked]


@pytest.fixture
def venue(settings, monkeypatch):
    settings.BROKERS = {**settings.BROKERS, "full": "tests.fakes.scripted_broker.FullBroker"}
    fresh = scripted_broker.Venue()
    monkeypatch.setattr(scripted_broker, "VENUE", fresh)
    return fresh


@pytest.fixture
def at_venue(db, venue, django_capture_on_commit_callbacks):
    def made(exits, **account):
        here = Venue(django_capture_on_commit_callbacks, exits, venue, **account)
        venue.otherwise = here.answer
        return here

    return made
