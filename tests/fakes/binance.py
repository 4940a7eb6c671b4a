"""Binance on loopback: spot and USDⓈ-M, one account, verifying what the real one verifies, with scripted faults.

    with running_binance() as venue:
        access = venue.access(market="swap")
        venue.fault("accept_then_silence")       # the next order is accepted, and its answer never comes

Faults, each for the next request that places an order: `accept_then_silence`, `accept_then_503`, `accept_then_reset`,
`reset_before`, `busy` (429 with Retry-After), `late` (accepted; the next two questions do not see it), `garbage`.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from accounts.brokers.base import Access, Throttle
from accounts.throttle import Unlimited
from tests.fakes import loopback, told

from . import binance_answers as answers
from .binance_books import SYMBOLS, Book, Order, Refused

CREDENTIALS = {"api_key": "k" * 32 + "Binance", "secret": "s" * 32 + "Binance"}
PLACES = ("/api/v3/order", "/fapi/v1/order", "/fapi/v1/algoOrder")


class Venue:
    """What a test sees: the books, the requests as they came, and the switches."""

    def __init__(self) -> None:
        self.url = ""
        self.credentials = dict(CREDENTIALS)
        self.spot = Book(futures=False, balances={"USDT": Decimal(100000), "BTC": Decimal(1)})
        self.swap = Book(futures=True, balances={"USDT": Decimal(100000)})
        self.told = told.Shared()  # of all brokers that are made for it
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.refused: list[tuple[str, int]] = []
        self.faults: list[str] = []
        self.garbled = False  # every answer is a page of HTML
        self.blind = False  # questions are answered with 503
        self.clock_offset = 0  # ms that the venue is ahead of us
        self.addresses: tuple[str, ...] = ("127.0.0.1",)
        self.restrictions = {
            "enableReading": True, "enableSpotAndMarginTrading": True, "enableFutures": True,
            "enableWithdrawals": False, "ipRestrict": True,
        }  # fmt: skip
        self.funding: list[dict[str, Any]] = []  # as `GET /fapi/v1/income` lists it
        # As `GET /sapi/v1/capital/deposit/hisrec`, `…/withdraw/history` and `…/asset/transfer` list them.
        self.deposits: list[dict[str, Any]] = []
        self.withdrawals: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    @property
    def now(self) -> int:
        return int(time.time() * 1000) + self.clock_offset

    def book(self, path: str) -> Book:
        return self.swap if path.startswith("/fapi") else self.spot

    def fault(self, *names: str) -> None:
        self.faults.extend(names)

    def transfer(self, book: Book, coin: str, amount: Decimal) -> None:
        """A deposit or a withdrawal on spot; for contracts from or to the spot wallet."""
        now, number = self.now, len(self.funding) + len(self.deposits) + len(self.withdrawals) + 700001
        book.balances[coin] = book.balances.get(coin, Decimal(0)) + amount
        if book.futures:
            self.funding.append({
                "symbol": "", "incomeType": "TRANSFER", "income": str(amount), "asset": coin, "time": now,
                "info": "TRANSFER", "tranId": number, "tradeId": "",
            })  # fmt: skip
        elif amount > 0:
            self.deposits.append({
                "id": str(number), "amount": str(amount), "coin": coin, "network": "ETH", "status": 1, "address": "a",
                "addressTag": "", "txId": f"tx{number}", "insertTime": now, "transferType": 0, "confirmTimes": "2/2",
            })  # fmt: skip
        else:
            applied = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now / 1000))
            self.withdrawals.append({
                "id": str(number), "amount": str(-amount), "transactionFee": "0", "coin": coin, "status": 6,
                "address": "a", "txId": f"tx{number}", "applyTime": applied, "network": "ETH", "transferType": 0,
            })  # fmt: skip

    def orders(self, client_id: str = "") -> list[Order]:
        """What was accepted, in order: the ledger."""
        return [order for book in (self.spot, self.swap) for order in book.orders if client_id in ("", order.client_id)]

    def placed(self) -> list[dict[str, str]]:
        """The parameters of every request that asked for an order."""
        return [said for method, path, said in self.requests if method == "POST" and path in PLACES]

    def count(self, method: str, path: str) -> int:
        return sum(1 for seen in self.requests if seen[:2] == (method, path))

    def access(self, *, market: str = "spot", throttle: Throttle | None = None, **changes: Any) -> Access:
        facts: dict[str, Any] = {
            "account_id": 1,
            "slug": "binance-1",
            "broker": "binance",
            "market": market,
            "throttle": throttle or Unlimited(),
            "told": self.told,
            "base_url": self.url,
            "credentials": self.credentials,
        }
        return Access(**{**facts, **changes})


class _Handler(loopback.Handler):
    def answer(self) -> None:
        venue, method = self.server.venue, self.command
        parts = urlsplit(self.path)
        body = self.body().decode()
        total = parts.query + body
        said = dict(parse_qsl(total, keep_blank_values=True))
        places = method == "POST" and parts.path in PLACES
        with venue.lock:
            venue.requests.append((method, parts.path, said))
            fault = venue.faults.pop(0) if places and venue.faults else ""
            if venue.blind and method == "GET":
                self.say(503, {"code": -1008, "msg": "Spot server is currently overloaded."})
                return
            if fault == "reset_before":
                self.reset()
                return
            if fault == "busy":
                self.say(429, {"code": -1003, "msg": "Too much request weight used."}, Retry_After="2")
                return
            try:
                status, answer = 200, self._route(venue, method, parts.path, said, total)
            except Refused as error:
                venue.refused.append((said.get("newClientOrderId", ""), error.code))
                status, answer = error.status, {"code": error.code, "msg": error.words}
            except KeyError:
                status, answer = 404, {"path": parts.path}
            if fault == "late" and status == 200:
                venue.book(parts.path).orders[-1].hidden = 2
        self._faulty(venue, fault, status, answer)

    def _faulty(self, venue: Venue, fault: str, status: int, answer: Any) -> None:
        if fault == "accept_then_silence":
            venue.stopping.wait(3)
            self.close_connection = True
        elif fault == "accept_then_reset":
            self.reset()
        elif fault == "accept_then_503":
            self.say(503, {"code": -1007, "msg": "Timeout waiting for response from backend server."})
        elif fault == "garbage" or venue.garbled:
            self.say(200, "<html>not json</html>")
        else:
            self.say(status, answer)

    def _route(self, venue: Venue, method: str, path: str, said: dict[str, str], total: str) -> Any:
        public = answers.public(venue, path, said)
        if public is not None:
            return public
        self._verify(venue, said, total)
        answers.check_names(method, path, said)
        return answers.private(venue, method, path, said)

    def _verify(self, venue: Venue, said: dict[str, str], total: str) -> None:
        key = self.headers.get("X-MBX-APIKEY", "")
        if len(key) < 16:
            raise Refused(-2014, "API-key format invalid.", 401)
        if key != venue.credentials["api_key"] or self.client_address[0] not in venue.addresses:
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        signed, _, signature = total.rpartition("&signature=")
        wanted = hmac.new(CREDENTIALS["secret"].encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, signature):
            raise Refused(-1022, "Signature for this request is not valid.")
        sent, window = int(said["timestamp"]), int(said.get("recvWindow", "5000"))
        if sent >= venue.now + 1000 or venue.now - sent > window:
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")


@contextmanager
def running_binance() -> Iterator[Venue]:
    venue = Venue()
    with loopback.serving(_Handler, venue) as venue.url:
        try:
            yield venue
        finally:
            venue.stopping.set()


__all__ = ["CREDENTIALS", "SYMBOLS", "Venue", "running_binance"]
