"""3Commas DCA bot (`"message_type": "bot"`, "Start deal" and "Close deal" messages).

A start message does not say whether it opens a long or a short: 3Commas knows that from the bot. Here the message has
to say it, in a field that 3Commas does not read: `"direction": "long"` or `"short"`.
"""

from __future__ import annotations

from typing import Any

from tradeops.core.errors import InvalidPayload

from . import reshape

_ACTIONS = {
    "close_at_market_price": "close",
    "close_at_market_price_all": "close",
    "cancel_deal": "cancel",
    "cancel_all_deals": "cancel",
    "start_bot_and_start_deal": "",
}
_ENTRIES = {"long": "buy", "short": "sell"}
# 3Commas writes quote first, USDT_BTC; it is mapped under that name, not turned into another.
_NAMES = {"pair": "symbol"}


def claims(content: Any) -> bool:
    return isinstance(content, dict) and (
        content.get("message_type") == "bot" or content.keys() >= {"bot_id", "email_token"}
    )


def fields(content: dict[str, Any]) -> dict[str, Any]:
    found = reshape.renamed(content, _NAMES)
    reshape.refuse(content, "message_type", "must be bot", harmless=("bot",))
    if not _is_zero(content.get("delay_seconds")):
        raise InvalidPayload("a delay is not supported: it trades at once or not at all", field="delay_seconds")
    if (
        content.get("pair") in (None, "")
        and content.get("symbol") in (None, "")
        and content.get("ticker") in (None, "")
    ):
        raise InvalidPayload("is missing: a bot's own pairs are not known here", field="pair")
    action = _ACTIONS.get(reshape.word(content, "action", _ACTIONS), "")
    direction = reshape.word(content, "direction", _ENTRIES)
    if not action and not direction:
        raise InvalidPayload(
            "is missing: whether the bot is long or short is not known here; add direction to the message",
            field="direction",
        )
    found["action"] = action or _ENTRIES[direction]
    return found


def _is_zero(value: Any) -> bool:
    return value in (None, "") or reshape.is_number(value, 0)
