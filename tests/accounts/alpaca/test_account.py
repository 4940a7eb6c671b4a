"""What else is asked of Alpaca: cancels, trades, balances, prices, the key."""

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

pytest.importorskip("alpaca", reason="alpaca-py is optional: requirements-stocks.txt")

from accounts.brokers.alpaca import AlpacaBroker
from accounts.brokers.base import (
    Balance,
    BrokerUnknown,
    Cause,
    ReportStatus,
)
from tests.fakes.alpaca import CREDENTIALS, Venue
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import OrderType, Side

from .support import client_id, exits, order


def test_cancel_and_cancel_all(venue: Venue, broker: AlpacaBroker) -> None:
    for number in (0, 1, 2):
        broker.place(order(number, type=OrderType.LIMIT, price=Decimal(150)), now=clock.now())
    found = broker.cancel(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.CANCELED
    assert [report.client_order_id for report in broker.open_orders()] == [client_id(1), client_id(2)]
    assert broker.cancel_all(symbol="AAPL") == 2
    assert broker.open_orders() == ()
    assert broker.cancel(client_id(7), symbol="AAPL", now=clock.now()) is None


def test_cancel_of_a_filled_order_tells_of_the_fill(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(), now=clock.now())
    found = broker.cancel(client_id(), symbol="AAPL", now=clock.now())
    assert found is not None
    assert found.status is ReportStatus.FILLED
    assert not [seen for seen in venue.requests if seen[0] == "DELETE"]


def test_trades_name_our_orders_those_by_hand_and_the_exits_of_ours(venue: Venue) -> None:
    start = clock.now() - timedelta(minutes=1)
    AlpacaBroker(venue.access()).place(order(attached=exits(Cause.STOP_LOSS, Cause.TAKE_PROFIT)), now=clock.now())
    venue.fill(venue.orders[0]["legs"][1], Decimal(10), Decimal(180))
    by_hand = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": "1"}
    venue.place({**by_hand, "client_order_id": "by-hand"})
    entry, stop, hand = AlpacaBroker(venue.access()).trades(since=start)
    assert (entry.client_order_id, entry.side, entry.fill.quantity) == (client_id(), Side.BUY, Decimal(10))
    assert (stop.client_order_id, stop.parent_client_order_id, stop.cause) == ("", client_id(), Cause.STOP_LOSS)
    assert (hand.client_order_id, hand.cause) == ("by-hand", Cause.HAND)


def test_more_fills_than_a_page_holds(venue: Venue, broker: AlpacaBroker) -> None:
    start = clock.now() - timedelta(minutes=1)
    broker.place(order(type=OrderType.LIMIT, price=Decimal(150), quantity=Decimal(250)), now=clock.now())
    for _ in range(250):
        venue.fill(venue.orders[0], Decimal(1), Decimal(150))
    found = broker.trades(since=start, symbol="AAPL")
    assert len(found) == len({trade.fill.trade_id for trade in found}) == 250
    report = broker.fetch(client_id(), symbol="AAPL", now=clock.now())
    assert report is not None
    assert (report.status, len(report.fills)) == (ReportStatus.FILLED, 250)


def test_cash_and_shares_are_balances_and_what_funds_allow(venue: Venue, broker: AlpacaBroker) -> None:
    broker.place(order(), now=clock.now())
    cash = Decimal("97999.80")
    shares = Decimal(10)
    assert broker.balances() == {
        "USD": Balance(total=cash, free=cash),
        "AAPL": Balance(total=shares, free=shares),
    }
    assert broker.positions() == ()
    assert broker.max_quantity("AAPL", side=Side.BUY, price=Decimal(100)) == Decimal("979.998")
    assert broker.max_quantity("AAPL", side=Side.SELL, price=Decimal(100)) == Decimal(10)


def test_the_quote_is_as_old_as_the_venue_says(venue: Venue, broker: AlpacaBroker) -> None:
    quote = broker.quote("AAPL", now=clock.now())
    assert (quote.bid, quote.ask, quote.last) == (Decimal("199.98"), Decimal("200.02"), Decimal("200.005"))
    assert quote.at == datetime(2026, 11, 20, 20, 59, 59, 123456, tzinfo=UTC)


def test_what_the_key_may_do(venue: Venue, broker: AlpacaBroker) -> None:
    facts = broker.key()
    assert (facts.read, facts.trade, facts.withdraw, facts.ip_bound) == (True, True, False, None)
    assert facts.account == "PA123"
    venue.blocked = True
    facts = broker.key()
    assert (facts.trade, facts.notes) == (False, ("the account has trading blocked",))


def test_a_preview_changes_nothing(venue: Venue, broker: AlpacaBroker) -> None:
    found = broker.preview(order(quantity=Decimal("2.5")), now=clock.now())
    assert (found.status, found.message) == (ReportStatus.FILLED, "would buy 2.5 shares (market)")
    assert broker.preview(order(post_only=True), now=clock.now()).status is ReportStatus.REJECTED
    assert venue.placed() == []


def test_no_key_is_in_an_error_a_log_or_a_repr(
    venue: Venue, broker: AlpacaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    report = broker.place(order(), now=clock.now())
    venue.fault("accept_then_504")
    with pytest.raises(BrokerUnknown) as caught:
        broker.place(order(1), now=clock.now())
    texts = [repr(broker), repr(caught.value), caught.value.raw, report.raw]
    texts += [record.getMessage() for record in caplog.records]
    for secret in CREDENTIALS.values():
        assert not [text for text in texts if secret in text]


def test_keys_travel_with_tls_but_for_loopback(venue: Venue) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        AlpacaBroker(venue.access(base_url="http://192.0.2.7"))


@pytest.mark.parametrize(("sandbox", "host"), [(True, "paper-api"), (False, "api")])
def test_a_sandbox_is_the_paper_address(venue: Venue, sandbox: bool, host: str) -> None:
    broker = AlpacaBroker(venue.access(base_url="", sandbox=sandbox))
    assert broker._client._trading._base_url == f"https://{host}.alpaca.markets"


def test_without_the_package_the_file_to_install_is_named() -> None:
    script = (
        "import sys; sys.modules['alpaca'] = None\n"
        "import django; django.setup()\n"
        "from accounts.brokers.alpaca import AlpacaBroker\n"
        "from accounts.brokers.base import Access\n"
        "from accounts.throttle import Unlimited\n"
        "assert AlpacaBroker.capabilities.sandbox\n"
        "try:\n"
        "    AlpacaBroker(Access(account_id=1, slug='a', broker='alpaca', market='spot', throttle=Unlimited()))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.startswith("ConfigurationError")
    assert "requirements-stocks.txt" in done.stdout


def test_cash_in_and_out_by_its_day_and_in_full(venue: Venue, broker: AlpacaBroker) -> None:
    today, before = (clock.now() - timedelta(days=days) for days in (0, 1))
    venue.transfer("CSD", "1000.25", day=f"{before:%Y-%m-%d}")
    venue.transfer("CSW", "-40", day=f"{today:%Y-%m-%d}")
    venue.transfer("JNLC", "7", day=f"{today:%Y-%m-%d}")
    venue.transfer("DIV", "3.5", day=f"{today:%Y-%m-%d}")  # earned, not put in
    venue.transfer("CSD", "9", day=f"{today:%Y-%m-%d}", status="canceled")
    found = broker.transfers(since=today)  # of one day in any order: they bear no time
    assert sorted((one.currency, one.amount, one.at.date()) for one in found) == [
        ("USD", Decimal(-40), today.date()), ("USD", Decimal(7), today.date()),
    ]  # fmt: skip
    first, *rest = broker.transfers(since=before)
    assert (first.amount, sorted(one.amount for one in rest)) == (Decimal("1000.25"), [Decimal(-40), Decimal(7)])
    for _ in range(150):
        venue.transfer("CSD", "1", day=f"{today:%Y-%m-%d}")
    assert len(broker.transfers(since=today)) == 152
