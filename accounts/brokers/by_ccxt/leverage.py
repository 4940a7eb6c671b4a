"""How the account is set up for contracts: its position mode, and leverage and margin mode by symbol."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from decimal import Decimal

from accounts.brokers.base import BrokerRejected, OrderRequest, Rejection
from tradeops.core import money

from . import keys, library
from .venue import Venue

_MODE_SECONDS = 300


class Leverage:
    """What the venue was told is asked of all processes (`Access.told`), since each may have told it something else;
    where nobody knows it is told again, which changes nothing if it was so."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._mode: tuple[float, str] | None = None

    def forget(self) -> None:
        self._mode = None

    def hedged(self, symbol: str) -> bool:
        return self.mode(symbol) == "hedge"

    def mode(self, symbol: str = "") -> str:
        """`one_way` or `hedge`; empty on spot, and where the exchange does not tell."""
        self._venue.load()
        if self._mode is None or time.monotonic() - self._mode[0] > _MODE_SECONDS:
            self._mode = (time.monotonic(), keys.position_mode(self._venue, symbol))
        return self._mode[1]

    def apply(self, request: OrderRequest) -> None:
        """Margin mode, then leverage, as the request has them; an order that only reduces changes neither."""
        if request.closes:
            return
        if request.leverage is None and not request.margin_mode:
            return
        told, what = self._venue.access.told, f"leverage {request.symbol}"
        mode, leverage = request.margin_mode or self._venue.access.margin_mode, request.leverage
        wanted = f"{mode} {money.plain(leverage) or 'as it is'}"
        if told.known(what) == wanted:
            return
        token = told.begin(what)
        self._apply(request, mode, leverage)
        told.done(what, token, wanted)

    def _apply(self, request: OrderRequest, mode: str, leverage: Decimal | None) -> None:
        exchange, dialect = self._venue.exchange, self._venue.dialect
        if exchange.has.get("setMarginMode") and request.margin_mode and not dialect.whole_leverage:
            # Bybit sets both at once; Binance refuses what an endpoint does not read (-1104).
            together = leverage is not None and self._venue.name.startswith("bybit")
            params = {"leverage": _whole(leverage)} if together and leverage is not None else {}
            self._tell(lambda: exchange.set_margin_mode(mode, request.symbol, params))
        if exchange.has.get("setLeverage") and leverage is not None:
            params = {"marginMode": mode} if _takes_margin_mode(self._venue.name) else {}
            # OKX documents a text, and ccxt would send its number.
            params |= {"lever": str(_whole(leverage))} if dialect.whole_leverage else {}
            self._tell(lambda: exchange.set_leverage(_whole(leverage), request.symbol, params))

    def _tell(self, question: Callable[[], object]) -> None:
        unchanged = library.ccxt().NoChange

        def ask() -> None:
            with contextlib.suppress(unchanged):
                question()

        try:
            self._venue.read(ask, "leverage")
        except BrokerRejected as error:
            if not _says_unchanged(error):
                raise


def _says_unchanged(error: BrokerRejected) -> bool:
    """Bybit's 110043 and 110026, Binance's -4046: it is as it was asked to be."""
    return error.venue_code in ("110043", "110026", "-4046", "3400045", "12032") or "not modified" in str(error)


def _takes_margin_mode(name: str) -> bool:
    return name in ("okx", "okxus", "myokx", "kucoin", "kucoinfutures", "bitget")


def _whole(leverage: Decimal) -> int | str:
    """Exchanges want whole numbers; ccxt compares them with bounds."""
    if leverage != leverage.to_integral_value():
        raise BrokerRejected("leverage must be a whole number at this exchange", code=Rejection.UNSUPPORTED)
    return int(leverage)
