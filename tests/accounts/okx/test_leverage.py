"""The leverage of an order where several processes trade one account: what one has set, others must not rely on."""

from __future__ import annotations

from decimal import Decimal

from tests.fakes import told
from tests.fakes.venue import running_venue
from tradeops.core.money import Side

from .support import SWAP, broker, now, request, tapped

D = Decimal


def at_venue(venue):
    okx = broker(venue, "swap")
    return [position.leverage for position in okx.positions()]


def test_what_another_process_has_set_is_set_back():
    with running_venue() as venue, tapped(venue) as tap:
        shared = told.Shared()
        ours, theirs = (broker(venue, "swap", url=tap.url, told=shared) for _ in range(2))
        for number, (okx, leverage) in enumerate(((ours, 3), (theirs, 10), (ours, 3), (theirs, 3))):
            entry = request(SWAP, leverage=D(leverage), client_order_id=f"entry{number}")
            okx.prepare(entry)
            okx.place(entry, now=now())
            assert at_venue(venue) == [leverage]
        # The venue had 3 at first; the last knew it from the one before.
        assert [seen.body["lever"] for seen in tap.sent("/account/set-leverage")] == ["10", "3"]
        assert len(tap.sent("/account/leverage-info")) == 3


def test_without_what_others_say_the_venue_is_read_each_time():
    with running_venue() as venue, tapped(venue) as tap:
        ours, theirs = (broker(venue, "swap", url=tap.url) for _ in range(2))
        for okx, leverage in ((ours, 3), (theirs, 10), (ours, 3), (ours, 3)):
            okx.prepare(request(SWAP, leverage=D(leverage)))
        assert [seen.body["lever"] for seen in tap.sent("/account/set-leverage")] == ["10", "3"]
        assert len(tap.sent("/account/leverage-info")) == 4


def test_each_side_of_an_isolated_hedge_and_each_margin_mode_has_its_own():
    with running_venue(position_mode="long_short_mode") as venue:
        shared = told.Shared()
        okx = broker(venue, "swap", told=shared)
        okx.prepare(request(SWAP, leverage=D(5), margin_mode="isolated"))
        okx.prepare(request(SWAP, Side.SELL, leverage=D(7), margin_mode="isolated", position_side="short"))
        okx.prepare(request(SWAP, leverage=D(9)))
        assert shared.values == {
            "leverage BTC-USDT-SWAP isolated long": "5",
            "leverage BTC-USDT-SWAP isolated short": "7",
            "leverage BTC-USDT-SWAP cross": "9",
        }
