"""What was put into the trading account and taken out: «Get bills details», type 1, page by page (D3)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.venue import running_venue

from .support import broker, now, tapped

D = Decimal
BTC = "BTC-USDT-SWAP"


def test_both_ways_with_the_venues_id_and_nothing_else_that_moves_money():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, "swap", url=tap.url)
        since = now() - timedelta(minutes=1)
        venue.deposit("USDT", "250.5")
        venue.trade(BTC, "buy", "1")
        venue.fund(BTC, "-0.75")
        venue.deposit("BTC", "-0.25")
        found = okx.transfers(since=since)
        assert [(one.currency, one.amount) for one in found] == [("USDT", D("250.5")), ("BTC", D("-0.25"))]
        assert all(one.id.isdecimal() and since < one.at <= now() for one in found)
        [asked] = [seen for seen in tap.seen if seen.path.endswith("/account/bills")]
        assert (asked.method, asked.path) == ("GET", "/api/v5/account/bills")
        assert asked.query == {"type": "1", "begin": str(int(since.timestamp() * 1000)), "limit": "100"}


@pytest.mark.parametrize("number", [100, 101, 230])
def test_all_pages_each_once(number):
    with running_venue() as venue:
        okx = broker(venue)
        since = now() - timedelta(minutes=1)
        for amount in range(1, number + 1):
            venue.deposit("USDT", str(amount))
        found = okx.transfers(since=since)
        assert [one.amount for one in found] == [D(amount) for amount in range(1, number + 1)]
        assert len({one.id for one in found}) == number


def test_what_is_older_than_a_week_is_in_the_archive():
    with running_venue() as venue, tapped(venue) as tap:
        okx = broker(venue, url=tap.url)
        venue.deposit("USDT", "1")
        assert len(okx.transfers(since=now() - timedelta(days=30))) == 1
        assert [seen.path for seen in tap.seen if "bills" in seen.path] == ["/api/v5/account/bills-archive"]
