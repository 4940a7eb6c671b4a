"""Exits attached to an entry (`attachAlgoOrds`), and the ids by which a fired one is known again.

OKX arms them when the entry is filled completely, under the `attachAlgoClOrdId` given here, and names that id on the
order that it then sends (documentation, «Place order»). The id holds the entry's whole id, so that no look-up and no
memory is needed to attribute a trade: 32 characters of base32 are 160 bits, which are 27 of base62.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.brokers.base import AttachedExit, BrokerRejected, Cause, OrderRequest, Rejection
from tradeops.core import money

from .client import Item
from .instruments import Traded

MARKET = "-1"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 27
_MARK = "TO"
_KINDS = {"s": Cause.STOP_LOSS, "t": Cause.TAKE_PROFIT, "b": None}  # b: both in one, whichever comes first


@dataclass(frozen=True)
class Parent:
    """The entry that an exit was attached to; `cause` is None where OKX must be asked which side fired."""

    client_order_id: str
    cause: Cause | None


def exit_id(client_order_id: str, kind: str, number: int) -> str:
    """`kind` is s, t or b, `number` below 62. Ids that are not ours are too long to be held; they get none ("")."""
    packed = _packed(client_order_id)
    return f"{_MARK}{kind}{_DIGITS[number]}{packed}" if packed else ""


def parent_of(algo_client_order_id: str) -> Parent | None:
    """Which entry an exit's id was made for; None if `exit_id` did not make it."""
    mark, packed = algo_client_order_id[:2], algo_client_order_id[4:]
    if mark != _MARK or len(packed) != _LENGTH or algo_client_order_id[2:3] not in _KINDS:
        return None
    number = 0
    for digit in packed:
        if digit not in _DIGITS:
            return None
        number = number * 62 + _DIGITS.index(digit)
    if number >= 1 << 160:
        return None
    found = base64.b32encode(number.to_bytes(20, "big")).decode().lower()
    return Parent(found, _KINDS[algo_client_order_id[2]])


def _packed(client_order_id: str) -> str:
    try:
        raw = base64.b32decode(client_order_id.upper())
    except (binascii.Error, ValueError):
        return ""
    if len(raw) != 20 or client_order_id != client_order_id.lower():
        return ""
    number, found = int.from_bytes(raw, "big"), ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        found = _DIGITS[digit] + found
    return found


def check(request: OrderRequest, *, spot: bool) -> None:
    """Raises BrokerRejected(`unsupported`) for exits that OKX would not take, seen from the request alone."""
    why = _unsupported(request, spot=spot) if request.attached else ""
    if why:
        raise _refused(why)


def _unsupported(request: OrderRequest, *, spot: bool) -> str:
    stops, targets = _kinds(request)
    if request.closes:
        return "an order that closes takes no attached exits"
    if len(stops) + len(targets) != len(request.attached):
        return "only a stop loss and take profits can be attached to an order"
    if len(stops) > 1 or any(stop.share != 1 for stop in stops):
        return "OKX takes one attached stop loss, for the whole order"
    if len(targets) > 1:
        return _unsupported_split(targets, spot=spot)
    if targets and targets[0].share != 1:
        return "OKX takes a single attached take profit for the whole order only"
    return ""


def _unsupported_split(targets: Sequence[AttachedExit], *, spot: bool) -> str:
    """«Split TPs»: derivatives only (51077), market only (51082), sizes that sum to the order's (51083)."""
    if spot:
        return "OKX takes several attached take profits on swaps and futures only"
    if any(one.limit is not None for one in targets):
        return "several attached take profits must be market orders"
    if sum(one.share for one in targets) != 1:
        return "the shares of several attached take profits must add up to 1"
    return ""


def _kinds(request: OrderRequest) -> tuple[list[AttachedExit], list[AttachedExit]]:
    stops = [one for one in request.attached if one.kind is Cause.STOP_LOSS]
    return stops, [one for one in request.attached if one.kind is Cause.TAKE_PROFIT]


def bodies(request: OrderRequest, traded: Traded) -> list[Item]:
    """The `attachAlgoOrds` of an entry that `check` has let pass. Raises BrokerRejected for prices and pieces that the
    instrument does not take."""
    stops, targets = _kinds(request)
    if len(targets) > 1:
        return _split(request, traded, stops, targets)
    if not request.attached:
        return []
    kind = "b" if stops and targets else "s" if stops else "t"
    body = _named(request, kind, 0)
    for one in request.attached:
        body |= _leg(one, traded)
    return [body]


def _split(
    request: OrderRequest, traded: Traded, stops: Sequence[AttachedExit], targets: Sequence[AttachedExit]
) -> list[Item]:
    """Each take profit with its own size, the last with what is left."""
    total = money.floor_to(request.quantity, traded.instrument.lot)
    found, left = [], total
    for number, one in enumerate(targets):
        last = number == len(targets) - 1
        size = left if last else money.floor_to(total * one.share, traded.instrument.lot)
        left -= size
        if size < traded.instrument.min_quantity or size <= 0:
            raise _refused("a take profit's share of this order is below the venue's minimum")
        found.append(_named(request, "t", number) | _leg(one, traded) | {"sz": traded.sz(size)})
    return found + [_named(request, "s", len(targets)) | _leg(one, traded) for one in stops]


def _named(request: OrderRequest, kind: str, number: int) -> Item:
    name = exit_id(request.client_order_id, kind, number)
    return {"attachAlgoClOrdId": name} if name else {}


def _leg(one: AttachedExit, traded: Traded) -> Item:
    side = "sl" if one.kind is Cause.STOP_LOSS else "tp"
    return {
        f"{side}TriggerPx": traded.px(one.trigger),
        f"{side}TriggerPxType": "last",
        f"{side}OrdPx": MARKET if one.limit is None else traded.px(one.limit),
    }


def _refused(why: str) -> BrokerRejected:
    return BrokerRejected(why, code=Rejection.UNSUPPORTED)
