"""The venue's whole state, and its clock and numbers. One event loop touches it, so nothing here is locked."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from .books import Books, Order
from .faults import Faults
from .instruments import Listing, listings
from .ledger import Ledger
from .limits import Limits
from .prices import Prices
from .wire import Refusal

TAKER = {"SPOT": Decimal("0.001"), "SWAP": Decimal("0.0005"), "FUTURES": Decimal("0.0005")}
MAKER = {"SPOT": Decimal("0.0008"), "SWAP": Decimal("0.0002"), "FUTURES": Decimal("0.0002")}
FIRST_NUMBER = 600000000000000001


class Venue:
    """`clock_offset` seconds are added to this machine's clock, to be an hour off on purpose."""

    def __init__(
        self, accounts: Iterable[Books], *, seed: int = 0, extra_instruments: int = 0, ledger_file: Path | None = None
    ) -> None:
        self.listings: dict[str, Listing] = listings(extra=extra_instruments)
        self.prices = Prices(self.listings)
        self.faults = Faults(seed)
        self.ledger = Ledger(ledger_file)
        self.accounts: dict[str, Books] = {books.name: books for books in accounts}
        self.limits = Limits()
        self.clock_offset = 0.0
        self.requests: list[dict[str, Any]] = []
        # The server puts its event loop's timer here, and `algos` what follows a trade.
        self.later: Callable[[float, Callable[[], None]], object] = lambda seconds, then: then()
        self.traded: Callable[[Books, Order, Decimal], None] = lambda books, order, size: None
        self.moved: Callable[[str], None] = lambda inst_id: None
        self._numbers = itertools.count(FIRST_NUMBER)
        self._trades: Counter[str] = Counter()

    def by_key(self, key: str) -> Books | None:
        return next((books for books in self.accounts.values() if books.key == key), None)

    def now(self) -> float:
        return time.time() + self.clock_offset

    def number(self) -> str:
        return str(next(self._numbers))

    def trade_number(self, inst_id: str) -> str:
        """Unique within its instrument only, as OKX's are."""
        self._trades[inst_id] += 1
        return str(self._trades[inst_id])

    def listing(self, inst_id: str) -> Listing:
        """Raises Refusal."""
        if not inst_id:
            raise Refusal("50014", "instId")
        try:
            return self.listings[inst_id]
        except KeyError:
            raise Refusal("51001") from None
