"""A proposal as the pipeline makes one, and a book with what a test puts in it."""

from decimal import Decimal

import pytest

from signals.portfolio.exposure import Book, Exposure, Key, Line
from signals.risk.base import Limit, Proposal
from signals.risk.registry import BY_SLUG
from tests.factories import NOW, quote
from tradeops.core.money import Side

OWN = Key(1, 1, "BTC/USDT")


@pytest.fixture
def book():
    """`book(("long", "0.5", "50000"), …)`: side, quantity and price of what is held; symbol and strategy if others."""

    def make(*lines):
        held = [
            Line(Key(strategy, account, symbol), side, Decimal(quantity), None if price is None else Decimal(price))
            for side, quantity, price, symbol, strategy, account in (
                (*line, *("BTC/USDT", 1, 1)[len(line) - 3 :]) for line in lines
            )
        ]
        return Book(OWN, Exposure([], pending=held))

    return make


@pytest.fixture
def entry(book):
    """A buy of 0.01 BTC/USDT at 50,000 on paper-1, with nothing held."""

    def make(**fields):
        defaults = {
            "now": NOW,
            "reduces": False,
            "strategy": "trend",
            "account": "paper-1",
            "age_seconds": 1.0,
            "max_age_seconds": 60,
            "ticker": "BTCUSDT",
            "symbol": "BTC/USDT",
            "quote_currency": "USDT",
            "account_currency": "USDT",
            "side": Side.BUY,
            "position_side": "long",
            "quantity": Decimal("0.01"),
            "price": Decimal(50000),
            "quote": quote(),
            "book": book(),
        }
        return Proposal(**{**defaults, **fields})

    return make


@pytest.fixture
def ask():
    """The verdict of one rule; limits as (scope, value)."""

    def check(rule, given, *limits):
        return BY_SLUG[rule].check(given, [Limit(scope, value) for scope, value in limits])

    return check
