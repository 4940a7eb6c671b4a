"""What anybody may ask (docs-v5, "Public Data" and "Market Data")."""

from __future__ import annotations

from typing import Any

from . import fields
from .calls import Call
from .instruments import Listing
from .wire import answer, millis, text

_STEPS = {
    "1m": 60_000, "5m": 300_000, "15m": 900_000, "1H": 3_600_000, "4H": 14_400_000, "1Dutc": 86_400_000,
}  # fmt: skip
TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")


def time(call: Call) -> dict[str, Any]:
    return answer([{"ts": millis(call.venue.now())}])


def instruments(call: Call) -> dict[str, Any]:
    fields.only(call.query, fields.WHICH)
    kind = fields.one_of(call.query, "instType", TYPES)
    wanted = call.query.get("instId", "")
    if wanted:
        call.venue.listing(wanted)
    return answer([
        listing.row()
        for listing in call.venue.listings.values()
        if listing.inst_type == kind and wanted in ("", listing.inst_id)
    ])  # fmt: skip


def ticker(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"instId"})
    return answer([_ticker(call, call.venue.listing(call.query.get("instId", "")))])


def tickers(call: Call) -> dict[str, Any]:
    fields.only(call.query, fields.WHICH)
    kind = fields.one_of(call.query, "instType", TYPES)
    return answer([_ticker(call, one) for one in call.venue.listings.values() if one.inst_type == kind])


def _ticker(call: Call, listing: Listing) -> dict[str, str]:
    price = call.venue.prices.of(listing.inst_id)
    last = text(price.last)
    return {
        "instType": listing.inst_type, "instId": listing.inst_id, "last": last, "lastSz": text(listing.minimum),
        "askPx": text(price.ask), "askSz": "1000", "bidPx": text(price.bid), "bidSz": "1000", "open24h": last,
        "high24h": last, "low24h": last, "volCcy24h": "1000000", "vol24h": "1000", "sodUtc0": last, "sodUtc8": last,
        "ts": millis(call.venue.now()),
    }  # fmt: skip


def books(call: Call) -> dict[str, Any]:
    fields.only(call.query, {"instId", "sz"})
    price = call.venue.prices.of(call.venue.listing(call.query.get("instId", "")).inst_id)
    return answer([{
        "asks": [[text(price.ask), "1000", "0", "1"]], "bids": [[text(price.bid), "1000", "0", "1"]],
        "ts": millis(call.venue.now()),
    }])  # fmt: skip


def candles(call: Call) -> dict[str, Any]:
    """This venue remembers no prices: as if the present one had always been."""
    fields.only(call.query, {"instId", "bar", "limit", "after", "before"})
    last = text(call.venue.prices.of(call.venue.listing(call.query.get("instId", "")).inst_id).last)
    step = fields.one_of(call.query, "bar", tuple(_STEPS))
    begin = int(call.query.get("after") or millis(call.venue.now()))
    newest = begin - 1 - (begin - 1) % _STEPS[step]
    count = min(int(call.query.get("limit") or 100), 300)
    return answer([
        [str(newest - number * _STEPS[step]), last, last, last, last, "1000", "1000", "1000", str(int(number > 0))]
        for number in range(count)
    ])  # fmt: skip


def mark_price(call: Call) -> dict[str, Any]:
    fields.only(call.query, fields.WHICH)
    kind = fields.one_of(call.query, "instType", TYPES)
    wanted = call.query.get("instId", "")
    return answer([
        {"instType": kind, "instId": name, "markPx": text(call.venue.prices.of(name).last),
         "ts": millis(call.venue.now())}
        for name, listing in call.venue.listings.items()
        if listing.inst_type == kind and wanted in ("", name)
    ])  # fmt: skip
