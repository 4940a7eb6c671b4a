"""What a key may do, at the exchanges that tell; at the others only that it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from accounts.brokers.base import BrokerError, KeyFacts

from .venue import Venue


def facts(venue: Venue, *, position_mode: str) -> KeyFacts:
    """Raises BrokerRejected(`bad_key` …) for a key that the venue does not take."""
    reader = _READERS.get(venue.name)
    found = KeyFacts(read=True, notes=(f"{venue.name} does not tell through ccxt what the key may do",))
    if reader is None:
        venue.read(venue.exchange.fetch_balance, "balance")
    else:
        found = reader(venue)
    return replace(found, position_mode=position_mode)


def _binance(venue: Venue) -> KeyFacts:
    """`GET /sapi/v1/account/apiRestrictions`; the test environments have no /sapi, and cannot withdraw."""
    if venue.access.sandbox:
        venue.read(venue.exchange.fetch_balance, "balance")
        return KeyFacts(read=True, trade=True, withdraw=False, notes=("a key of the test environment",))
    said = venue.read(venue.exchange.sapi_get_account_apirestrictions, "call:key")
    trades = "enableSpotAndMarginTrading" if venue.access.market == "spot" else "enableFutures"
    return KeyFacts(
        read=_yes(said, "enableReading"),
        trade=_yes(said, trades),
        withdraw=_yes(said, "enableWithdrawals"),
        ip_bound=_yes(said, "ipRestrict"),
    )


def _bybit(venue: Venue) -> KeyFacts:
    """`GET /v5/user/query-api`: lists of rights by area, `ips` is `*` for any address."""
    said = venue.read(venue.exchange.private_get_v5_user_query_api, "call:key").get("result") or {}
    rights = said.get("permissions") or {}
    area = "Spot" if venue.access.market == "spot" else "ContractTrade"
    writes = str(said.get("readOnly")) == "0"
    return KeyFacts(
        read=True,
        trade=writes and bool(rights.get(area)),
        withdraw="Withdraw" in (rights.get("Wallet") or ()),
        ip_bound=bool(said.get("ips")) and "*" not in said["ips"],
        account=str(said.get("userID") or ""),
    )


def _okx(venue: Venue) -> KeyFacts:
    """`GET /api/v5/account/config`: `perm` is a list such as `read_only,trade`; `ip` empty = any address."""
    said = (venue.read(venue.exchange.private_get_account_config, "config").get("data") or [{}])[0]
    rights = str(said.get("perm") or "").split(",")
    return KeyFacts(
        read=True,
        trade="trade" in rights,
        withdraw="withdraw" in rights,
        ip_bound=bool(said.get("ip")),
        account=str(said.get("uid") or ""),
    )


def _bitget(venue: Venue) -> KeyFacts:
    """`GET /api/v2/spot/account/info`: `authorities` such as `stow`, `coow` (orders), `wtow` (withdraw)."""
    said = venue.read(venue.exchange.private_spot_get_v2_spot_account_info, "call:key").get("data") or {}
    rights = said.get("authorities") or ()
    trades = "stow" if venue.access.market == "spot" else "coow"
    return KeyFacts(
        read=True,
        trade=trades in rights,
        withdraw="wtow" in rights,
        ip_bound=bool(said.get("ips")),
        account=str(said.get("userId") or ""),
    )


def _yes(said: Mapping[str, Any], name: str) -> bool | None:
    value = said.get(name)
    return None if value is None else str(value).lower() == "true"


_READERS: dict[str, Callable[[Venue], KeyFacts]] = {
    "binance": _binance,
    "binanceusdm": _binance,
    "bybit": _bybit,
    "bybiteu": _bybit,
    "bybitid": _bybit,
    "okx": _okx,
    "okxus": _okx,
    "myokx": _okx,
    "bitget": _bitget,
}


def position_mode(venue: Venue, symbol: str = "") -> str:
    """`one_way` or `hedge`; empty where the exchange does not tell."""
    if venue.access.market == "spot":
        return ""
    exchange = venue.exchange
    if exchange.has.get("fetchPositionMode") is True:
        said = venue.read(lambda: exchange.fetch_position_mode(symbol or None), "config")
        return "hedge" if said.get("hedged") else "one_way"
    try:
        listed = venue.read(lambda: exchange.fetch_positions([symbol] if symbol else None), "positions")
    except BrokerError:
        return ""
    marks = [str((item.get("info") or {}).get("positionIdx", "")) for item in listed]
    if any(mark in ("1", "2") for mark in marks) or any(item.get("hedged") for item in listed):
        return "hedge"
    return "one_way" if "0" in marks else ""
