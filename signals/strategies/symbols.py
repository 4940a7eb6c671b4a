"""From a sender's ticker to the venue's symbol. What is not mapped is rejected, never guessed (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradeops.core import money
from tradeops.core.errors import ConfigurationError

UNITS = ("base", "contracts", "lots", "quote")
_FIELDS = {"symbol", "market", "quantity_unit", "multiplier"}


@dataclass(frozen=True)
class Mapped:
    """`multiplier` base units (or units of quote) make one of the sender's; the sender's prices are per its unit."""

    symbol: str
    market: str = ""
    quantity_unit: str = "base"
    multiplier: Decimal = Decimal(1)


def candidates(ticker: str) -> list[str]:
    """The names under which a ticker may be mapped: as sent, then without its exchange (`BINANCE:`)."""
    upper = ticker.strip().upper()
    return list(dict.fromkeys([upper, upper.rpartition(":")[2]]))


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
    if isinstance(target, str):
        return Mapped(target)
    return Mapped(
        symbol=target["symbol"],
        market=target.get("market", ""),
        quantity_unit=target.get("quantity_unit", "base"),
        multiplier=money.exact(target.get("multiplier", "1")),
    )


def check(mapping: Mapping[str, Any]) -> None:
    """Raises ConfigurationError naming the first entry that cannot be understood."""
    for ticker, target in mapping.items():
        if isinstance(target, str) and target.strip():
            continue
        if not isinstance(target, Mapping) or not str(target.get("symbol", "")).strip():
            raise ConfigurationError(f"{ticker}: give a symbol, or a map with a symbol in it")
        unknown = set(target) - _FIELDS
        if unknown:
            raise ConfigurationError(
                f"{ticker}: unknown field {sorted(unknown)[0]}; there are {', '.join(sorted(_FIELDS))}"
            )
        if target.get("quantity_unit", "base") not in UNITS:
            raise ConfigurationError(f"{ticker}.quantity_unit: use one of {', '.join(UNITS)}")
        try:
            multiplier = money.exact(target.get("multiplier", "1"))
        except ValueError as error:
            raise ConfigurationError(f"{ticker}.multiplier: {error}") from None
        if multiplier <= 0:
            raise ConfigurationError(f"{ticker}.multiplier: must be above zero")
