"""What is sent for an order, field by field as OKX documents it, and that the venue takes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.brokers.base import ReportStatus
from tests.fakes.venue import running_venue

from .algo_cases import ALGOS
from .order_cases import BUY, ORDERS, SELL, D
from .support import FUTURE, ID, SPOT, SWAP, broker, now, request, tapped


@pytest.fixture
def venue_of():
    """A venue whose account is as the case has it."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def made(account: dict[str, Any]):
            mode = "long_short_mode" if account.get("hedge") else "net_mode"
            venue = stack.enter_context(running_venue(position_mode=mode))
            if "holds" in account:
                side, contracts, pos_side = account["holds"]
                facts = {"pos_side": pos_side} if pos_side else {}
                venue.trade("BTC-USDT-SWAP", side, contracts, mode=account.get("margin_mode", "cross"), **facts)
            return venue, stack.enter_context(tapped(venue))

        yield made


def _placed(venue_of, given: dict[str, Any], account: dict[str, Any]):
    venue, tap = venue_of(account)
    order = request(**given)
    okx = broker(venue, order.market, url=tap.url, margin_mode=account.get("margin_mode", "cross"))
    return venue, tap, okx.place(order, now=now())


@pytest.mark.parametrize(("given", "expected", "account"), ORDERS)
def test_an_order_is_sent_as_documented_and_taken(venue_of, given, expected, account):
    before = now()
    venue, tap, report = _placed(venue_of, given, account)
    [sent] = tap.sent("/trade/order")[:1]
    assert (sent.method, sent.body) == ("POST", expected)
    assert before + timedelta(seconds=4) <= _moment(sent.headers["expTime"]) <= now() + timedelta(seconds=6)
    assert sent.headers["x-simulated-trading"] == "1"
    assert len([seen for seen in tap.sent("/trade/order") if seen.method == "POST"]) == 1
    [accepted] = venue.ledger.placed(ID)
    assert (accepted["instId"], accepted["sz"]) == (expected["instId"], expected["sz"])
    assert report.venue_order_id == accepted["ordId"]
    assert report.status in (ReportStatus.FILLED, ReportStatus.OPEN)


@pytest.mark.parametrize(("given", "expected", "account"), ALGOS)
def test_an_algo_order_is_sent_as_documented_and_taken(venue_of, given, expected, account):
    venue, tap, report = _placed(venue_of, given, account)
    [sent] = tap.sent("/trade/order-algo")
    assert (sent.method, sent.body) == ("POST", expected)
    assert "expTime" not in sent.headers  # documented for place and amend order only
    assert report.status is ReportStatus.OPEN
    assert report.venue_order_id
    assert tap.sent("/trade/order") == []
    assert venue.ledger.orders == [order for order in venue.ledger.orders if order["clOrdId"] != ID]


def _moment(milliseconds: str):
    from accounts.brokers.okx.reports import moment

    return moment(milliseconds)


def test_there_are_at_least_forty_cases():
    assert len(ORDERS) + len(ALGOS) >= 50
    assert {SPOT, SWAP, FUTURE} == {param.values[0].get("symbol", SPOT) for param in ORDERS}


@pytest.mark.parametrize("level", ["3", "4"])
def test_spot_on_an_account_without_cash_is_cross(level):
    with running_venue(level=level) as venue:
        okx = broker(venue)
        assert okx.max_quantity(SPOT, side=BUY, price=D(50000)) == 2
        assert okx.place(request(), now=now()).status is ReportStatus.FILLED
        assert [order["tdMode"] for order in venue.ledger.placed(ID)] == ["cross"]
        okx.place(request(side=SELL, quantity="5", closes=True, client_order_id="close"), now=now())
        assert [order["sz"] for order in venue.ledger.placed("close")] == ["1.00999"]
        assert {trade.symbol for trade in okx.trades(since=now() - timedelta(minutes=1))} == {SPOT}
