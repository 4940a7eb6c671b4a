"""Symbols, instruments and contracts: `BTC/USDT` ↔ BTC-USDT, `BTC/USDT:USDT` ↔ BTC-USDT-SWAP, `…-251226` ↔ futures.

OKX counts derivatives in contracts: coins = sz × ctVal × ctMult (documentation, «Get instruments»).
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from decimal import Decimal

from accounts.brokers.base import BrokerRejected, BrokerTemporary, Instrument, Rejection
from tradeops.core import money
from tradeops.core.money import EXACT

from .client import Client, Item

KEPT_SECONDS = 3600.0
MISSING_SECONDS = 60.0
FINEST = Decimal(1).scaleb(-18)
# Of a bound in money: the price moves while the order, or its last part, is on its way.
_WORTH_SHARE = Decimal("0.95")
_SYMBOL = re.compile(r"^([A-Z0-9]+)/([A-Z0-9]+)(?::([A-Z0-9]+)(?:-(\d{6}))?)?$")


@dataclass(frozen=True)
class Traded:
    """An instrument as OKX and the portal need it; `unit` is what one of OKX's `sz` is worth in base units."""

    instrument: Instrument
    inst_id: str
    inst_type: str  # SPOT, SWAP, FUTURES
    unit: Decimal

    @property
    def spot(self) -> bool:
        return self.inst_type == "SPOT"

    def sz(self, quantity: Decimal) -> str:
        """Base units as OKX counts them, rounded down to whole lots."""
        return money.plain(money.floor_to(quantity, self.instrument.lot) / self.unit) or "0"

    def base(self, sz: object) -> Decimal:
        """OKX's `sz` in base units; 0 for an empty one."""
        return amount(sz) * self.unit

    def px(self, price: Decimal) -> str:
        """Raises BrokerRejected(`bad_price`) off the tick: moving somebody's price is not ours to do."""
        tick = self.instrument.tick
        if price <= 0 or money.floor_to(price, tick) != price:
            raise BrokerRejected(
                f"{money.plain(price)} is not a multiple of {money.plain(tick)}, the tick of {self.instrument.symbol}",
                code=Rejection.BAD_PRICE,
            )
        return money.plain(price) or "0"


def amount(text: object) -> Decimal:
    """OKX's numbers are text, and empty where there is none. Raises ValueError for what is no number.

    What it computes (averages, profits) may have more places than can be stored: these are rounded to 18.
    """
    if text in (None, ""):
        return Decimal(0)
    value = Decimal(str(text))
    exponent = value.as_tuple().exponent
    return money.exact(value.quantize(FINEST, context=EXACT) if isinstance(exponent, int) and exponent < -18 else value)


def optional(text: object) -> Decimal | None:
    return None if text in (None, "") else amount(text)


def inst_id(symbol: str) -> tuple[str, str]:
    """(instId, instType) of a unified symbol. Raises BrokerRejected(`unknown_instrument`)."""
    found = _SYMBOL.match(symbol)
    if found is None:
        raise _unknown(symbol, "write it as BASE/QUOTE, BASE/QUOTE:SETTLE or BASE/QUOTE:SETTLE-YYMMDD")
    base, quote, settle, expiry = found.groups()
    if settle is None:
        return f"{base}-{quote}", "SPOT"
    if settle != quote:
        raise _unknown(symbol, "contracts settled in the coin have no fixed size in base units and are not supported")
    return (f"{base}-{quote}-{expiry}", "FUTURES") if expiry else (f"{base}-{quote}-SWAP", "SWAP")


def symbol_of(name: str) -> str:
    """The unified symbol of an instId; the instId itself where there is none (options, coin-settled contracts)."""
    base, _, rest = name.partition("-")
    quote, _, kind = rest.partition("-")
    if not kind:
        return f"{base}/{quote}" if quote else name
    settled_in_quote = quote.startswith("USD") and quote != "USD"
    if settled_in_quote and kind == "SWAP":
        return f"{base}/{quote}:{quote}"
    if settled_in_quote and re.fullmatch(r"\d{6}", kind):
        return f"{base}/{quote}:{quote}-{kind}"
    return name


def inst_type(market: str) -> str:
    """OKX's instType of an account's market."""
    return {"spot": "SPOT", "swap": "SWAP", "futures": "FUTURES"}.get(market, "SWAP")


def is_of(name: str, market: str) -> bool:
    """Whether an instId is of an account's market. An OKX account trades all of them, and spot orders of some account
    modes are listed as MARGIN, so that no list is asked for by type."""
    kind = name.partition("-")[2].partition("-")[2]
    found = "SPOT" if not kind else "SWAP" if kind == "SWAP" else "FUTURES" if kind.isdecimal() else "OPTION"
    return found == inst_type(market)


