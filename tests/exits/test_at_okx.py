"""A message's exits at OKX itself, over HTTP: what rests there is what is held, through pieces, targets and kills."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts import credentials
from accounts.brokers import registry
from signals.execution import claim, reconcile, resting, submit
from signals.exits import runner
from signals.models import ExitPlan, Order
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import configuration

D = Decimal
BTC, SWAP = "BTC-USDT-SWAP", "BTC/USDT:USDT"


def now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """One swap account there, and a strategy without exits of its own."""

    def __init__(self, venue, capture) -> None:
        self.venue, self._capture = venue, capture
        self.account = factories.account(
            "okx-1", broker="okx", sandbox=True, base_url=venue.url, initial_balances={}, market="swap", prices=""
        )
        values = {name: venue.credentials[name] for name in ("api_key", "secret", "passphrase")}
        credentials.store(account=self.account, values=values, by="test", now=now())
        self.strategy = factories.strategy(accounts=[self.account])
        configuration.changed()

    def enter(self, quantity, **message) -> Order:
        """A limit at 49000, a thousand below the market."""
        signal = factories.signal(self.strategy, symbol=SWAP, **message)
        order = factories.order(
            self.account, self.strategy, mode="live", symbol=SWAP, quantity=D(quantity), type="limit", price=D(49000),
            signal=signal,
        )  # fmt: skip
        self.rounds(1)
        return order

    def rounds(self, number, *, callbacks=True) -> None:
        """Workers send what is due and ask after what rests, and the monitor looks."""
        for _ in range(number):
            Order.objects.filter(status="PENDING").update(due_at=now())
            for order in claim.sendable(now=now()):
                with self._capture(execute=callbacks):
                    submit.submit(order)
            Order.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"]).update(due_at=now())
            with self._capture(execute=callbacks):
                resting.run(self.account.pk, now=now())
            if callbacks:
                ExitPlan.objects.update(due_at=now())
                with self._capture(execute=True):
                    runner.run([self.account.pk], now=now())

    def comes_to(self, stops, held) -> None:
        """Rounds until that many base units rest there to sell and are held, and one more that changes nothing."""
        for _ in range(20):
            self.rounds(1)
            if (self.stops, self.held) == ([D(stop) for stop in stops], D(held)):
                break
        self.rounds(1)
        assert (self.stops, self.held) == ([D(stop) for stop in stops], D(held))

    @property
    def stops(self) -> list[Decimal]:
        """What rests there to sell, by the venue's own list."""
        found = registry.broker_for(self.account).open_orders(symbol=SWAP)
        return [one.quantity for one in found if one.side == "sell"]

    @property
    def held(self) -> Decimal:
        return sum((row.quantity for row in self.account.positions.all()), D(0))


@pytest.fixture
def desk(db, django_capture_on_commit_callbacks):
    with running_venue() as venue:
        yield Desk(venue, django_capture_on_commit_callbacks)


HALVES = [{"at": "3%", "share": "50%"}, {"at": "6%"}]


def test_what_rests_is_what_is_held_from_the_first_piece_to_the_last(desk):
    order = desk.enter("0.05", stop_loss="2%", take_profit=HALVES)
    assert (desk.stops, desk.held) == ([], D(0))
    desk.venue.fill(order.client_order_id, size="2")
    desk.comes_to(["0.02"], "0.02")  # OKX's own would wait for the whole entry
    desk.venue.fill(order.client_order_id)
    desk.comes_to(["0.05"], "0.05")
    desk.venue.price(BTC, "50500")  # 3 % above 49000
    desk.comes_to(["0.025"], "0.025")
    desk.venue.price(BTC, "47900")
    desk.comes_to([], "0")
    assert desk.venue.ledger.net(BTC) == 0
    assert ExitPlan.objects.get().reason == "stop_loss"


def test_what_is_filled_keeps_its_stop_when_a_person_cancels_the_rest(desk):
    order = desk.enter("0.05", stop_loss="2%")
    desk.venue.fill(order.client_order_id, size="3")
    desk.venue.cancel(order.client_order_id)
    desk.comes_to(["0.03"], "0.03")
    order.refresh_from_db()
    assert order.status == "CANCELED"
    desk.venue.price(BTC, "47900")
    desk.comes_to([], "0")
    assert desk.venue.ledger.net(BTC) == 0


@pytest.mark.parametrize("fault", ["accept_then_timeout", "reset_after_send"])
def test_a_stop_whose_answer_is_lost_is_found_and_is_one(desk, fault):
    order = desk.enter("0.02", stop_loss="2%")
    desk.venue.fill(order.client_order_id)
    desk.rounds(1, callbacks=False)  # the worker that booked the fill died before it looked at the exits
    assert (desk.stops, desk.held) == ([], D("0.02"))
    desk.venue.faults.next(fault, path="order-algo", seconds=1)
    desk.rounds(2)
    for row in Order.objects.filter(status="UNKNOWN"):
        reconcile.reconcile(row)
    desk.comes_to(["0.02"], "0.02")
    assert len({one["clOrdId"] for one in desk.venue.ledger.orders}) == len(desk.venue.ledger.orders)
    desk.venue.price(BTC, "47900")
    desk.comes_to([], "0")
    assert desk.venue.ledger.net(BTC) == 0
