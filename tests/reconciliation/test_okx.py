"""The same against OKX's own words over HTTP: what the venue's ledger says is what the books come to."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts import credentials
from signals.execution import submit
from signals.models import ExternalTrade, Order, Position, VenueDifference
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import configuration

BTC = "BTC-USDT-SWAP"
SWAP = "BTC/USDT:USDT"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def running():
    with running_venue(accounts=5) as venue:
        yield venue


@pytest.fixture
def make(running, db):
    """An account at the venue, by number, so that each test has books of its own there."""

    def made(number: int, **fields):
        account = factories.account(
            f"okx-{number}", broker="okx", sandbox=True, base_url=running.url, fee_bps=0, initial_balances={},
            **{"market": "swap", **fields},
        )  # fmt: skip
        keys = running.accounts[number - 1]
        values = {name: keys[name] for name in ("api_key", "secret", "passphrase")}
        credentials.store(account=account, values=values, by="test", now=now())
        configuration.changed()
        return account

    return made


def compare(account):
    cursor.ask([account.pk], now=now())
    account.refresh_from_db()
    found = reconciliation.run(account, now=now(), pause=lambda seconds: None)
    assert found is not None
    assert found.problem == ""
    return found


def send(account, strategy, number, **fields) -> Order:
    order = factories.order(account, strategy, number=number, mode="live", **{"symbol": SWAP, **fields})
    submit.submit(order)
    order.refresh_from_db()
    return order


def ours(account) -> Decimal:
    rows = account.positions.all()
    return sum((row.quantity if row.side == "long" else -row.quantity for row in rows), Decimal(0))


def external(account) -> Decimal:
    return sum((row.quantity for row in account.external_positions.all()), Decimal(0))


def test_hands_stops_funding_and_liquidation_on_a_one_way_account(running, make):
    account = make(1)
    strategy = factories.strategy(accounts=[account])
    running.trade(BTC, "buy", "3", account="account-1")  # 0.03 BTC that were there before us
    compare(account)
    assert external(account) == Decimal("0.03")
    entry = send(account, strategy, 1, quantity=Decimal("0.05"))
    assert (entry.status, ours(account)) == ("FILLED", Decimal("0.05"))
    compare(account)
    running.trade(BTC, "sell", "1", account="account-1")
    running.fund(BTC, "-0.75", account="account-1")
    assert compare(account).differences == 0
    assert (ours(account), external(account)) == (Decimal("0.05"), Decimal("0.02"))
    hand, paid = ExternalTrade.objects.get(cause="hand", side="sell"), ExternalTrade.objects.get(cause="funding")
    assert (hand.quantity, paid.fee) == (Decimal("0.01"), Decimal("0.75"))
    # 0.05 of the 0.07 that the venue has are the strategy's: 0.75 × 5 / 7, rounded as parts are.
    assert Position.objects.get().funding == Decimal("0.535714285714")
    running.liquidate(BTC, account="account-1")
    compare(account)
    assert ours(account) + external(account) == 0
    assert ours(account) == 0
    assert list(VenueDifference.objects.all()) == []


def test_a_fill_that_nobody_heard_of_is_booked(running, make):
    account = make(2)
    strategy = factories.strategy(accounts=[account])
    compare(account)
    running.faults.next("accept_then_timeout")
    order = send(account, strategy, 2, quantity=Decimal("0.02"))
    assert order.status == "UNKNOWN"
    compare(account)
    order.refresh_from_db()
    assert (order.status, ours(account)) == ("FILLED", Decimal("0.02"))
    assert running.ledger.net(BTC, "account-2") == Decimal("0.02")
    assert ExternalTrade.objects.count() == 0


def test_a_stop_that_went_with_the_entry_closes_its_strategys_part(running, make):
    account = make(5)
    strategy, other = factories.strategy(accounts=[account]), factories.strategy("other", accounts=[account])
    compare(account)
    stop = [{"kind": "stop_loss", "trigger": "49000", "share": "1"}]
    entry = send(account, strategy, 6, quantity=Decimal("0.03"), attached=stop)
    send(account, other, 7, quantity=Decimal("0.02"))
    running.price(BTC, "48900")
    assert compare(account).differences == 0
    exit_order = Order.objects.get(origin="exit")
    assert (exit_order.strategy, exit_order.status, exit_order.code) == (strategy, "FILLED", "stop_loss")
    assert (exit_order.filled_quantity, exit_order.side) == (entry.filled_quantity, "sell")
    assert {row.strategy.slug: row.quantity for row in account.positions.all()} == {
        "trend": 0,
        "other": Decimal("0.02"),
    }
    assert external(account) == 0
    running.price(BTC, "50000")


def test_long_and_short_side_by_side(running, make):
    running.change(account="account-3", position_mode="long_short_mode")
    account = make(3)
    strategy = factories.strategy(accounts=[account])
    account.credential.facts = {"position_mode": "hedge"}
    account.credential.save()
    compare(account)
    send(account, strategy, 3, quantity=Decimal("0.03"))
    send(account, strategy, 4, quantity=Decimal("0.02"), side="sell", position_side="short")
    running.trade(BTC, "sell", "1", account="account-3", pos_side="long")
    assert compare(account).differences == 0
    assert {row.side: row.quantity for row in account.external_positions.all()} == {"long": Decimal("-0.01")}
    assert (Position.objects.get(side="long").quantity, Position.objects.get(side="short").quantity) == (
        Decimal("0.03"),
        Decimal("0.02"),
    )


def test_spot_with_fees_in_what_was_bought(running, make):
    account = make(4, market="spot")
    strategy = factories.strategy(accounts=[account])
    send(account, strategy, 5, symbol="BTC/USDT", quantity=Decimal("0.5"))
    compare(account)
    assert ours(account) == Decimal("0.4995")
    assert external(account) == 1
    running.trade("BTC-USDT", "sell", "0.25", account="account-4")
    assert compare(account).differences == 0
    assert external(account) == Decimal("0.75")
    running.deposit("BTC", "0.1", account="account-4")
    assert compare(account).differences == 1
    found = VenueDifference.objects.get()
    assert (found.kind, found.symbol, found.ours, found.venue) == ("position", "BTC", "1.2495", "1.3495")