@dataclass(frozen=True)
class _List:
    """All instruments of one type, as OKX listed them then."""

    at: float
    rows: dict[str, Item]


class Instruments:
    """What OKX lists, kept for an hour; shared by threads.

    A whole list at a time: asked for one by one, the symbols of a new process would wait for the limit of 20/2 s.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._lists: dict[str, _List] = {}
        self._traded: dict[str, tuple[_List, Traded]] = {}

    def get(self, symbol: str) -> Traded:
        """Raises BrokerRejected(`unknown_instrument`), BrokerTemporary."""
        name, kind = inst_id(symbol)
        listed = self._listed(name, kind)
        known = self._traded.get(symbol)
        if known is not None and known[0] is listed:
            return known[1]
        row = listed.rows.get(name)
        if row is None:
            raise _unknown(symbol, f"OKX has no {name}: check the symbol mapping")
        found = _traded(symbol, row, kind)
        self._traded[symbol] = (listed, found)
        return found

    def by_id(self, name: str) -> Traded | None:
        """The instrument of an instId; None for those that the portal has no symbol for, or that are no more."""
        symbol = symbol_of(name)
        try:
            return None if symbol == name else self.get(symbol)
        except BrokerRejected as error:
            if error.code == Rejection.UNKNOWN_INSTRUMENT:
                return None
            raise

    def of_market(self, name: str, market: str) -> Traded | None:
        """`by_id`, and None too for an instrument of another market."""
        return self.by_id(name) if is_of(name, market) else None

    def _listed(self, name: str, kind: str) -> _List:
        found = self._lists.get(kind)
        if found is not None and _serves(found, name):
            return found
        with self._lock:
            again = self._lists.get(kind)
            if again is not None and (again is not found or _serves(again, name)):
                return again
            try:
                found = self._ask(kind)
            except BrokerTemporary:
                # Yesterday's lots are better than no exit; it is asked again with the next order.
                if again is None or name not in again.rows:
                    raise
                return again
            self._lists[kind] = found
            return found

    def _ask(self, kind: str) -> _List:
        answer = self._client.public("/public/instruments", {"instType": kind}, "instruments")
        return _List(time.monotonic(), {str(row["instId"]): row for row in answer.data})


def _serves(found: _List, name: str) -> bool:
    """A name that is not on the list may have been listed since: it is looked for again, once a minute at most."""
    age = time.monotonic() - found.at
    return age < (KEPT_SECONDS if name in found.rows else MISSING_SECONDS)


def _unknown(symbol: str, why: str) -> BrokerRejected:
    return BrokerRejected(f"{symbol}: {why}", code=Rejection.UNKNOWN_INSTRUMENT)


def _traded(symbol: str, row: Item, kind: str) -> Traded:
    base, quote = symbol.partition(":")[0].split("/")
    unit = Decimal(1)
    if kind != "SPOT":
        if row.get("ctType") == "inverse" or row.get("ctValCcy") not in ("", None, base):
            raise _unknown(symbol, "its contracts have no fixed size in base units, which is not supported")
        unit = amount(row["ctVal"]) * (amount(row.get("ctMult")) or Decimal(1))
    return Traded(
        instrument=Instrument(
            symbol=symbol,
            base=base,
            quote=quote,
            lot=amount(row["lotSz"]) * unit,
            tick=amount(row["tickSz"]),
            min_quantity=amount(row["minSz"]) * unit,
            max_quantity=_least(row, "maxLmtSz", "maxTriggerSz") * unit,
            contract=unit,
            settle=str(row.get("settleCcy") or ""),
            venue_symbol=str(row["instId"]),
            **_at_market(row, spot=kind == "SPOT", quote=quote, unit=unit),
        ),
        inst_id=str(row["instId"]),
        inst_type=kind,
        unit=unit,
    )


def _least(row: Item, *names: str) -> Decimal:
    """The smallest of these bounds; 0 = there is none."""
    found = [amount(row.get(name)) for name in names]
    return min((bound for bound in found if bound > 0), default=Decimal(0))


def _at_market(row: Item, *, spot: bool, quote: str, unit: Decimal) -> dict[str, Decimal]:
    """The most of one market or stop order: contracts, but on spot USDT («Get instruments»: `maxMktSz`, `maxStopSz`)
    and US dollars (`maxMktAmt`), which bounds nothing that can be told in another quote currency."""
    if not spot:
        return {"max_market_quantity": _least(row, "maxMktSz", "maxStopSz") * unit}
    if not quote.startswith("USD"):
        return {}
    return {"max_market_worth": _least(row, "maxMktSz", "maxStopSz", "maxMktAmt") * _WORTH_SHARE}
