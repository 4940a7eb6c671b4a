"""Which fields a request may have (docs-v5, the parameter tables): another is refused, and so is a wrong form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from .wire import Refusal

AMOUNT = re.compile(r"\d{1,20}(\.\d{1,18})?\Z")
SIGNED_AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,18})?\Z")
CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
TAG = re.compile(r"[A-Za-z0-9]{0,16}\Z")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLACE = _names(
    "instId tdMode ccy clOrdId tag side posSide ordType sz px reduceOnly tgtCcy banAmend stpMode tradeQuoteCcy"
    " attachAlgoOrds"
)
ATTACHED = _names(
    "attachAlgoClOrdId tpTriggerPx tpOrdPx tpOrdKind slTriggerPx slOrdPx tpTriggerPxType slTriggerPxType sz"
    " amendPxOnTriggerType"
)
CANCEL = frozenset({"instId", "ordId", "clOrdId"})
ALGO = _names(
    "instId tdMode ccy side posSide ordType sz tag tgtCcy algoClOrdId closeFraction tpTriggerPx tpTriggerPxType tpOrdPx"
    " tpOrdKind slTriggerPx slTriggerPxType slOrdPx cxlOnClosePos reduceOnly triggerPx orderPx triggerPxType"
    " callbackRatio callbackSpread activePx attachAlgoOrds tradeQuoteCcy"
)
CANCEL_ALGO = frozenset({"instId", "algoId", "algoClOrdId"})
CLOSE = frozenset({"instId", "posSide", "mgnMode", "ccy", "autoCxl", "clOrdId", "tag"})
LEVERAGE = frozenset({"instId", "ccy", "lever", "mgnMode", "posSide"})
PAGE = frozenset({"after", "before", "begin", "end", "limit"})
ONE_ORDER = frozenset({"instId", "ordId", "clOrdId"})
WHICH = frozenset({"instType", "uly", "instFamily", "instId"})
BOOLEANS = frozenset({"reduceOnly", "banAmend", "cxlOnClosePos", "autoCxl"})
LISTS = frozenset({"attachAlgoOrds"})


def only(given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Raises Refusal 51000 naming the first field that does not belong there, or is not of its JSON type."""
    known = frozenset(allowed)
    for name, value in given.items():
        if name not in known or not _typed(name, value):
            raise Refusal("51000", name)


def _typed(name: str, value: Any) -> bool:
    if name in LISTS:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    if name in BOOLEANS:
        return isinstance(value, bool) or value in ("true", "false")
    return isinstance(value, str)


def needed(given: Mapping[str, Any], name: str) -> str:
    """Raises Refusal 50014."""
    value = given.get(name, "")
    if value == "":
        raise Refusal("50014", name)
    return str(value)


def one_of(given: Mapping[str, Any], name: str, allowed: Iterable[str], default: str | None = None) -> str:
    """Raises Refusal: 50014 if it is missing and has no default, 51000 if it is none of `allowed`."""
    value = needed(given, name) if default is None else str(given.get(name) or default)
    if value not in allowed:
        raise Refusal("51000", name)
    return value


def amount(given: Mapping[str, Any], name: str) -> Decimal:
    """A positive decimal as OKX reads it: no sign, no exponent. Raises Refusal."""
    value = needed(given, name)
    if not AMOUNT.match(value) or Decimal(value) <= 0:
        raise Refusal("51000", name)
    return Decimal(value)


def flag(given: Mapping[str, Any], name: str) -> bool:
    return given.get(name) in (True, "true")


def client_id(given: Mapping[str, Any], name: str = "clOrdId") -> str:
    """1 to 32 letters and digits, or nothing. Raises Refusal."""
    value = str(given.get(name, ""))
    if name in given and not CLIENT_ID.match(value):
        raise Refusal("51000", name)
    return value
