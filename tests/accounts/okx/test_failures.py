"""What may be done next: nothing was accepted (temporary), nobody can tell (unknown), or it is there already."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import (
    BrokerError,
    BrokerRejected,
    BrokerTemporary,
    BrokerUnknown,
    ReportStatus,
)
from accounts.brokers.okx import OkxBroker
from accounts.brokers.okx.errors import problem
from accounts.brokers.okx.reports import moment
from accounts.brokers.okx.transport import LostAfterSend, Transport
from tests.fakes.venue import running_venue
from tradeops.core.money import OrderType

from .support import ID, SPOT, SWAP, Stub, Throttle, broker, now, request, tapped

ORDER = "POST /api/v5/trade/order"


def orders_sent(venue) -> int:
    return sum(1 for one in venue.ledger.requests if one["call"] == ORDER)


@pytest.mark.parametrize("fault", ["accept_then_timeout", "error_after_accept", "reset_after_send"])
def test_an_order_whose_answer_is_lost_is_unknown_and_found_by_its_id(fault):
    with running_venue() as venue:
        okx = broker(venue)
        okx.instrument(SPOT)
        venue.faults.next(fault)
        with pytest.raises(BrokerUnknown) as error:
            okx.place(request(send_expires_at=now() + timedelta(seconds=0.6)), now=now())
        assert "whether it was accepted is being asked" in str(error.value)
        assert orders_sent(venue) == 1
        found = okx.fetch(ID, symbol=SPOT, now=now())
        assert (found.status, found.filled) == (ReportStatus.FILLED, Decimal("0.01"))
        assert len(venue.ledger.placed(ID)) == 1


@pytest.mark.parametrize("fault", ["reset_before_accept", "error_before_accept"])
def test_a_connection_that_breaks_is_unknown_even_if_nothing_arrived(fault):
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next(fault)
        with pytest.raises(BrokerUnknown):
            okx.place(request(), now=now())
        assert orders_sent(venue) == 1
        assert okx.fetch(ID, symbol=SPOT, now=now()) is None
        assert venue.ledger.entries == []


def test_a_time_out_behind_the_gateway_is_unknown():
    with running_venue() as venue:
        venue.faults.next("answer", code="50004")
        with pytest.raises(BrokerUnknown) as error:
            broker(venue).place(request(), now=now())
        assert error.value.venue_code == "50004"
        assert orders_sent(venue) == 1


@pytest.mark.parametrize(
    ("code", "wait", "ours"),
    [
        ("50001", 10, "temporary"),
        ("50005", 5, "temporary"),
        ("50011", 1, "rate_limited"),
        ("50013", 1, "temporary"),
        ("50026", 1, "temporary"),
        ("50061", 2, "rate_limited"),
    ],
)
def test_what_was_surely_not_accepted_may_be_tried_again(code, wait, ours):
    with running_venue() as venue:
        venue.faults.next("answer", code=code)
        with pytest.raises(BrokerTemporary) as error:
            broker(venue).place(request(), now=now())
        assert (error.value.venue_code, error.value.retry_after, error.value.code) == (code, wait, ours)
        assert orders_sent(venue) == 1
        assert venue.ledger.entries == []


@pytest.mark.parametrize("code", ["50011", "50061", "429"])
def test_too_many_requests_hold_back_everybody_who_counts_with_them(code):
    with running_venue() as venue:
        throttle = Throttle()
        okx = broker(venue, throttle=throttle)
        okx.place(request(client_order_id="first"), now=now())
        venue.faults.next("answer", code=code, retry_after="7" if code != "50061" else "")
        with pytest.raises(BrokerTemporary) as error:
            okx.place(request(), now=now())
        seconds = 2 if code == "50061" else 7
        assert error.value.retry_after == seconds
        assert error.value.code == "rate_limited"
        assert throttle.held == [(("order", "order:BTC-USDT"), seconds)]


def test_a_refused_connection_means_that_nothing_was_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with running_venue() as venue:
            okx = broker(venue, url=f"http://127.0.0.1:{taken.getsockname()[1]}")
            with pytest.raises(BrokerTemporary) as error:
                okx.place(request(), now=now())
            assert "nothing was sent" in str(error.value)


def test_an_order_that_is_late_here_is_not_sent():
    with running_venue() as venue:
        okx = broker(venue)
        with pytest.raises(BrokerTemporary) as error:
            okx.place(request(send_expires_at=now() - timedelta(seconds=1)), now=now())
        assert error.value.code == "expired"
        assert orders_sent(venue) == 0


def test_an_order_that_is_late_there_is_refused_by_the_venue():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(client_order_id="first"), now=now())
        venue.faults.next("slow", ms=700)
        with pytest.raises(BrokerUnknown):
            okx.place(request(send_expires_at=now() + timedelta(seconds=0.5)), now=now())
        deadline = time.monotonic() + 5
        while not venue.ledger.refused and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [(one["clOrdId"], one["code"]) for one in venue.ledger.refused] == [(ID, "50036")]
        assert venue.ledger.placed(ID) == []


def test_the_venue_s_word_that_it_came_too_late_is_no_rejection():
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next("reject", code="50036")
        with pytest.raises(BrokerTemporary) as error:
            okx.place(request(), now=now())
        assert (error.value.code, error.value.venue_code) == ("expired", "50036")
        assert okx.place(request(), now=now()).status is ReportStatus.FILLED


@pytest.mark.parametrize("ahead", [-25, 25, -60, 60, 3600])
def test_expiry_and_signature_go_by_the_venue_s_clock(ahead):
    """Within the 30 s that a signature may be off, an expiry by our clock would come 25 s too late."""
    with running_venue() as venue, tapped(venue) as tap:
        venue.clock(ahead)
        okx = broker(venue, url=tap.url)
        started = now()
        assert okx.place(request(), now=now()).status is ReportStatus.FILLED
        expires = moment(tap.sent("/trade/order")[0].headers["expTime"]) - timedelta(seconds=ahead)
        assert started + timedelta(seconds=4) < expires <= now() + timedelta(seconds=5)
        assert len(tap.sent("/public/time")) <= 2


def test_a_wrong_clock_costs_one_measurement_and_one_more_signature():
    with running_venue() as venue, tapped(venue) as tap:
        venue.clock(60)
        okx = broker(venue, url=tap.url)
        assert okx.key().trade is True
        assert [seen.path.rpartition("/")[2] for seen in tap.seen] == ["config", "time", "config"]
        okx.key()
        assert len(tap.seen) == 4


def test_a_venue_without_expiry_is_told_none():
    class NoExpiry(OkxBroker):
        capabilities = replace(OkxBroker.capabilities, send_expiry=False, reuses_ids=True)

    with running_venue() as venue, tapped(venue) as tap:
        broker(venue, url=tap.url, kind=NoExpiry).place(request(), now=now())
        assert "expTime" not in tap.sent("/trade/order")[0].headers
        with pytest.raises(BrokerTemporary):
            broker(venue, kind=NoExpiry).place(request(send_expires_at=now() - timedelta(seconds=1)), now=now())
        assert orders_sent(venue) == 1


@pytest.mark.parametrize(
    "given",
    [{"type": OrderType.LIMIT, "price": Decimal(49000)}, {"type": OrderType.STOP, "stop_price": Decimal(51000)}],
    ids=["order", "algo order"],
)
def test_an_id_that_is_there_already_is_fetched_not_doubled(given):
    with running_venue() as venue:
        okx = broker(venue, "swap")
        first = okx.place(request(SWAP, **given), now=now())
        again = okx.place(request(SWAP, **given), now=now())
        assert again.venue_order_id == first.venue_order_id
        assert again.status is ReportStatus.OPEN
        assert len(okx.open_orders()) == 1


def test_an_id_that_is_there_but_not_shown_yet_is_unknown():
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next("late", seconds=30)
        okx.place(request(type=OrderType.LIMIT, price=Decimal(49000)), now=now())
        with pytest.raises(BrokerUnknown) as error:
            okx.place(request(type=OrderType.LIMIT, price=Decimal(49000)), now=now())
        assert error.value.venue_code == "51016"
        assert len(venue.ledger.placed(ID)) == 1


def test_a_look_after_sending_that_fails_leaves_what_was_acknowledged():
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next("error_before_accept", path="GET /api/v5/trade/order")
        report = okx.place(request(), now=now())
        assert (report.status, report.fills) == (ReportStatus.OPEN, ())
        assert report.venue_order_id == venue.ledger.orders[0]["ordId"]


def test_a_lost_answer_to_a_question_is_asked_again():
    with running_venue() as venue:
        okx = broker(venue)
        venue.faults.next("error_before_accept", path="GET /api/v5/account/balance")
        with pytest.raises(BrokerTemporary):
            okx.balances()
        assert set(okx.balances()) == {"BTC", "USDT"}


def test_a_lost_answer_to_a_cancel_is_unknown_and_may_be_asked_again():
    with running_venue() as venue:
        okx = broker(venue)
        okx.place(request(type=OrderType.LIMIT, price=Decimal(49000)), now=now())
        venue.faults.next("error_after_accept", path="cancel-order")
        with pytest.raises(BrokerUnknown):
            okx.cancel(ID, symbol=SPOT, now=now())
        assert okx.cancel(ID, symbol=SPOT, now=now()).status is ReportStatus.CANCELED


def test_threads_share_a_broker():
    with running_venue() as venue:
        okx = broker(venue, "swap")
        ids = [f"thread{number}" for number in range(40)]

        def place(name: str) -> ReportStatus:
            return okx.place(request(SWAP, client_order_id=name, quantity="0.001"), now=now()).status

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(place, ids)) == {ReportStatus.FILLED}
        assert sorted(order["clOrdId"] for order in venue.ledger.orders) == sorted(ids)
        assert venue.ledger.net("BTC-USDT-SWAP") == Decimal("0.04")


OK_TIME = json.dumps({"code": "0", "msg": "", "data": [{"ts": "1795278286753"}]}).encode()


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ((502, b"<html>Bad Gateway</html>"), BrokerTemporary, "HTTP 502"),
        ((200, b"not json"), BrokerTemporary, "without OKX's own answer"),
        ((200, b"[" * 200000), BrokerTemporary, "without OKX's own answer"),
        ((200, b'{"data": []}'), BrokerTemporary, "without OKX's own answer"),
        ((200, b'{"code": "0", "data": [{}]}'), BrokerTemporary, "something unexpected"),
        ((200, b'{"code": "0", "data": "x"}'), BrokerTemporary, "something unexpected"),
        ((200, b"x" * (5 * 1024 * 1024)), BrokerTemporary, "too large"),
        ((403, b"<html>Cloudflare</html>"), BrokerTemporary, "gateway refuses"),
        ((404, b"<html>Not Found</html>"), BrokerRejected, "check the account's base_url"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), BrokerRejected, "check the account's base_url"),
        ((500, b'{"code": "59999", "msg": "?", "data": []}'), BrokerTemporary, "HTTP 500, 59999"),
        ((200, b'{"code": "59999", "msg": "Something new", "data": []}'), BrokerRejected, "OKX 59999: Something new"),
    ],
    ids=["gateway", "no json", "deep", "no code", "no row", "no list", "huge", "cloudflare", "missing", "redirect",
         "new code with 500", "new code"],
)  # fmt: skip
def test_answers_that_are_not_okx_s(answer, kind, says):
    with Stub(answer) as stub, running_venue() as venue:
        with pytest.raises(BrokerError) as error:
            broker(venue, url=stub.url).balances()
        assert type(error.value) is kind
        assert says in str(error.value)
        assert len(stub.requests) == 1


def test_what_a_venue_echoes_of_our_credentials_is_struck_out():
    with running_venue() as venue:
        key = venue.credentials["api_key"]
        body = json.dumps({"code": "50111", "msg": f"Invalid key {key}", "data": [{"echo": key}]}).encode()
        with Stub((401, body)) as stub:
            okx = broker(venue, url=stub.url)
            with pytest.raises(BrokerRejected) as error:
                okx.balances()
        shown = str(error.value) + error.value.raw + repr(error.value) + repr(vars(okx))
        assert key not in shown
        assert "***" in error.value.raw


def test_an_answer_that_drips_is_given_up():
    """Each packet comes in time for the read's own time-out; the whole does not."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.2):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(LostAfterSend, match="too slowly"):
            transport.send("GET", "/", headers={}, body="", seconds=0.5)
    finally:
        stop.set()
        listener.close()
        thread.join(5)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        ("63999", "Internal system error", BrokerUnknown),
        ("59999", "The request timed out", BrokerUnknown),
        ("59999", "The order is being processed", BrokerUnknown),
        ("59999", "Something new", BrokerRejected),
        ("51008", "Order failed, internal error", BrokerRejected),
    ],
)
def test_a_code_of_no_table_that_does_not_say_what_happened_is_unknown_once_sent(code, words, kind):
    assert type(problem(code, words, raw="", changes=True)) is kind
    read = BrokerTemporary if kind is BrokerUnknown else kind
    assert type(problem(code, words, raw="", changes=False)) is read
