"""What is listed: the trading rules as OKX gives them for these instruments (docs-v5, "Get instruments")."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .wire import text

D = Decimal
ONE, MOST_LEVERAGE = D(1), D(100)
MOST_LIMIT, MOST_MARKET = D("100000000"), D("1000000")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """`lot`, `minimum` and the maxima in base units on spot, in contracts elsewhere; `contract` is base each.

    `max_market` is in the quote currency on spot, as OKX counts it there.
    """

    inst_id: str
    inst_type: str  # SPOT, SWAP, FUTURES
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    minimum: Decimal
    contract: Decimal = ONE
    max_limit: Decimal = MOST_LIMIT
    max_market: Decimal = MOST_MARKET
    max_leverage: Decimal = MOST_LEVERAGE
    expires: str = ""
    price: Decimal = ONE

    @property
    def spot(self) -> bool:
        return self.inst_type == "SPOT"

    def row(self) -> dict[str, Any]:
        derivative = not self.spot
        family = f"{self.base}-{self.quote}"
        return {
            "instType": self.inst_type,
            "instId": self.inst_id,
            "instIdCode": 10000 + sum(ord(letter) for letter in self.inst_id),
            "uly": family if derivative else "",
            "instFamily": family if derivative else "",
            "category": "1",
            "baseCcy": "" if derivative else self.base,
            "quoteCcy": "" if derivative else self.quote,
            "settleCcy": self.quote if derivative else "",
            "ctVal": text(self.contract) if derivative else "",
            "ctMult": "1" if derivative else "",
            "ctValCcy": self.base if derivative else "",
            "ctType": "linear" if derivative else "",
            "optType": "",
            "stk": "",
            "listTime": "1573557408000",
            "expTime": self.expires,
            "lever": text(self.max_leverage) if derivative else "",
            "tickSz": text(self.tick),
            "lotSz": text(self.lot),
            "minSz": text(self.minimum),
            "alias": "quarter" if self.inst_type == "FUTURES" else "",
            "state": "live",
            "ruleType": "normal",
            "maxLmtSz": text(self.max_limit),
            "maxMktSz": text(self.max_market),
            "maxLmtAmt": "20000000",
            "maxMktAmt": "" if derivative else "1000000",
            "maxTwapSz": text(self.max_limit),
            "maxIcebergSz": text(self.max_limit),
            "maxTriggerSz": text(self.max_limit),
            "maxStopSz": text(self.max_market),
            "tradeQuoteCcyList": [] if derivative else [self.quote],
            "openType": "",
        }


# Its date is far away, so that nothing here expires under a test.
FUTURE = "351228"
FUTURE_EXPIRES = "2082441600000"


def _family(base: str, *, price: str, tick: str, lot: str, minimum: str, contract: str) -> list[Listing]:
    swap_lot = D("0.01")
    spot = Listing(
        inst_id=f"{base}-USDT", inst_type="SPOT", base=base, quote="USDT", tick=D(tick), lot=D(lot),
        minimum=D(minimum), price=D(price),
    )  # fmt: skip
    swap = Listing(
        inst_id=f"{base}-USDT-SWAP", inst_type="SWAP", base=base, quote="USDT", tick=D(tick), lot=swap_lot,
        minimum=swap_lot, contract=D(contract), price=D(price),
    )  # fmt: skip
    return [spot, swap]


def listings(*, extra: int = 0) -> dict[str, Listing]:
    """BTC, ETH and SOL, spot and swap, and a BTC future; `extra` adds as many pairs F01, F02 … of spot and swap."""
    found = [
        *_family("BTC", price="50000", tick="0.1", lot="0.00000001", minimum="0.00001", contract="0.01"),
        *_family("ETH", price="3000", tick="0.01", lot="0.000001", minimum="0.0001", contract="0.1"),
        *_family("SOL", price="150", tick="0.01", lot="0.000001", minimum="0.01", contract="1"),
        Listing(
            inst_id=f"BTC-USDT-{FUTURE}", inst_type="FUTURES", base="BTC", quote="USDT", tick=D("0.1"), lot=D("0.01"),
            minimum=D("0.01"), contract=D("0.01"), price=D(50000), expires=FUTURE_EXPIRES,
        ),
    ]  # fmt: skip
    for number in range(1, extra + 1):
        found += _family(
            f"F{number:02d}", price="50000", tick="0.1", lot="0.00000001", minimum="0.00001", contract="0.01"
        )
    return {listing.inst_id: listing for listing in found}
