"""OKX signal bot, alert message 2.0 (okx.com/help/signal-bot-alert-message-specifications).

Section A comes from Pine strategies (`buy`, `sell`, `marketPosition`), section B from anything (`ENTER_LONG` …).
"""

from __future__ import annotations

from typing import Any

from tradeops.core.errors import InvalidPayload

from . import reshape

_ENTRIES_AND_EXITS = {
    "enter_long": {"action": "buy", "direction": "long"},
    "exit_long": {"action": "close", "direction": "long"},
    "enter_short": {"action": "sell", "direction": "short"},
    "exit_short": {"action": "close", "direction": "short"},
}
_ACTIONS = {**_ENTRIES_AND_EXITS, "buy": {"action": "buy"}, "sell": {"action": "sell"}}
_NAMES = {
    "instrument": "symbol",
    "marketPosition": "market_position",
    "prevMarketPosition": "prev_market_position",
    "orderType": "order_type",
    # {{strategy.order.id}} is the order's name in the script, the same each time: no key to tell copies by.
    "id": "strategy_order_id",
}
_SIZES = {"base": "quantity", "contract": "quantity"}
_OTHER_SIZES = ("margin", "percentage_balance", "percentage_investment")


def claims(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    action = content.get("action")
    named = isinstance(action, str) and action.strip().lower() in _ENTRIES_AND_EXITS and "instrument" in content
    return "signalToken" in content or named or content.keys() >= {"instrument", "marketPosition"}


def fields(content: dict[str, Any]) -> dict[str, Any]:
    found = reshape.renamed(content, _NAMES)
    action = reshape.word(content, "action", _ACTIONS)
    found.update(_ACTIONS.get(action, {}))
    reshape.refuse(
        content, "orderPriceOffset", "a limit price that follows the market is not supported", harmless=("0", 0)
    )
    if action.startswith("exit"):
        _check_whole(content)
    else:
        _size(content, found)
    return found


def _check_whole(content: dict[str, Any]) -> None:
    """An exit closes all of its side; OKX's default is the same."""
    reshape.word(content, "investmentType", {"percentage_position": None})
    amount = content.get("amount")
    if amount not in (None, "") and not (content.get("investmentType") and reshape.is_number(amount, 100)):
        raise InvalidPayload("an exit closes the whole position here; a part of it is not supported", field="amount")


def _size(content: dict[str, Any], found: dict[str, Any]) -> None:
    kind = reshape.word(content, "investmentType", dict.fromkeys([*_SIZES, *_OTHER_SIZES]))
    if kind in _SIZES:
        found[_SIZES[kind]] = found.pop("amount", None)
