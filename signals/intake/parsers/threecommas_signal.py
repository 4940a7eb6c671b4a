"""3Commas signal bot (help.3commas.io, articles 8894481 "custom signal" and 9374557 "strategy")."""

from __future__ import annotations

from typing import Any

from tradeops.core.errors import InvalidPayload

from . import reshape

_ACTIONS = {
    "enter_long": {"action": "buy", "direction": "long"},
    "exit_long": {"action": "close", "direction": "long"},
    "enter_short": {"action": "sell", "direction": "short"},
    "exit_short": {"action": "close", "direction": "short"},
    "buy": {"action": "buy"},  # of a strategy, with strategy_info
    "sell": {"action": "sell"},
}
_NAMES = {"trigger_price": "price"}
_ORDER = {"order_type": "order_type", "price": "price"}
_SIZES = {"base": "quantity", "quote": "quote_amount"}
_INFO = ("market_position", "market_position_size", "prev_market_position")


def claims(content: Any) -> bool:
    return isinstance(content, dict) and ("bot_uuid" in content or "tv_instrument" in content)


def fields(content: dict[str, Any]) -> dict[str, Any]:
    order, info = _part(content, "order"), _part(content, "strategy_info")
    found = reshape.renamed(content, _NAMES)
    action = reshape.word(content, "action", _ACTIONS)
    found.update(_ACTIONS.get(action, {}))
    found.update(_symbol(content))
    found.update({name: info[name] for name in _INFO if name in info})
    if info.get("market_position") in (None, "") and action in ("buy", "sell"):
        raise InvalidPayload("is missing: without it, buy and sell of a strategy could open or close", field="action")
    if action.startswith("exit"):
        _check_whole(order)
    else:
        found.update(_order(order))
    return found


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    if part is not None and not isinstance(part, dict):
        raise InvalidPayload("must be an object", field=name)
    return part or {}


def _symbol(content: dict[str, Any]) -> dict[str, str]:
    """`BINANCE:BTCUSDT`, as TradingView itself writes it; a mapping of `BTCUSDT` alone serves as well."""
    parts = [content.get("tv_exchange"), content.get("tv_instrument")]
    for name, part in zip(("tv_exchange", "tv_instrument"), parts, strict=True):
        if part is not None and not isinstance(part, str):
            raise InvalidPayload("must be text", field=name)
    if not parts[1]:
        raise InvalidPayload("is missing: say what to trade", field="tv_instrument")
    return {"symbol": ":".join(part for part in parts if part)}


def _order(order: dict[str, Any]) -> dict[str, Any]:
    try:
        found = {ours: order[name] for name, ours in _ORDER.items() if name in order}
        kind = reshape.word(order, "currency_type", dict.fromkeys([*_SIZES, "margin_percent", "position_percent"]))
    except InvalidPayload as error:
        raise InvalidPayload(f"currency_type {error}", field="order") from None
    if kind in _SIZES:
        found[_SIZES[kind]] = order.get("amount")
    return found


def _check_whole(order: dict[str, Any]) -> None:
    """An exit closes all of its side; 3Commas' default is the same."""
    amount = order.get("amount")
    whole = order.get("currency_type") == "position_percent" and reshape.is_number(amount, 100)
    if amount not in (None, "") and not whole:
        raise InvalidPayload("an exit closes the whole position here; a part of it is not supported", field="order")
