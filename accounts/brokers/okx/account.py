"""The account at OKX: how it is set up, what its key may do, its funds and positions."""

from __future__ import annotations

import threading
import time

from accounts.brokers.base import Access, Balance, BrokerRejected, KeyFacts, Rejection, VenuePosition

from .client import Client, Item
from .instruments import Instruments, Traded, amount, inst_type, optional
from .orders import Setup

SETUP_SECONDS = 600.0


class AccountAtVenue:
    """Shared by threads; what is kept is dropped as soon as the venue contradicts it."""

    def __init__(self, client: Client, access: Access, instruments: Instruments) -> None:
        self._client = client
        self._access = access
        self._instruments = instruments
        self._asking = threading.Lock()
        self._setup: tuple[float, Setup] | None = None

    def config(self) -> Item:
        return self._client.read("/account/config", {}, "config").first()

    def setup(self) -> Setup:
        """Position mode and account level, kept for ten minutes."""
        kept = self._setup
        if kept is not None and time.monotonic() - kept[0] < SETUP_SECONDS:
            return kept[1]
        with self._asking:  # one asks for all who wait: 5/2 s is soon used up by a new process
            if self._setup is not None and self._setup is not kept:
                return self._setup[1]
            row = self.config()
            found = Setup(hedge=row["posMode"] == "long_short_mode", level=str(row["acctLv"]))
            self._setup = (time.monotonic(), found)
        return found

    def forget(self, code: str) -> None:
        """What the venue contradicted by refusing an order is asked anew."""
        if code in (Rejection.POSITION_MODE, Rejection.REJECTED):
            self._setup = None

    def check_market(self, traded: Traded) -> None:
        """Raises BrokerRejected where the account's mode does not trade this market at all."""
        if not traded.spot and self.setup().level == "1":
            raise BrokerRejected(
                "the account is in OKX's spot mode, which trades no contracts: change it there (Settings, Account mode)"
            )

    def key(self) -> KeyFacts:
        """«Get account configuration»: `perm`, `ip` (empty: not bound), `posMode`."""
        row = self.config()
        allowed = {word.strip() for word in str(row.get("perm") or "").split(",") if word.strip()}
        known = bool(allowed)
        bound = [word for word in str(row.get("ip") or "").split(",") if word.strip()]
        notes = []
        if known and not bound:
            notes.append("OKX deletes keys that are not bound to IP addresses after 14 days without use")
        if row.get("acctLv") == "1" and self._access.market != "spot":
            notes.append("the account is in OKX's spot mode, which trades no contracts")
        return KeyFacts(
            read="read_only" in allowed if known else None,
            trade="trade" in allowed if known else None,
            withdraw="withdraw" in allowed if known else None,
            ip_bound=bool(bound) if "ip" in row else None,
            position_mode={"long_short_mode": "hedge", "net_mode": "one_way"}.get(str(row.get("posMode")), ""),
            account=str(row.get("uid") or ""),
            notes=tuple(notes),
        )

    def balances(self, currency: str = "") -> dict[str, Balance]:
        answer = self._client.read("/account/balance", {"ccy": currency}, "balance").first()
        details = answer["details"]
        spot = self._access.market == "spot"
        return {str(row["ccy"]): _balance(row, spot=spot) for row in details}

    def positions(self) -> tuple[VenuePosition, ...]:
        """Of the account's market; instruments that the portal has no symbol for are left out."""
        if self._access.market == "spot":
            return ()
        params = {"instType": inst_type(self._access.market)}
        rows = self._client.read("/account/positions", params, "positions").data
        found = []
        for row in rows:
            traded = self._instruments.by_id(str(row["instId"])) if amount(row.get("pos")) else None
            if traded is not None:
                found.append(_position(row, traded))
        return tuple(found)


def _balance(row: Item, *, spot: bool) -> Balance:
    """Spot: coins. Else equity, which profits and losses are part of; `availEq` is what margin may still use."""
    if spot:
        return Balance(total=amount(row.get("cashBal")), free=amount(row.get("availBal")))
    free = row.get("availEq") or row.get("availBal")
    return Balance(total=amount(row.get("eq") or row.get("cashBal")), free=amount(free))


def _position(row: Item, traded: Traded) -> VenuePosition:
    contracts = amount(row["pos"])
    side = str(row.get("posSide") or "net")
    if side not in ("long", "short"):
        side = "long" if contracts > 0 else "short"
    return VenuePosition(
        symbol=traded.instrument.symbol,
        side=side,
        quantity=abs(contracts) * traded.unit,
        average_price=optional(row.get("avgPx")),
        mark_price=optional(row.get("markPx")),
        unrealised_pnl=optional(row.get("upl")),
        liquidation_price=optional(row.get("liqPx")),
        leverage=optional(row.get("lever")),
        margin_mode=str(row.get("mgnMode") or ""),
    )
