"""What the paper venue lists: any pair `BASE/QUOTE` on spot, linear contracts `BASE/QUOTE:QUOTE` on swap accounts."""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import Access, BrokerRejected, Instrument, Rejection

LOT = Decimal("0.00000001")
TICK = Decimal("0.00000001")


def instrument(symbol: str, access: Access) -> Instrument:
    """Raises BrokerRejected(`unknown_instrument`)."""
    pair, colon, settle = symbol.partition(":")
    base, slash, quote = pair.partition("/")
    if not slash:
        quote = _only_currency(symbol, access)
    contract = access.market != "spot"
    if not base or not quote or contract != bool(colon) or (colon and settle != quote):
        form = "BASE/QUOTE:QUOTE" if contract else "BASE/QUOTE"
        raise BrokerRejected(
            f"{symbol} is not a symbol of the paper venue's {access.market} market; write it as {form}",
            code=Rejection.UNKNOWN_INSTRUMENT,
        )
    return Instrument(symbol=symbol, base=base, quote=quote, lot=LOT, tick=TICK, min_quantity=LOT, settle=settle)


def _only_currency(symbol: str, access: Access) -> str:
    """A share has no quote in its name: it is quoted in the one currency that the account was opened with."""
    currencies = [currency for currency in access.initial_balances if currency != symbol]
    return currencies[0] if len(currencies) == 1 else ""
