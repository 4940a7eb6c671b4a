"""TradersPost (docs.traderspost.io, "Signal Message Reference")."""

from __future__ import annotations

from typing import Any

from signals.intake import readers
from tradeops.core import money
from tradeops.core.errors import InvalidPayload

from . import reshape

# What only its messages have; without any of it, a message is read as the portal's own.
_OWN = frozenset({
    "sentiment", "quantityType", "signalPrice", "orderType", "limitPrice", "stopPrice", "stopLoss", "takeProfit",
    "trailPrice", "trailPercent", "optionType", "intrinsicValue", "strikePrice", "strikesAway", "strikeCount", "extras",
})  # fmt: skip
_ACTIONS = {"buy": "buy", "sell": "sell", "exit": "exit", "cancel": "cancel", "add": ""}
_SENTIMENTS = {"bullish": "long", "long": "long", "bearish": "short", "short": "short", "flat": "flat"}
_AGAINST = {("sell", "long"), ("buy", "short")}
_SIZES = {"fixed_quantity": "quantity", "dollar_amount": "quote_amount", "percent_of_equity": "percent"}
_OTHER_SIZES = ("risk_dollar_amount", "risk_percent", "percent_of_position")
_NAMES = {"time": "timestamp", "strikePrice": "strike", "orderType": "order_type"}
_UNKNOWN_HERE = ("intrinsicValue", "strikesAway", "strikeCount", "trailPrice", "trailAmount", "trailPercent")


def claims(content: Any) -> bool:
    if not isinstance(content, dict) or "ticker" not in content:
        return False
    return not _OWN.isdisjoint(content) or content.get("action") == "add"


def fields(content: dict[str, Any]) -> dict[str, Any]:
    for name in _UNKNOWN_HERE:
        reshape.refuse(content, name, "is not supported: it would depend on the market at the time")
    reshape.refuse(content, "delay", "a delay is not supported: it trades at once or not at all", harmless=(0, "0"))
    reshape.refuse(content, "test", "a test is a dry run here: send dryRun", harmless=(False, "false"))
    found = reshape.renamed(content, _NAMES)
    action, target = _meaning(content)
    found["action"] = action
    found.pop("sentiment", None)
    if target:
        found["market_position"] = target
    _size(content, found, whole=target == "flat")
    _price(content, found)
    _protection(content, found)
    _option(content, found)
    return found


def _meaning(content: dict[str, Any]) -> tuple[str, str]:
    """Our action and, with a sentiment, the position to be in."""
    action = reshape.word(content, "action", _ACTIONS)
    if action == "add":
        raise InvalidPayload(
            "add is only for an open position, which cannot be promised: send buy or sell", field="action"
        )
    target = _SENTIMENTS.get(reshape.word(content, "sentiment", _SENTIMENTS), "")
    if (action, target) in _AGAINST:
        raise InvalidPayload(
            f"{action} to stay {target} trades a part of the position: not supported", field="sentiment"
        )
    if action == "exit" and target not in ("", "flat"):
        raise InvalidPayload(f"an exit does not end in {target}", field="sentiment")
    return action, target


def _size(content: dict[str, Any], found: dict[str, Any], *, whole: bool) -> None:
    kind = reshape.word(content, "quantityType", dict.fromkeys([*_SIZES, *_OTHER_SIZES])) or "fixed_quantity"
    quantity = found.pop("quantity", None)
    if quantity in (None, ""):
        return
    if (
        found["action"] == "exit"
        and not whole
        and not (kind == "percent_of_position" and reshape.is_number(quantity, 100))
    ):
        raise InvalidPayload(
            "an exit closes the whole position here; say sentiment flat, or leave the quantity out", field="quantity"
        )
    found[_SIZES.get(kind, "theirQuantity")] = quantity
    if kind in _SIZES:
        found.pop("quantityType", None)


def _price(content: dict[str, Any], found: dict[str, Any]) -> None:
    """A limit or stop order's own price, else the market's at the time of the signal."""
    found.pop("limitPrice", None)
    found.pop("stopPrice", None)
    prices = [(name, content[name]) for name in ("limitPrice", "stopPrice") if content.get(name) not in (None, "")]
    if len(prices) > 1:
        raise InvalidPayload("an order with a limit and a stop price is not supported", field="stopPrice")
    wanted = {"limitPrice": "limit", "stopPrice": "stop"}
    if prices:
        name, price = prices[0]
        if found.setdefault("order_type", wanted[name]) != wanted[name]:
            raise InvalidPayload(f"belongs to an order of the type {wanted[name]}", field=name)
        found["price"] = price
    elif content.get("signalPrice") not in (None, ""):
        if content.get("price") not in (None, "", content["signalPrice"]):
            raise InvalidPayload("contradicts price", field="signalPrice")
        found["price"] = found.pop("signalPrice")


def _protection(content: dict[str, Any], found: dict[str, Any]) -> None:
    stop, target = _part(content, "stopLoss"), _part(content, "takeProfit")
    trailing = stop.get("type") == "trailing_stop"
    level = _level(stop, "stopLoss", price="stopPrice", percent="trailPercent" if trailing else "percent")
    if level is not None:
        found["trailing_stop" if trailing else "stop_loss"] = level
    level = _level(target, "takeProfit", price="limitPrice", percent="percent")
    if level is not None:
        found["take_profit"] = level
    found.pop("stopLoss", None)
    found.pop("takeProfit", None)


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    if part is not None and not isinstance(part, dict):
        raise InvalidPayload("must be an object", field=name)
    return part or {}


def _level(part: dict[str, Any], name: str, *, price: str, percent: str) -> Any:
    """`{"percent": 5}` → "5%", `{"limitPrice": 150}` → 150. Other distances cannot be said here."""
    given = {key: value for key, value in part.items() if value not in (None, "")}
    kind = given.pop("type", "stop")
    if not given:
        return None
    if len(given) > 1 or given.keys() - {price, percent} or kind not in ("stop", "trailing_stop"):
        raise InvalidPayload(f"must have {price} or {percent} and nothing else", field=name)
    value = given.get(price)
    try:
        return f"{money.plain(readers.amount(given[percent]))}%" if value is None else value
    except ValueError as error:
        raise InvalidPayload(f"{percent} {error}", field=name) from None


def _option(content: dict[str, Any], found: dict[str, Any]) -> None:
    kind = reshape.word(content, "optionType", {"call": None, "put": None})
    found.pop("optionType", None)
    if kind:
        found["direction"], found["market"] = kind, "option"
