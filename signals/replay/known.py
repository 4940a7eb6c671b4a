"""The prices that are known of a time: what decisions saw, what orders went by, what the paper venue was told (D2).

There are no others: what was not looked at then is not made up now. Daily bars are left out, since they do not say when
in the day a price was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from accounts.models import Account
from signals.market.base import source_name
from signals.models import Decision, Fill, Order, StoredQuote, Strategy
from signals.strategies import symbols
from tradeops.core import clock, money

from .asked import Asked

MESSAGE = "message"
_NUMBERS = ("bid", "ask", "last", "bid_size", "ask_size", "volume", "volatility")


def place(name: str, account: str) -> str:
    """Where a price holds: the source's name, and the account where it is that account's own venue."""
    return f"venue@{account}" if name == "venue" else name


def prices(asked: Asked, accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """`[{"place", "at", "quote", "signal"?, "account"?}]` by time, each once; quotes as orders store them.

    With `signal` and `account` where it is what that decision saw.
    """
    places = {row.pk: place(_source(asked.strategy, row), row.slug) for row in accounts}
    found = [*_decided(asked, places), *_ordered(asked, places), *_traded(asked, places), *_stored(asked, places)]
    seen = {_name(one): one for one in reversed(found)}  # of two, the first: it says whose decision it was
    return sorted(seen.values(), key=_name)


def _name(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (one["at"], one["place"], one["quote"]["symbol"], one.get("signal", ""), one.get("account", ""))


def _source(strategy: Strategy, account: Account) -> str:
    return source_name(strategy_prices=strategy.prices, account=account)


def _decided(asked: Asked, places: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    rows = Decision.objects.filter(
        strategy=asked.strategy, account__in=list(places), shadow=False,
        signal__received_at__gte=asked.since, signal__received_at__lt=asked.until,
    ).values_list("account", "account__slug", "signal__public_id", "enrichment")  # fmt: skip
    for account, slug, signal, enrichment in rows.iterator():
        quote = enrichment.get("quote")
        if quote and quote.get("source") != MESSAGE:
            yield {**_known(places[account], quote), "signal": signal, "account": slug}


def _ordered(asked: Asked, places: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """What exits went by."""
    rows = Order.objects.filter(
        strategy=asked.strategy, account__in=list(places), created_at__gte=asked.since, created_at__lt=asked.until
    ).values_list("account", "quote")
    for account, quote in rows.iterator():
        if quote and quote.get("source") not in (MESSAGE, "last mark"):
            yield _known(places[account], quote)


def _traded(asked: Asked, places: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """At a venue somebody has traded at that price at that moment; a paper fill says nothing that its quote did not."""
    rows = Fill.objects.filter(
        order__strategy=asked.strategy, account__in=list(places), at__gte=asked.since, at__lt=asked.until
    ).exclude(account__broker="paper")
    for account, symbol, price, at in rows.values_list("account", "symbol", "price", "at").iterator():
        text = money.plain(price)
        quote = {"symbol": symbol, "bid": text, "ask": text, "last": text, "at": clock.iso_ms(at), "source": "fill"}
        yield _known(places[account], quote)


def _stored(asked: Asked, places: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """Those that came to the paper venue while something rested there."""
    names = {where for where in places.values() if where != MESSAGE}
    rows = StoredQuote.objects.filter(
        source__in=names, symbol__in=_symbols(asked.strategy), at__gte=asked.since, at__lt=asked.until
    )
    for row in rows.iterator():
        numbers = {name: getattr(row, name, None) for name in _NUMBERS}
        told = {name: money.plain(value) for name, value in numbers.items() if value is not None}
        yield _known(row.source, {"symbol": row.symbol, **told, "at": clock.iso_ms(row.at), "source": row.source})


def _symbols(strategy: Strategy) -> set[str]:
    mapped = [symbols.lookup(strategy.symbols, ticker) for ticker in strategy.symbols]
    return {one.symbol for whole in mapped if whole for one in (whole, *whole.accounts.values())}


def _known(where: str, quote: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: quote[name] for name in ("symbol", "at", "source", *_NUMBERS) if quote.get(name) is not None}
    return {"place": where, "at": datetime.fromisoformat(quote["at"]).isoformat(), "quote": kept}
