"""A message's fields under the names and types of I3 → `Alert`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from signals.receive import Alert
from signals.strategies.heartbeat import HEARTBEAT  # an action of its own kind (I13)
from tradeops.core.errors import InvalidPayload

from . import readers, strict_json
from .readers import Reader

ACTIONS = ("buy", "sell", "close", "exit", "reverse", "cancel", "flat")
SIDES = ("long", "short", "flat")
DIRECTIONS = ("long", "short", "call", "put")


@dataclass(frozen=True)
class Field:
    """One field of I3: its name for senders, its other names, how it is read, its name in `Alert`."""

    name: str
    read: Reader
    aliases: tuple[str, ...] = ()
    attribute: str = ""


FIELDS = (
    Field("symbol", readers.text(60, upper=True), ("ticker", "instrument")),
    Field("action", readers.choice(*ACTIONS, HEARTBEAT)),
    Field("direction", readers.choice(*DIRECTIONS)),
    Field("market_position", readers.choice(*SIDES)),
    Field("market_position_size", readers.not_negative),
    Field("prev_market_position", readers.choice(*SIDES)),
    Field("strategy", readers.text(60)),
    Field("market", readers.choice("spot", "swap", "futures", "option"), ("type",)),
    Field("timeframe", readers.text(20, numbers=True), ("interval",)),
    Field("timestamp", readers.moment, ("timenow",), "sent_at"),
    Field("bar_time", readers.text(40, numbers=True), ("time",)),
    Field("id", readers.text(200, numbers=True), (), "sender_id"),
    Field("order_type", readers.choice("market", "limit", "stop", "stop_limit")),
    Field("price", readers.amount),
    Field("stop_price", readers.amount),
    Field("time_in_force", readers.choice("gtc", "ioc", "fok")),
    Field("post_only", readers.flag),
    Field("quantity", readers.amount, ("qty", "contracts", "size")),
    Field("quote_amount", readers.amount),
    Field("percent", readers.percentage),
    Field("leverage", readers.amount),
    Field("margin_mode", readers.choice("cross", "isolated")),
    Field("stop_loss", readers.level, ("sl",)),
    Field("take_profit", readers.targets, ("tp",)),
    Field("trailing_stop", readers.level),
    Field("reduce_only", readers.flag),
    Field("strike", readers.amount),
    Field("expiration", readers.day),
    Field("confidence", readers.not_negative),
    Field("dryRun", readers.flag, ("dry_run",), "dry_run"),
    Field("comment", readers.text(1000, template=True)),
)
BY_NAME: Mapping[str, Field] = {name: item for item in FIELDS for name in (item.name, *item.aliases)}


def alert(fields: Mapping[str, Any], *, require: Iterable[str] = (), signed_id: str = "") -> Alert:
    """The alert that `fields` describe; a null or empty value is not given. `require` holds names of I3.

    `signed_id`, of a Standard Webhooks message, is its id in place of the body's, which is kept among the unknown.
    Raises InvalidPayload naming the field as the sender wrote it.
    """
    given: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        known = BY_NAME.get(name)
        if known is None:
            extra[name] = strict_json.storable(value, field=name)
        elif value not in (None, "") and not (isinstance(value, str) and not value.strip()):
            _put(given, known, name, value)
    if signed_id:
        extra.update({"id": given["sender_id"]} if given.get("sender_id", signed_id) != signed_id else {})
        given["sender_id"] = signed_id
    _check_whole(given, extra, require)
    return Alert(**given, extra=extra)


def _put(given: dict[str, Any], known: Field, name: str, value: Any) -> None:
    try:
        found = known.read(value)
    except ValueError as error:
        raise InvalidPayload(readers.PLACEHOLDER if readers.is_template(value) else str(error), field=name) from None
    attribute = known.attribute or known.name
    if given.setdefault(attribute, found) != found:
        raise InvalidPayload(f"contradicts another field: it is another name for {known.name}", field=name)


def _check_whole(given: Mapping[str, Any], extra: Mapping[str, Any], require: Iterable[str]) -> None:
    if "symbol" not in given:
        raise InvalidPayload("is missing: say what to trade", field="symbol")
    if not given.keys() & {"action", "direction", "market_position"}:
        raise InvalidPayload("is missing: one of action, direction or market_position is needed", field="action")
    if given.get("action") == HEARTBEAT and "market_position" not in given:
        raise InvalidPayload("is missing: a heartbeat says long, short or flat", field="market_position")
    for name in require:
        known = BY_NAME.get(name)
        attribute = (known.attribute or known.name) if known else name
        if attribute not in given and extra.get(name) in (None, ""):
            raise InvalidPayload("is missing: this source requires it", field=name)
