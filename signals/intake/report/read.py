"""From a report's body to its facts. Amounts are in base units and exact, as everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from accounts.brokers.base import FillReport
from signals.intake import readers, strict_json
from signals.models import BridgeReport
from tradeops.core.errors import InvalidPayload
from tradeops.core.money import ZERO

MAX_FILLS = 200
Status = BridgeReport.Status
_TRADED = (Status.FILLED, Status.PARTIALLY_FILLED)


@dataclass(frozen=True, kw_only=True)
class Report:
    """`order` is the id under which it was delivered; `digest` is that of the same facts, sent at whatever time."""

    id: str
    sent_at: datetime | None
    order: str
    status: BridgeReport.Status
    symbol: str
    side: str
    quantity: Decimal | None
    filled_quantity: Decimal | None
    price: Decimal | None
    fills: tuple[FillReport, ...]
    code: str
    message: str
    digest: str


def content(body: bytes) -> dict[str, Any]:
    """Raises InvalidPayload."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidPayload("the body is not UTF-8 text") from None
    found = strict_json.loads(text)
    if not isinstance(found, dict):
        raise InvalidPayload("must be a JSON object")
    return found


def report(given: Mapping[str, Any], *, now: datetime) -> Report:
    """`now` is the time of a fill that has none. Raises InvalidPayload naming the field."""
    error = given.get("error") or {}
    if not isinstance(error, Mapping):
        raise InvalidPayload("must be an object with code and message", field="error")
    sent_at = _optional(given, "timestamp", readers.moment)
    status = Status(_required(given, "status", readers.choice(*Status.values)))
    fills = _fills(given.get("fills") or [], at=sent_at or now)
    filled, price = _optional(given, "filled_quantity", readers.not_negative), _optional(given, "price", readers.amount)
    if status in _TRADED and not fills and (not filled or price is None):
        raise InvalidPayload("are missing: say what was traded, each with its trade_id", field="fills")
    return Report(
        id=_optional(given, "id", readers.text(100, numbers=True)) or "",
        sent_at=sent_at,
        order=_required(given, "order", readers.text(36)),
        status=status,
        symbol=_optional(given, "symbol", readers.text(60)) or "",
        side=_optional(given, "side", readers.choice("buy", "sell")) or "",
        quantity=_optional(given, "quantity", readers.amount),
        filled_quantity=filled if filled is not None else _sum(fills),
        price=price if price is not None else _average(fills),
        fills=fills,
        code=_optional(error, "code", readers.text(40, numbers=True), within="error") or "",
        message=_optional(error, "message", readers.text(300), within="error") or "",
        digest=hashlib.sha256(
            strict_json.canonical({name: value for name, value in given.items() if name not in ("id", "timestamp")})
        ).hexdigest(),
    )


def _fills(items: Any, *, at: datetime) -> tuple[FillReport, ...]:
    if not isinstance(items, list) or len(items) > MAX_FILLS:
        raise InvalidPayload(f"must be a list of at most {MAX_FILLS} fills", field="fills")
    found = tuple(_fill(item, f"fills[{number}]", at=at) for number, item in enumerate(items))
    if len({fill.trade_id for fill in found}) != len(found):
        raise InvalidPayload("name a trade_id twice; which one counts would be a guess", field="fills")
    return found


def _fill(item: Any, where: str, *, at: datetime) -> FillReport:
    if not isinstance(item, Mapping):
        raise InvalidPayload("must be an object", field=where)
    return FillReport(
        trade_id=_required(item, "trade_id", readers.text(80, numbers=True), within=where),
        quantity=_required(item, "quantity", readers.amount, within=where),
        price=_required(item, "price", readers.amount, within=where),
        fee=_optional(item, "fee", readers.number, within=where) or ZERO,
        fee_currency=_optional(item, "fee_currency", readers.text(12, upper=True), within=where) or "",
        at=_optional(item, "at", readers.moment, within=where) or at,
    )


def _required(given: Mapping[str, Any], name: str, read: Callable[[Any], Any], *, within: str = "") -> Any:
    found = _optional(given, name, read, within=within)
    if found is None:
        raise InvalidPayload("is missing", field=f"{within}.{name}" if within else name)
    return found


def _optional(given: Mapping[str, Any], name: str, read: Callable[[Any], Any], *, within: str = "") -> Any:
    """None for what is absent, null or empty."""
    value = given.get(name)
    if value in (None, ""):
        return None
    try:
        return read(value)
    except ValueError as error:
        raise InvalidPayload(str(error), field=f"{within}.{name}" if within else name) from None


def _sum(fills: tuple[FillReport, ...]) -> Decimal | None:
    return sum((fill.quantity for fill in fills), ZERO) if fills else None


def _average(fills: tuple[FillReport, ...]) -> Decimal | None:
    """For people; positions count each fill's own price."""
    total = _sum(fills)
    if not total:
        return None
    return (sum((fill.quantity * fill.price for fill in fills), ZERO) / total).quantize(
        Decimal("1E-8"), rounding=ROUND_HALF_EVEN
    )
