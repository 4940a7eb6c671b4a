"""The life of orders over HTTP, against a venue with OKX's words and a ledger of its own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import credentials
from signals.execution import cancel, reconcile, resting, submit
from signals.models import Order, OrderAnswer, Position
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import configuration

D = Decimal
pytestmark = pytest.mark.django_db
ENTRY_LIMIT = {"type": "limit", "price": D(100)}


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def running():
    with running_venue(accounts=8) as venue:
        yield venue
        venue.faults.clear()


@pytest.fixture
def make(running, db):
    """An account at the venue, by number, so that each test has books of its own there."""

    def made(number, **fields):
        account = factories.account(
            f"okx-{number}", broker="okx", sandbox=True, base_url=running.url, initial_balances={}, **fields
        )
        keys = running.accounts[number - 1]
        values = {name: keys[name] for name in ("api_key", "secret", "passphrase")}
        credentials.store(account=account, values=values, by="test", now=now())
        configuration.changed()
        return account

    yield made
    running.faults.clear()


@pytest.fixture
def send(again):
    def sent(account, number=1, **fields):
        strategy = account.strategies.first() or factories.strategy(f"s-{account.pk}", accounts=[account])
        order = factories.order(account, strategy, number=number, mode="live", **fields)
        submit.submit(again(order))
        return again(order)

    return sent


def tend(account):
    """A round, when everything that rests is due."""
    Order.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"]).update(due_at=now())
    return resting.run(account.pk, now=now())


def at_venue(running, order):
    return [row for row in running.ledger.orders if row["clOrdId"] == order.client_order_id]


def held(account):
    return sum((row.quantity for row in Position.objects.filter(account=account)), D(0))


def test_a_limit_rests_fills_in_pieces_and_is_whole(running, make, send, again):
    account = make(1)
    order = send(account, **ENTRY_LIMIT)
    assert (order.status, order.code, order.venue_order_id != "") == ("OPEN", "", True)
    running.fill(order.client_order_id, size="0.004")
    tend(account)
    assert (again(order).status, again(order).filled_quantity) == ("PARTIALLY_FILLED", D("0.004"))
    running.fill(order.client_order_id)
    tend(account)
    assert (again(order).status, again(order).filled_quantity) == ("FILLED", D("0.01"))
    # OKX takes the fee of a buy on spot in what was bought.
    fees = sum((fill.fee for fill in order.fills.all()), D(0))
    assert held(account) == D("0.01") - fees
    assert {row.call for row in OrderAnswer.objects.filter(order=order)} == {"place", "fetch"}
    assert len(at_venue(running, order)) == 1


def test_a_piece_counts_and_the_rest_is_cancelled(running, make, send, again):
    account = make(2)
    order = send(account, **ENTRY_LIMIT)
    running.fill(order.client_order_id, size="0.004")
    cancel.ask(order, reason="not needed", now=now())
    assert resting.run(account.pk, now=now()) == 1
    row = again(order)
    assert (row.status, row.filled_quantity, row.message) == ("CANCELED", D("0.004"), "not needed")


def test_many_that_rest_are_one_question(running, make, send, again):
    account = make(3)
    orders = [send(account, number, **ENTRY_LIMIT) for number in (1, 2, 3)]
    running.fill(orders[1].client_order_id)
    running.cancel(orders[2].client_order_id)
    assert tend(account) == 3
    assert [again(order).status for order in orders] == ["OPEN", "FILLED", "CANCELED"]


@pytest.mark.parametrize("late", [0, 1])
def test_an_error_after_the_venue_took_it_is_a_doubt_that_is_resolved(running, make, send, again, late):
    account = make(4 + late)
    running.faults.set(error_after_accept=1, late_seconds=late)
    order = send(account)
    assert (order.status, order.code) == ("UNKNOWN", "unknown")
    running.faults.clear()
    deadline = now() + timedelta(seconds=8)
    while again(order).status == "UNKNOWN" and now() < deadline:
        Order.objects.filter(pk=order.pk).update(due_at=now())
        reconcile.reconcile(again(order))
    assert (again(order).status, again(order).filled_quantity) == ("FILLED", D("0.01"))
    assert len(at_venue(running, order)) == 1


def test_in_and_out_of_a_swap_with_leverage_and_exits_attached(running, make, send, again):
    account = make(6, market="swap", margin_mode="isolated")
    symbol = "BTC/USDT:USDT"
    exits = [{"kind": "stop_loss", "trigger": "1000", "share": "1"}]
    order = send(account, symbol=symbol, leverage=D(5), margin_mode="isolated", attached=exits)
    assert (order.status, order.filled_quantity) == ("FILLED", D("0.01"))
    assert order.steps.get(step="prepare").detail == "leverage 5, isolated"
    assert held(account) == D("0.01")
    out = send(account, 2, symbol=symbol, intent="close", side="sell", quantity=D("0.5"))
    assert (out.status, out.sent_quantity) == ("FILLED", D("0.01"))
    assert held(account) == D(0)


def test_what_the_venue_refuses_has_both_codes_and_a_sentence(running, make, send, again):
    account = make(7)
    order = send(account, symbol="NOSUCH/USDT")
    assert (order.status, order.code) == ("REJECTED", "unknown_instrument")
    below = send(account, 2, quantity=D("0.0000001"))
    assert (below.status, below.code) == ("REJECTED", "below_minimum")
    assert at_venue(running, below) == []
