"""What an exchange trades, loaded once an hour per process, exchange and address, and shared by its accounts."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Access, BrokerRejected, Instrument, Rejection

from . import library
from .connect import TYPES
from .dialects import Dialect

SECONDS = 3600
# Of a bound in money: the price moves while the order, or its last part, is on its way.
_WORTH_SHARE = Decimal("0.95")


@dataclass(frozen=True)
class _Loaded:
    at: float
    source: Any


_loaded: dict[tuple[str, str, bool, str], _Loaded] = {}
_locks: defaultdict[tuple[str, str, bool, str], threading.Lock] = defaultdict(threading.Lock)


def ensure(exchange: Any, access: Access) -> None:
    """Gives this instance the shared markets; asks the venue if they are missing or older than an hour."""
    key = (access.broker, access.market, access.sandbox, access.base_url)
    known = _loaded.get(key)
    if known is not None and time.monotonic() - known.at < SECONDS:
        _adopt(exchange, known)
        return
    with _locks[key]:
        known = _loaded.get(key)
        if known is None or time.monotonic() - known.at >= SECONDS:
            exchange.load_markets(True)
            _loaded[key] = known = _Loaded(time.monotonic(), exchange)
    _adopt(exchange, known)


def forget() -> None:
    """The next call asks the venue again."""
    _loaded.clear()


def _adopt(exchange: Any, known: _Loaded) -> None:
    if exchange.markets is not known.source.markets:
        exchange.set_markets_from_exchange(known.source)


def market(exchange: Any, access: Access, symbol: str) -> dict[str, Any]:
    """ccxt's market of a symbol that this account can trade. Raises BrokerRejected(`unknown_instrument`)."""
    found = listed(exchange, access, symbol)
    if found.get("active") is False:
        raise _unknown(f"{access.broker} has halted or delisted {symbol}")
    return found


def listed(exchange: Any, access: Access, symbol: str) -> dict[str, Any]:
    """The same, though it may be halted: what rests there, is held or was traded is told all the same."""
    found = exchange.markets.get(symbol)
    if found is None:
        raise _unknown(f"{access.broker} has no symbol {symbol}")
    if not found.get(TYPES.get(access.market, access.market)):
        raise _unknown(f"{symbol} is no {access.market} symbol of {access.broker}, and the account trades those")
    if found.get("contract") and not found.get("linear"):
        raise _unknown(
            f"{symbol} is settled in {found.get('settle')}: only contracts settled in the quote currency can be traded"
        )
    return dict(found)


def _unknown(text: str) -> BrokerRejected:
    return BrokerRejected(f"{text}; check the strategy's symbol mapping", code=Rejection.UNKNOWN_INSTRUMENT)


def instrument(found: dict[str, Any], precision_mode: int, dialect: Dialect | None = None) -> Instrument:
    """Trading rules in base units; a contract's sizes are in contracts at the venue."""
    contract = amount(found.get("contractSize")) or Decimal(1) if found.get("contract") else Decimal(1)
    limits = found.get("limits") or {}
    sizes = limits.get("amount") or {}
    lot = _step(found["precision"].get("amount"), precision_mode) * contract
    return Instrument(
        symbol=found["symbol"],
        base=found["base"],
        quote=found["quote"],
        lot=lot,
        tick=_step(found["precision"].get("price"), precision_mode),
        min_quantity=max(lot, amount(sizes.get("min")) * contract),
        max_quantity=amount(sizes.get("max")) * contract,
        min_notional=amount((limits.get("cost") or {}).get("min")),
        contract=contract,
        settle=found.get("settle") or "",
        venue_symbol=found["id"],
        **_at_market(found, dialect or Dialect(), contract),
    )


def _at_market(found: dict[str, Any], dialect: Dialect, contract: Decimal) -> dict[str, Decimal]:
    """The most of one market order: ccxt's word for it, or the venue's own in its listing."""
    info = found.get("info") or {}
    filters = info.get("lotSizeFilter") or {}
    said = [((found.get("limits") or {}).get("market") or {}).get("max")]
    said += [rules.get(name) for rules in (info, filters) for name in dialect.most_at_market]
    bounds = [amount(bound) for bound in said]
    most = min((bound for bound in bounds if bound > 0), default=Decimal(0))
    if found.get("spot") and dialect.most_in_money:
        in_dollars = str(found["quote"]).startswith("USD")
        return {"max_market_worth": most * _WORTH_SHARE if in_dollars else Decimal(0)}
    return {"max_market_quantity": most * contract}


def _step(precision: object, mode: int) -> Decimal:
    """ccxt counts in ticks, decimal places, or significant digits (which are no step)."""
    if precision is None or mode == library.ccxt().SIGNIFICANT_DIGITS:
        return Decimal(0)
    value = Decimal(str(precision))
    return Decimal(1).scaleb(-int(value)) if mode == library.ccxt().DECIMAL_PLACES else value


def amount(value: object) -> Decimal:
    """0 for nothing."""
    return Decimal(0) if value is None or value == "" else Decimal(str(value))
