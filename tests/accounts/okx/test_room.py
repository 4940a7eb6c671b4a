"""How much an entry may have: what is kept of OKX's answer, and for which leverage and margin mode it was asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.brokers.base import Intended, ReportStatus
from tests.fakes.venue import running_venue
from tradeops.core.money import Side

from .support import SPOT, SWAP, broker, now, request, tapped

D = Decimal
PRICE = D(50000)


@pytest.fixture
def desk():
    """100,000 USDT: two BTC, and six of contracts with the venue's leverage of 3."""
    with running_venue() as venue, tapped(venue) as tap:
        yield venue, tap


def room(okx, quantity, symbol=SWAP, **terms):
    intended = Intended(quantity=D(quantity), **terms)
    return okx.max_quantity(symbol, side=Side.BUY, price=PRICE, intended=intended)


def asked(tap, path="/account/max-size"):
    return [seen.query for seen in tap.sent(path)]


def test_what_is_kept_serves_as_long_as_it_is_enough(desk):
    _, tap = desk
    okx = broker(desk[0], "swap", url=tap.url)
    most = room(okx, "1")
    okx.place(request(SWAP, quantity="1"), now=now())
    assert room(okx, "1") == most - 1
    assert len(asked(tap)) == 1


@pytest.mark.parametrize(("symbol", "market", "size"), [(SWAP, "swap", "3.9"), (SPOT, "spot", "1.9")])
def test_what_was_closed_elsewhere_makes_room(desk, symbol, market, size):
    """By another process, by hand, by a stop at the venue: nobody tells this one."""
    venue, tap = desk
    okx, other = broker(venue, market, url=tap.url), broker(venue, market)
    most = room(okx, size, symbol)
    okx.place(request(symbol, quantity=size), now=now())
    other.place(request(symbol, Side.SELL, size, closes=True, client_order_id="closes"), now=now())
    assert most - D("0.2") < room(okx, size, symbol) < most
    again = okx.place(request(symbol, quantity=size, client_order_id="again"), now=now())
    assert again.status is ReportStatus.FILLED


def test_what_was_closed_here_is_asked_for_when_it_is_needed(desk):
    """Not after each close: in and out at a brisk pace would wait for the venue's limit of questions."""
    venue, tap = desk
    okx = broker(venue, "swap", url=tap.url)
    room(okx, "1")
    okx.place(request(SWAP, quantity="5"), now=now())
    okx.place(request(SWAP, Side.SELL, "5", closes=True, client_order_id="closes"), now=now())
    assert room(okx, "0.5") < D(1)
    assert len(asked(tap)) == 1
    assert room(okx, "5") > D(5)
    assert len(asked(tap)) == 2


def test_it_is_asked_with_the_order_s_own_leverage_and_margin_mode(desk):
    venue, tap = desk
    okx = broker(venue, "swap", url=tap.url, leverage=D(3))
    plain = room(okx, "1")
    tenfold = room(okx, "1", leverage=D(10))
    room(okx, "1", margin_mode="isolated")
    assert plain < D(7)
    assert tenfold > D(18)
    assert [(one["leverage"], one["tdMode"]) for one in asked(tap)] == [
        ("3", "cross"), ("10", "cross"), ("3", "isolated"),
    ]  # fmt: skip


def test_a_preview_too(desk):
    venue, tap = desk
    okx = broker(venue, "swap", url=tap.url, leverage=D(3))
    assert okx.preview(request(SWAP, quantity="10"), now=now()).status is ReportStatus.REJECTED
    found = okx.preview(request(SWAP, quantity="10", leverage=D(10)), now=now())
    assert found.status is ReportStatus.FILLED


def test_an_order_of_other_terms_leaves_nothing_certain(desk):
    """What an order at 10x has used of the room at 3x is the venue's to say."""
    venue, tap = desk
    okx = broker(venue, "swap", url=tap.url, leverage=D(3))
    before = room(okx, "1")
    asked_for = request(SWAP, quantity="1", leverage=D(10))
    okx.prepare(asked_for)
    okx.place(asked_for, now=now())
    assert room(okx, "1") < before
    assert len(asked(tap)) == 2
