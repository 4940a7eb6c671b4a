"""Which fees are counted with a position, and which stay with their fills: unlike units are not added up (P1).

A venue may take its fees in a coin of its own (BNB, OKB). What that is worth in the quote currency nobody has said when
the fill is booked, and its transaction asks nobody; the fill keeps the fee as the venue gave it.
"""

from __future__ import annotations

from decimal import Decimal

from signals.models import Fill, Position, RoundTrip
from tradeops.core.money import ZERO, plain


def base_of(symbol: str) -> str:
    """`BTC/USDT:USDT` → BTC."""
    return symbol.partition("/")[0]


def currencies(symbol: str) -> frozenset[str]:
    """Those whose fees are counted: quote and base, which the fill has a price of, and what the contract, which is a
    linear one, pays its profit in; "" is a venue that does not say. Of a symbol without a quote currency: none, and
    all fees are counted.
    """
    base, _, rest = symbol.partition("/")
    quote, _, settled = rest.partition(":")
    return frozenset({"", base, quote, settled.partition("-")[0]}) if quote else frozenset()


def is_counted(symbol: str, currency: str) -> bool:
    known = currencies(symbol)
    return not known or currency in known


def said(fees: dict[str, Decimal]) -> str:
    """For people: `0.001 BNB`; empty = none."""
    return ", ".join(f"{plain(fee)} {currency}" for currency, fee in sorted(fees.items()))


def not_counted(of: Position | RoundTrip) -> dict[str, Decimal]:
    """By currency: the fees of its fills that its own `fees` are without."""
    known = currencies(of.symbol)
    if not known:
        return {}
    found = Fill.objects.filter(
        account=of.account_id, symbol=of.symbol, order__strategy=of.strategy_id, order__position_side=of.side
    ).exclude(fee_currency__in=known)
    if isinstance(of, RoundTrip):
        found = found.filter(at__gte=of.opened_at)
        found = found if of.closed_at is None else found.filter(at__lte=of.closed_at)
    sums: dict[str, Decimal] = {}
    for currency, fee in found.values_list("fee_currency", "fee"):  # text on SQLite: not summed there
        sums[currency] = sums.get(currency, ZERO) + fee
    return sums
