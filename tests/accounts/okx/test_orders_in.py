"""Orders as OKX tells of them: fills, partial fills, cancels, algo orders and what they triggered."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.brokers.base import Rejection, ReportStatus, TimeInForce
from accounts.brokers.okx import reports
from accounts.brokers.okx.instruments import Traded
from accounts.brokers.okx.lookup import triggered
from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType, Side

from .support import ID, SPOT, SWAP, broker, now, request, tapped

D = Decimal
LIMIT = {"type": OrderType.LIMIT, "price": D(49000)}


def test_a_market_order_comes_back_filled_with_its_fee():
    with running_venue() as venue, tapped(venue) as tap:
        report = broker(venue, url=tap.url).place(request(), now=now())
        [trade] = venue.ledger.trades
        [fill] = report.fills
        assert (report.status, report.filled, report.average_price) == (ReportStatus.FILLED, D("0.01"), D("50000.1"))
        assert (fill.trade_id, fill.quantity, fill.price) == (trade["tradeId"], D("0.01"), D("50000.1"))
        assert (fill.fee, fill.fee_currency) == (D("0.00001"), "BTC")
        assert abs(fill.at.timestamp() - trade["at"]) < 0.002
        assert (report.symbol, report.side, report.quantity) == (SPOT, Side.BUY, D("0.01"))
        assert '"state": "filled"' in report.raw
        assert tap.sent("/trade/fills") == []  # a single fill is told by the order itself


def test_contracts_come_back_as_base_units():
    with running_venue() as venue:
        report = broker(venue, "swap").place(request(SWAP, quantity="0.0123"), now=now())
        assert (report.filled, report.quantity) == (D("0.0123"), D("0.0123"))
        assert report.fills[0].quantity == D("0.0123")
        assert report.fills[0].fee_currency == "USDT"


def test_a_buy_by_quote_amount_has_no_quantity_of_its_own():
    with running_venue() as venue:
        report = broker(venue).place(request(quote_amount=D(500)), now=now())
        assert (report.status, report.quantity) == (ReportStatus.FILLED, None)
        assert D("0.0099") < report.filled < D("0.01")


def test_several_fills_are_all_there():
    with running_venue() as venue, tapped(venue) as tap:
        venue.faults.next("partial", share="0.6", pieces=3)
        okx = broker(venue, "swap", url=tap.url)
        okx.place(request(SWAP, quantity="0.1"), now=now())
        report = okx.fetch(ID, symbol=SWAP, now=now())
        trades = venue.ledger.trades
        assert report.status is ReportStatus.PARTIALLY_FILLED
        assert {fill.trade_id for fill in report.fills} == {trade["tradeId"] for trade in trades}
        assert sum(fill.quantity for fill in report.fills) == report.filled == D("0.06")
        assert tap.sent("/trade/fills")[-1].query == {
            "instId": "BTC-USDT-SWAP", "ordId": report.venue_order_id, "limit": "100",
        }  # fmt: skip


def test_an_order_is_finished_only_when_its_fills_are_shown():
    with running_venue() as venue:
        venue.faults.next("partial", share="1", pieces=2, hide=30)
        okx = broker(venue, "swap")
        report = okx.place(request(SWAP, quantity="0.1"), now=now())
        assert report.status in (ReportStatus.PARTIALLY_FILLED, ReportStatus.OPEN)
        assert report.filled == D("0.1")
        assert sum(fill.quantity for fill in report.fills) < D("0.1")
        assert report.message == "the venue does not show all fills yet"


def test_an_order_that_is_shown_late_is_not_known_before():
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next("late", seconds=0.6)
        report = okx.place(request(), now=now())
        assert (report.status, report.fills) == (ReportStatus.OPEN, ())
        assert okx.fetch(ID, symbol=SPOT, now=now()) is None
        _wait(lambda: okx.fetch(ID, symbol=SPOT, now=now()) is not None)
        assert okx.fetch(ID, symbol=SPOT, now=now()).status is ReportStatus.FILLED


def test_what_is_not_known_was_looked_for_everywhere():
    with running_venue() as venue, tapped(venue) as tap:
        assert broker(venue, url=tap.url).fetch("nobody", symbol=SPOT, now=now()) is None
        asked = [(seen.path.removeprefix("/api/v5"), seen.query) for seen in tap.seen if "trade" in seen.path]
        history = {"instType": "SPOT", "instId": "BTC-USDT", "limit": "100"}
        assert asked == [
            ("/trade/order", {"instId": "BTC-USDT", "clOrdId": "nobody"}),
            ("/trade/order-algo", {"algoClOrdId": "nobody"}),
            ("/trade/orders-history", history),
            ("/trade/orders-history-archive", history),
        ]


def test_a_resting_order_is_open_until_it_is_cancelled():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url)
        assert okx.place(request(**LIMIT), now=now()).status is ReportStatus.OPEN
        assert okx.fetch(ID, symbol=SPOT, now=now()).status is ReportStatus.OPEN
        report = okx.cancel(ID, symbol=SPOT, now=now())
        assert (report.status, report.filled, report.message) == (
            ReportStatus.CANCELED, D(0), "cancelled at the user's request",
        )  # fmt: skip
        assert [seen.body for seen in tap.sent("/trade/cancel-order")] == [{"instId": "BTC-USDT", "clOrdId": ID}]


def test_a_cancel_that_comes_too_late_tells_what_was_filled():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(**LIMIT), now=now())
        venue.fill(ID)
        report = okx.cancel(ID, symbol=SPOT, now=now())
        assert (report.status, report.filled) == (ReportStatus.FILLED, D("0.01"))


def test_a_cancel_of_a_partly_filled_order_keeps_its_fills():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, quantity="0.1", **LIMIT), now=now())
        venue.fill(ID, "4")
        report = okx.cancel(ID, symbol=SWAP, now=now())
        assert (report.status, report.filled) == (ReportStatus.CANCELED, D("0.04"))
        assert sum(fill.quantity for fill in report.fills) == D("0.04")


def test_a_cancel_of_what_is_not_there_is_no_error():
    with running_venue() as venue:
        assert broker(venue).cancel("nobody", symbol=SPOT, now=now()) is None


def test_a_post_only_order_that_would_trade_says_so():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(type=OrderType.LIMIT, price=D(50100), post_only=True), now=now())
        report = okx.fetch(ID, symbol=SPOT, now=now())
        assert (report.status, report.code, report.venue_code) == (
            ReportStatus.CANCELED, Rejection.WOULD_TAKE, "31",
        )  # fmt: skip
        assert report.message == "post-only, and it would have traded at once"
        assert venue.ledger.trades == []


@pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_that_cannot_fill_is_over_at_once(force):
    with running_venue() as venue:
        report = broker(venue).place(request(type=OrderType.LIMIT, price=D(49000), time_in_force=force), now=now())
        assert (report.status, report.filled, report.fills) == (ReportStatus.CANCELED, D(0), ())


def test_a_stop_rests_then_is_the_order_that_it_triggered():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        placed = okx.place(request(SWAP, type=OrderType.STOP, stop_price=D(51000)), now=now())
        resting = okx.fetch(ID, symbol=SWAP, now=now())
        assert (resting.status, resting.client_order_id, resting.venue_order_id) == (
            ReportStatus.OPEN, ID, placed.venue_order_id,
        )  # fmt: skip
        assert resting.quantity == D("0.01")
        venue.price("BTC-USDT-SWAP", "51000")
        report = okx.fetch(ID, symbol=SWAP, now=now())
        assert (report.status, report.filled, report.client_order_id) == (ReportStatus.FILLED, D("0.01"), ID)
        assert [fill.trade_id for fill in report.fills] == [trade["tradeId"] for trade in venue.ledger.trades]
        assert report.venue_order_id == placed.venue_order_id
        assert report.average_price == report.fills[0].price


@pytest.mark.parametrize(
    "given",
    [
        {"type": OrderType.STOP, "stop_price": D(51000)},
        {"type": OrderType.TRAILING_STOP, "trailing": D("0.05")},
    ],
    ids=["stop", "trailing stop"],
)
def test_an_algo_order_is_cancelled_by_its_own_way(given):
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        placed = okx.place(request(SWAP, **given), now=now())
        report = okx.cancel(ID, symbol=SWAP, now=now())
        assert (report.status, report.message) == (ReportStatus.CANCELED, "cancelled before it was triggered")
        assert [seen.body for seen in tap.sent("/trade/cancel-algos")] == [
            [{"instId": "BTC-USDT-SWAP", "algoId": placed.venue_order_id}]
        ]
        assert okx.cancel(ID, symbol=SWAP, now=now()).status is ReportStatus.CANCELED
        venue.price("BTC-USDT-SWAP", "51500")
        assert venue.ledger.trades == []


def test_a_stop_limit_that_was_triggered_and_rests_is_cancelled_too():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, type=OrderType.STOP_LIMIT, stop_price=D(51000), price=D(50500)), now=now())
        venue.price("BTC-USDT-SWAP", "51000")
        assert okx.fetch(ID, symbol=SWAP, now=now()).status is ReportStatus.OPEN
        assert [one.client_order_id for one in okx.open_orders()] == [ID]
        assert okx.cancel(ID, symbol=SWAP, now=now()).status is ReportStatus.CANCELED
        assert okx.open_orders() == ()
        venue.price("BTC-USDT-SWAP", "50000")
        assert venue.ledger.trades == []


def test_everything_that_rests_is_listed_by_whoever_placed_it():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        okx.place(request(SWAP, client_order_id="mine", **LIMIT), now=now())
        okx.place(request(SWAP, client_order_id="stop", type=OrderType.STOP, stop_price=D(51000)), now=now())
        okx.place(request(SWAP, client_order_id="trail", type=OrderType.TRAILING_STOP, trailing=D("0.05")), now=now())
        okx.place(request("ETH/USDT:USDT", client_order_id="other", type=OrderType.LIMIT, price=D(2900)), now=now())
        venue.fill("mine", "0.4")
        found = {report.client_order_id: report for report in okx.open_orders(symbol=SWAP)}
        assert set(found) == {"mine", "stop", "trail"}
        assert (found["mine"].filled, found["mine"].quantity) == (D("0.004"), D("0.01"))
        assert found["mine"].status is ReportStatus.PARTIALLY_FILLED
        assert {report.client_order_id for report in okx.open_orders()} == {"mine", "stop", "trail", "other"}


def test_cancel_all_ends_orders_and_algo_orders_of_one_symbol_or_of_all():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        for number in range(23):
            okx.place(request(SWAP, client_order_id=f"a{number}", **LIMIT), now=now())
        okx.place(request(SWAP, client_order_id="stop", type=OrderType.STOP, stop_price=D(51000)), now=now())
        okx.place(request("ETH/USDT:USDT", client_order_id="other", type=OrderType.LIMIT, price=D(2900)), now=now())
        assert okx.cancel_all(symbol=SWAP) == 24
        assert [len(seen.body) for seen in tap.sent("/trade/cancel-batch-orders")] == [20, 3]
        assert [report.client_order_id for report in okx.open_orders()] == ["other"]
        assert okx.cancel_all() == 1
        assert okx.open_orders() == ()
        assert okx.cancel_all() == 0


def test_preview_says_what_would_happen_and_changes_nothing():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        filled = okx.preview(request(SWAP), now=now())
        resting = okx.preview(request(SWAP, **LIMIT), now=now())
        short = okx.preview(request(SWAP, quantity="1000"), now=now())
        assert (filled.status, filled.message) == (
            ReportStatus.FILLED, "would fill market buy 1 BTC-USDT-SWAP at about 50000.1",
        )  # fmt: skip
        assert (resting.status, resting.message) == (ReportStatus.OPEN, "would rest as limit buy 1 BTC-USDT-SWAP")
        assert (short.status, short.code) == (ReportStatus.REJECTED, Rejection.INSUFFICIENT_FUNDS)
        assert "funds allow" in short.message
        assert okx.preview(request(SWAP, quantity="0.00001"), now=now()).code == Rejection.BELOW_MINIMUM
        assert [seen for seen in tap.seen if seen.method == "POST"] == []
        assert venue.ledger.entries == []


# Shapes that the documentation tells of and that the venue does not make ------------------------------------------
def _traded() -> Traded:
    with running_venue() as venue:
        return broker(venue, "swap")._instruments.get(SWAP)


ALGO = {"algoId": "1", "algoClOrdId": ID, "instId": "BTC-USDT-SWAP", "side": "sell", "sz": "2", "state": "effective"}


def _child(order_id: str, status: ReportStatus, filled: str, price: str):
    return reports.OrderReport(
        client_order_id="", venue_order_id=order_id, status=status, filled=D(filled),
        average_price=D(price) if D(filled) else None, code="x" if status is ReportStatus.CANCELED else "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "children", "expected"),
    [
        ("live", [], ReportStatus.OPEN),
        ("effective", [], ReportStatus.OPEN),
        ("canceled", [], ReportStatus.CANCELED),
        ("order_failed", [], ReportStatus.REJECTED),
        ("effective", [(ReportStatus.FILLED, "0.01"), (ReportStatus.FILLED, "0.01")], ReportStatus.FILLED),
        ("effective", [(ReportStatus.FILLED, "0.01"), (ReportStatus.OPEN, "0")], ReportStatus.OPEN),
        ("effective", [(ReportStatus.FILLED, "0.01"), (ReportStatus.CANCELED, "0")], ReportStatus.CANCELED),
    ],
)
def test_an_algo_order_of_several_orders_ends_when_all_have(state, children, expected):
    made = [_child(str(number), status, filled, "100") for number, (status, filled) in enumerate(children)]
    report = reports.algo(ALGO | {"state": state, "failCode": "51008"}, _traded(), children=made, raw="")
    assert report.status is expected
    if children:
        assert report.filled == sum(D(filled) for _, filled in children)
        assert report.average_price == D(100)
    if state == "order_failed":
        assert (report.code, report.venue_code) == (Rejection.INSUFFICIENT_FUNDS, "51008")


def test_the_orders_that_an_algo_order_made():
    assert triggered({"ordIdList": ["1", "2"], "ordId": "1"}) == ["1", "2"]
    assert triggered({"ordIdList": [], "ordId": "1"}) == ["1"]
    assert triggered({"ordId": ""}) == []


def test_an_order_with_a_rebate_is_not_told_by_its_last_fill_alone():
    row = {"tradeId": "1", "fillSz": "1", "accFillSz": "1", "fillTime": "1", "fillPx": "2", "rebate": "0.1"}
    assert reports.only_fill(row, _traded()) is None
    assert reports.only_fill(row | {"rebate": ""}, _traded()).quantity == D("0.01")
    assert reports.only_fill(row | {"rebate": "", "accFillSz": "2"}, _traded()) is None


def _wait(done) -> None:
    import time

    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
