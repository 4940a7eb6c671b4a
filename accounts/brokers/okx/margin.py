"""How much the account may open: leverage and room."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from decimal import Decimal

from accounts.brokers.base import Access, Intended, OrderRequest, Rejection
from tradeops.core import money
from tradeops.core.money import EXACT, Side

from .account import AccountAtVenue
from .client import Client
from .instruments import Traded, amount, optional

# GET max-size is 20/2 s per user, less than the orders: its answer is kept, less what was sent since.
ROOM_SECONDS = 20.0


@dataclass
class _Room:
    at: float
    left: Decimal


class Margin:
    """Shared by threads; what is kept is dropped as soon as the venue contradicts it."""

    def __init__(self, client: Client, access: Access, account: AccountAtVenue) -> None:
        self._client = client
        self._access = access
        self._account = account
        self._lock = threading.Lock()
        self._rooms: dict[tuple[str, Side, str, Decimal | None], _Room] = {}

    def forget(self, code: str) -> None:
        """After an order was refused for its size, what allowed it is asked anew."""
        if code in (Rejection.INSUFFICIENT_FUNDS, Rejection.ABOVE_MAXIMUM):
            with self._lock:
                self._rooms.clear()
            self._access.told.forget()

    def set_leverage(self, traded: Traded, leverage: Decimal, *, margin_mode: str, position_side: str) -> None:
        """Sets it where the venue has another one; hedge and isolated have one for each side."""
        side = position_side if self._account.setup().hedge and margin_mode == "isolated" else ""
        wanted = money.plain(leverage) or ""
        what = " ".join(["leverage", traded.inst_id, margin_mode, side]).strip()
        if self._access.told.known(what) == wanted:
            return
        token = self._access.told.begin(what)
        if self._leverage(traded, margin_mode, side) != leverage:
            body = {"instId": traded.inst_id, "lever": wanted, "mgnMode": margin_mode}
            self._client.write("/account/set-leverage", body | ({"posSide": side} if side else {}), "leverage")
        self._access.told.done(what, token, wanted)
        with self._lock:
            for known in [known for known in self._rooms if known[0] == traded.inst_id]:
                del self._rooms[known]

    def _leverage(self, traded: Traded, margin_mode: str, side: str) -> Decimal | None:
        params = {"instId": traded.inst_id, "mgnMode": margin_mode}
        rows = self._client.read("/account/leverage-info", params, "leverage").data
        found = [row for row in rows if not side or row.get("posSide") == side]
        return optional(found[0].get("lever")) if found else None

    def room(self, traded: Traded, *, side: Side, price: Decimal, intended: Intended | None = None) -> Decimal:
        """The most an opening order may have, base units; kept for 20 s less what `sent` was told of.

        What is kept is not believed where it is less than what is intended: what was closed meanwhile, here, by another
        process or by the venue, has made room.
        """
        mode, leverage = self._terms(intended)
        place = (traded.inst_id, side, mode, leverage)
        with self._lock:
            kept = self._rooms.get(place)
        fresh = kept is not None and time.monotonic() - kept.at < ROOM_SECONDS
        if kept is not None and fresh and (intended is None or kept.left >= intended.quantity):
            return kept.left
        if traded.spot:
            found = self._spot_room(traded, side, price)
        else:
            found = self._contract_room(traded, side, mode, leverage)
        with self._lock:
            self._rooms[place] = _Room(time.monotonic(), found)
        return found

    def _terms(self, intended: Intended | OrderRequest | None) -> tuple[str, Decimal | None]:
        """Margin mode and leverage as the order will have them."""
        mode, leverage = ("", None) if intended is None else (intended.margin_mode, intended.leverage)
        return mode or self._access.margin_mode, leverage or self._access.leverage

    def sent(self, traded: Traded, request: OrderRequest) -> None:
        """So much less is left of the same side and terms; what others have is not known.

        What a close frees is not counted: less than there is does no harm, since `room` asks anew before it refuses,
        and asking after each close would wait for the venue's limit.
        """
        if request.closes:
            return
        mode, leverage = self._terms(request)
        place = (traded.inst_id, request.side, mode, leverage)
        with self._lock:
            kept = self._rooms.get(place)
            left = Decimal(0) if kept is None else kept.left - request.quantity
            for known in [known for known in self._rooms if known[:2] == place[:2] and known != place]:
                del self._rooms[known]
            if kept is not None and left > 0:
                kept.left = left
            else:
                self._rooms.pop(place, None)

    def _contract_room(self, traded: Traded, side: Side, mode: str, leverage: Decimal | None) -> Decimal:
        # Where it will be set; else the venue's own.
        params = {"instId": traded.inst_id, "tdMode": mode, "leverage": money.plain(leverage) or ""}
        row = self._client.read("/account/max-size", params, "max_size").first()
        return traded.base(row["maxBuy" if side is Side.BUY else "maxSell"])

    def _spot_room(self, traded: Traded, side: Side, price: Decimal) -> Decimal:
        """«Get maximum available tradable amount»: a buy's in the quote currency, a sell's in coins."""
        params = {"instId": traded.inst_id, "tdMode": self._account.setup().td_mode(traded, self._access.margin_mode)}
        row = self._client.read("/account/max-avail-size", params, "max_size").first()
        if side is Side.SELL:
            return amount(row["availSell"])
        return EXACT.divide(amount(row["availBuy"]), price) if price > 0 else Decimal(0)
