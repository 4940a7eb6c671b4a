"""Exits larger than the venue takes at once at the market: they go in parts, each when the one before is filled."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts import credentials
from signals.execution import submit
from signals.models import Order, Position
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import configuration

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


@pytest.fixture
def running():
    with running_venue(balances={"USDT": "1000000", "BTC": "0"}) as venue:
        yield venue


class Desk:
    """One account at the venue, and a strategy that trades it."""

    def __init__(self, running, market, **fields):
        self.symbol = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"
        facts = {"broker": "okx", "sandbox": True, "base_url": running.url, "initial_balances": {}, "prices": ""}
        self.account = factories.account("okx-1", market=market, **facts, **fields)
        values = {name: running.credentials[name] for name in ("api_key", "secret", "passphrase")}
        credentials.store(account=self.account, values=values, by="test", now=now())
        self.strategy = factories.strategy(accounts=[self.account])
        configuration.changed()

    def send(self, quantity, number=1, **fields):
        facts = {"mode": "live", "symbol": self.symbol, "quantity": D(quantity), **fields}
        order = factories.order(self.account, self.strategy, number=number, **facts)
        self.drain()
        return Order.objects.get(pk=order.pk)

    def drain(self):
        for _ in range(12):
            Order.objects.filter(status="PENDING").update(due_at=now())
            due = Order.objects.select_related("account", "strategy", "signal").filter(status="PENDING").first()
            if due is None:
                return
            submit.submit(due)


def sizes(running):
    return [row["sz"] for row in running.ledger.orders]


def test_a_swap_is_closed_in_parts_of_the_most_of_a_market_order(running):
    running.most_at_market("BTC-USDT-SWAP", "40")  # contracts of 0.01 BTC
    desk = Desk(running, "swap")
    for number in (1, 2, 3):
        desk.send("0.4", number)
    assert running.ledger.net("BTC-USDT-SWAP") == D("1.2")
    way_out = desk.send("1.2", 9, intent="close", side="sell")
    assert (way_out.status, way_out.code) == ("FILLED", "in_parts")
    assert running.ledger.refused == []
    assert running.ledger.net("BTC-USDT-SWAP") == 0
    assert sizes(running) == ["40"] * 6
    assert not Position.objects.get().is_open


def test_an_entry_beyond_it_is_cut_to_it(running):
    running.most_at_market("BTC-USDT-SWAP", "40")
    desk = Desk(running, "swap")
    entry = desk.send("1")
    assert (entry.status, entry.filled_quantity) == ("FILLED", D("0.4"))
    assert entry.steps.get(step="max_size").detail == "the venue takes at once 0.4"


def test_a_limit_may_have_more(running):
    running.most_at_market("BTC-USDT-SWAP", "40")
    desk = Desk(running, "swap")
    entry = desk.send("1", type="limit", price=D(49000))
    assert (entry.status, entry.sent_quantity) == ("OPEN", D(1))


def test_spot_counts_it_in_money(running):
    """«If it is SPOT/MARGIN, the value is the quantity in USDT»."""
    running.most_at_market("BTC-USDT", "60000")
    desk = Desk(running, "spot")
    for number in (1, 2, 3):
        assert desk.send("1", number).status == "FILLED"
    held = Position.objects.get().quantity
    way_out = desk.send(held, 9, intent="close", side="sell")
    assert (way_out.status, way_out.code, way_out.sent_quantity) == ("FILLED", "in_parts", D("1.14"))
    assert running.ledger.refused == []
    assert not Position.objects.get().is_open
