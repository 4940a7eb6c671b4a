"""From a sender's ticker to the venue's symbol, for each account. What is not mapped is rejected, never guessed (S1).

A mapping is a symbol, or `{symbol, market, quantity_unit, multiplier, accounts}`; `accounts` says what is different on
one of them: `{"okx-1": "BTC/USDT:USDT"}`, or a map of the same fields, where what is left out is as on the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Instrument
from tradeops.core import money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import EXACT

UNITS = ("base", "contracts", "lots", "quote")
MARKETS = ("spot", "swap", "futures", "option")
_FIELDS = {"symbol", "market", "quantity_unit", "multiplier"}
# TradingView marks what is 15 minutes late, at the exchange's name or at the ticker's: it is the same instrument.
_DELAYED = re.compile(r"(_DLY|_DL)(?=:|$)")


@dataclass(frozen=True)
class Mapped:
    """What the sender's quantities and prices are here.

    `quantity_unit` base: `multiplier` base units make one of the sender's, and the sender's prices are for one of its
    own (1000PEPE). contracts, lots: the sender counts the venue's contracts or lots, or, with a multiplier, pieces of
    that many base units; its prices are the venue's. quote: the sender counts money, `multiplier` units of the quote
    currency to one of its own; its prices are the venue's.
    """

    symbol: str
    market: str = ""
    quantity_unit: str = "base"
    multiplier: Decimal = Decimal(1)
    own_multiplier: bool = True  # it was given; without one the venue says what a contract or lot is
    accounts: Mapping[str, Mapped] = field(default_factory=dict, hash=False)

    def on(self, account: str) -> Mapped:
        """As that account has it."""
        return self.accounts.get(account, self)

    def piece(self, instrument: Instrument | None) -> Decimal:
        """How many base units (of the quote currency, where the unit is that) one of the sender's quantity is."""
        if self.own_multiplier or instrument is None:
            return self.multiplier
        if self.quantity_unit == "contracts":
            return instrument.contract
        return instrument.lot if self.quantity_unit == "lots" and instrument.lot > 0 else self.multiplier

    def price(self, price: Decimal) -> Decimal:
        """The sender's price, per base unit."""
        if self.quantity_unit != "base" or self.multiplier == 1:
            return price
        return money.kept(EXACT.divide(price, self.multiplier))


def candidates(ticker: str) -> list[str]:
    """The names under which a ticker may be mapped, the nearest first.

    As sent, without the mark of a delayed feed (`NASDAQ_DLY:AAPL`), and both without the exchange (`BINANCE:`).
    """
    upper = ticker.strip().upper()
    names = [upper, _DELAYED.sub("", upper)]
    return list(dict.fromkeys([*names, *(name.rpartition(":")[2] for name in names)]))


def lookup(mapping: Mapping[str, Any], ticker: str) -> Mapped | None:
    """The mapping of a ticker, or None."""
    return find(fold(mapping), ticker)


def fold(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as `find` wants it: to be kept, where many tickers are looked up."""
    return {name.strip().upper(): target for name, target in mapping.items()}


def find(folded: Mapping[str, Any], ticker: str) -> Mapped | None:
    for name in candidates(ticker):
        if name in folded:
            return _mapped(folded[name])
    return None


def _mapped(target: Any) -> Mapped:
    whole = _one(target)
    given = target.get("accounts") if isinstance(target, Mapping) else None
    if not given:
        return whole
    return replace(whole, accounts={slug: _one(own, whole) for slug, own in given.items()})


def _one(target: Any, whole: Mapped | None = None) -> Mapped:
    """`whole` is what holds where the target says nothing."""
    given = {"symbol": target} if isinstance(target, str) else target
    rest = whole or Mapped("")
    unit = given.get("quantity_unit", rest.quantity_unit)
    own = "multiplier" in given or (rest.own_multiplier and unit == rest.quantity_unit and whole is not None)
    return Mapped(
        symbol=given.get("symbol", rest.symbol),
        market=given.get("market", rest.market),
        quantity_unit=unit,
        multiplier=money.exact(given["multiplier"])
        if "multiplier" in given
        else rest.multiplier
        if own
        else Decimal(1),
        own_multiplier=own or unit in ("base", "quote"),
    )


def check(mapping: Mapping[str, Any]) -> None:
    """Raises ConfigurationError naming the first entry that cannot be understood."""
    for ticker, target in mapping.items():
        _check(ticker, target, known=_FIELDS | {"accounts"})
        own = target.get("accounts", {}) if isinstance(target, Mapping) else {}
        if not isinstance(own, Mapping):
            raise ConfigurationError(f"{ticker}.accounts: give a map of accounts, each with its own symbol")
        for slug, there in own.items():
            _check(f"{ticker}.accounts.{slug}", there, known=_FIELDS, whole=target)
    _check_twice(mapping)


def accounts(mapping: Mapping[str, Any]) -> set[str]:
    """The slugs of accounts that some ticker is different on."""
    return {slug for target in mapping.values() if isinstance(target, Mapping) for slug in target.get("accounts", {})}


def _check_twice(mapping: Mapping[str, Any]) -> None:
    """Names that differ in nothing that counts."""
    first: dict[str, str] = {}
    for ticker in mapping:
        other = first.setdefault(ticker.strip().upper(), ticker)
        if other != ticker:
            raise ConfigurationError(f"{ticker}: is the same ticker as {other!r}")


def _check(where: str, target: Any, *, known: set[str], whole: Any = None) -> None:
    if isinstance(target, str) and target.strip():
        return
    if not isinstance(target, Mapping) or not (str(target.get("symbol", "")).strip() or (whole and target)):
        raise ConfigurationError(f"{where}: give a symbol, or a map with a symbol in it")
    unknown = set(target) - known
    if unknown:
        raise ConfigurationError(f"{where}: unknown field {sorted(unknown)[0]}; there are {', '.join(sorted(known))}")
    if "symbol" in target and not (isinstance(target["symbol"], str) and target["symbol"].strip()):
        raise ConfigurationError(f"{where}.symbol: give a symbol")
    if target.get("quantity_unit", "base") not in UNITS:
        raise ConfigurationError(f"{where}.quantity_unit: use one of {', '.join(UNITS)}")
    if target.get("market", "") not in ("", *MARKETS):
        raise ConfigurationError(f"{where}.market: use one of {', '.join(MARKETS)}")
    try:
        multiplier = money.exact(target.get("multiplier", "1"))
    except ValueError as error:
        raise ConfigurationError(f"{where}.multiplier: {error}") from None
    if multiplier <= 0:
        raise ConfigurationError(f"{where}.multiplier: must be above zero")
