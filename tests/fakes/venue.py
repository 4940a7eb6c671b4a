"""An OKX venue with faults, in a thread of this process or as a process, on loopback: tests talk to it over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from accounts.demo import setup
from accounts.demo.server import serve
from accounts.demo.venue import Venue
from tests.fakes import loops

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Ledger:
    """What the venue says has happened; each property asks it anew. Amounts are text in base units."""

    def __init__(self, venue: RunningVenue) -> None:
        self._venue = venue

    def _standing(self) -> dict[str, Any]:
        return self._venue.ask("ledger", since=10**9)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.since(0)

    def since(self, number: int) -> list[dict[str, Any]]:
        """The entries after that one."""
        return self._venue.ask("ledger", since=number)["entries"]

    def _what(self, what: str, account: str = "") -> list[dict[str, Any]]:
        return [one for one in self.entries if one["what"] == what and account in ("", one.get("account"))]

    @property
    def orders(self) -> list[dict[str, Any]]:
        """Every order that was accepted, in order."""
        return self._what("order")

    @property
    def trades(self) -> list[dict[str, Any]]:
        return self._what("trade")

    @property
    def refused(self) -> list[dict[str, Any]]:
        """Orders and cancels that were turned down: clOrdId, code, reason."""
        return self._what("refused")

    @property
    def positions(self) -> list[dict[str, Any]]:
        """What is open now: account, instId, posSide, quantity (signed, base units), sz (contracts)."""
        return self._standing()["positions"]

    @property
    def balances(self) -> dict[str, dict[str, str]]:
        """By account, then currency."""
        return self._standing()["balances"]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request to /api: at (seconds), call ("POST /api/v5/trade/order"), account, code, faults."""
        return self._venue.ask("requests")["requests"]

    def placed(self, client_order_id: str, account: str = "") -> list[dict[str, Any]]:
        """The accepted orders of one client order id: one is right, two is doubled."""
        return [one for one in self._what("order", account) if one["clOrdId"] == client_order_id]

    def net(self, inst_id: str, account: str = "account-1") -> Decimal:
        """Σ of the account's trades of an instrument, bought positive, in base units, fees not taken off."""
        signed = {"buy": 1, "sell": -1}
        trades = [one for one in self._what("trade", account) if one["instId"] == inst_id]
        return sum((Decimal(one["quantity"]) * signed[one["side"]] for one in trades), Decimal(0))


class Faults:
    def __init__(self, venue: RunningVenue) -> None:
        self._venue = venue

    def next(self, kind: str, *, times: int = 1, path: str = "", **facts: Any) -> None:
        """What befalls the next `times` requests whose "METHOD /path" contains `path` (default: placing orders).

        accept_then_timeout error_after_accept reset_after_send reset_before_accept error_before_accept
        answer(code, retry_after) reject(code) slow(ms) late(seconds) partial(share, pieces, seconds, hide) rest
        """
        self._venue.ask("script", kind=kind, times=times, path=path, **facts)

    def set(self, **facts: Any) -> None:
        """Probabilities by kind (accept_then_timeout=0.05) and modes: late_seconds, slow_ms, rest, partial_seconds,
        reuse_ids, ignore_expiry, hang_seconds, enforce_limits."""
        self._venue.ask("faults", **facts)

    def clear(self) -> None:
        self._venue.ask("clear")


@dataclass
class RunningVenue:
    """`accounts`: for each its credentials (api_key, secret, passphrase); their names are account-1, account-2 …"""

    url: str
    accounts: list[dict[str, str]] = field(repr=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self)
        self.faults = Faults(self)

    @property
    def credentials(self) -> dict[str, str]:
        """Of the first account."""
        return self.accounts[0]

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Raises ValueError with what the venue says."""
        body = json.dumps(arguments).encode()
        request = urllib.request.Request(f"{self.url}/_venue/{verb}", data=body, method="POST")
        try:
            with _opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None

    def price(self, inst_id: str, last: str, *, bid: str = "", ask: str = "") -> None:
        """Moves it: what rests and is reached fills. Without bid and ask they stand one tick around it."""
        self.ask("price", inst_id=inst_id, last=last, bid=bid, ask=ask)

    def fill(self, order: str, size: str = "", price: str = "", account: str = "") -> None:
        """Fills a resting order (ordId or clOrdId); `size` in base units on spot, in contracts elsewhere."""
        self.ask("fill", order=order, size=size, price=price, account=account)

    def trade(self, inst_id: str, side: str, size: str, *, account: str = "account-1", **facts: Any) -> str:
        """By hand in the venue's own app; returns its ordId. `pos_side`, `mode`, `category` as OKX names them."""
        return self.ask("trade", inst_id=inst_id, side=side, size=size, account=account, **facts)["ordId"]

    def cancel(self, order: str, *, account: str = "") -> None:
        self.ask("cancel", order=order, account=account)

    def liquidate(self, inst_id: str, *, account: str = "account-1", **facts: Any) -> None:
        self.ask("liquidate", inst_id=inst_id, account=account, **facts)

    def fund(self, inst_id: str, amount: str, *, account: str = "account-1") -> None:
        self.ask("fund", inst_id=inst_id, amount=amount, account=account)

    def deposit(self, currency: str, amount: str, *, account: str = "account-1") -> None:
        self.ask("deposit", currency=currency, amount=amount, account=account)

    def change(self, *, account: str = "account-1", **settings: Any) -> None:
        """position_mode (net_mode, long_short_mode), level, permissions, addresses, passphrase, simulated."""
        self.ask("change", account=account, **settings)

    def most_at_market(self, inst_id: str, size: str) -> None:
        """What one market order may have from now on: contracts, but money on spot."""
        self.ask("most_at_market", inst_id=inst_id, size=size)

    def clock(self, offset: float) -> None:
        """The venue's clock runs so many seconds ahead of ours."""
        self.ask("clock", offset=offset)


@contextmanager
def running_venue(
    *, accounts: int = 1, seed: int = 0, extra_instruments: int = 0, ledger_file: Path | None = None, **settings: Any
) -> Iterator[RunningVenue]:
    """In a thread. `settings` are each account's: balances={"USDT": "1000"}, position_mode="long_short_mode" …"""
    books = [setup.account(number, **settings) for number in range(1, accounts + 1)]
    venue = Venue(books, seed=seed, extra_instruments=extra_instruments, ledger_file=ledger_file)
    started: dict[str, Any] = {}
    ready = threading.Event()

    async def main() -> None:
        started["loop"], started["stop"] = asyncio.get_running_loop(), asyncio.Event()

        def listening(port: int) -> None:
            started["port"] = port
            ready.set()

        await serve(venue, port=0, write=lambda text: None, ready=listening, stop=started["stop"])
        await loops.hang_up()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="venue", daemon=True)
    thread.start()
    assert ready.wait(10), "the venue did not start"
    try:
        yield RunningVenue(f"http://127.0.0.1:{started['port']}", [setup.credentials(one) for one in books])
    finally:
        started["loop"].call_soon_threadsafe(started["stop"].set)
        thread.join(10)
