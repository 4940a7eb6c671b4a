"""One reader for each kind of value: what a sender wrote → what the portal trades on, or a reason why not.

Each takes a decoded JSON value (numbers exact, never None or "") and raises ValueError with a sentence that
does not repeat the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tradeops.core import money

Reader = Callable[[Any], Any]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138
_HUNDRED = Decimal(100)
MAX_TARGETS = 20


PLACEHOLDER = "holds a {{placeholder}} that TradingView did not fill in; {{strategy.…}} is for strategies' alerts only"


def is_template(value: Any) -> bool:
    """Whether a text still has what TradingView should have replaced."""
    return isinstance(value, str) and "{{" in value and "}}" in value.partition("{{")[2]


def text(limit: int, *, numbers: bool = False, upper: bool = False, template: bool = False) -> Reader:
    """A line of at most `limit` characters; with `numbers`, a JSON whole number is its digits; with `template`, what
    TradingView did not fill in is text like any other."""

    def read(value: Any) -> str:
        if numbers and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError("must be text")
        if not template and is_template(value):
            raise ValueError(PLACEHOLDER)
        value = " ".join(value.split())
        if len(value) > limit:
            raise ValueError(f"may have {limit} characters")
        if not value.isprintable():
            raise ValueError("holds control characters")
        return value.upper() if upper else value

    return read


def choice(*words: str) -> Reader:
    """One of `words`, in any case; `stop-limit` and `stop limit` are `stop_limit`."""

    def read(value: Any) -> str:
        word = value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else None
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return read


def number(value: Any) -> Decimal:
    """A JSON number or the text of one, exact."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.match(value):
            raise ValueError("must be a number")
    elif isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("must be a number")
    return money.exact(value)


def amount(value: Any) -> Decimal:
    found = number(value)
    if found <= 0:
        raise ValueError("must be greater than 0")
    return found


def not_negative(value: Any) -> Decimal:
    found = number(value)
    if found < 0:
        raise ValueError("must not be negative")
    return found


def percentage(value: Any) -> Decimal:
    """`50` or `"50%"`."""
    return amount(value.strip().removesuffix("%") if isinstance(value, str) else value)


def flag(value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if word is True or word in ("true", "1"):
        return True
    if word is False or word in ("false", "0"):
        return False
    raise ValueError("must be true or false")


def moment(value: Any) -> datetime:
    """ISO 8601 (without an offset: UTC), or seconds or milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError(_NO_TIME)
    try:
        if isinstance(value, str) and not _NUMBER.match(value.strip()):
            found = datetime.fromisoformat(value.strip())
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        else:
            since = number(value)
            found = datetime.fromtimestamp(float(since / 1000 if since >= _MILLISECONDS_FROM else since), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(_NO_TIME) from None
    if not _EARLIEST <= found <= _LATEST:
        raise ValueError("is not a time between the years 2000 and 2100")
    return found


def day(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError("must be a date such as 2026-12-18") from None


def level(value: Any) -> str:
    """A price, or a distance such as `2%`; as text."""
    share = isinstance(value, str) and value.strip().endswith("%")
    return f"{money.plain(percentage(value) if share else amount(value))}{'%' if share else ''}"


def targets(value: Any) -> list[dict[str, str]]:
    """`[{"at": level, "share": "50%"}]` from a level, a list of levels, or a list of `{"at", "share"}` objects.

    `price` is another name for `at`, and `ratio` for `share`: 0.5 = "50%". Without a share there is none.
    """
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_TARGETS:
        raise ValueError(f"may have {MAX_TARGETS} levels")
    found = [_target(item) for item in items]
    shares = [Decimal(item["share"].removesuffix("%")) for item in found if "share" in item]
    if sum(shares) > _HUNDRED:
        raise ValueError("has shares of more than 100% together")
    return found


def _target(item: Any) -> dict[str, str]:
    if not isinstance(item, dict):
        return {"at": level(item)}
    at = item.get("at", item.get("price"))
    if at is None or item.keys() - {"at", "price", "share", "ratio"}:
        raise ValueError('must be a level, or objects such as {"at": "3%", "share": "50%"}')
    share = item.get("share", item.get("ratio"))
    return {"at": level(at)} if share is None else {"at": level(at), "share": _share(share)}


def _share(value: Any) -> str:
    percents = isinstance(value, str) and value.strip().endswith("%")
    percent = percentage(value) if percents else amount(value) * 100
    if percent > _HUNDRED:
        raise ValueError("has a share of more than 100%")
    return f"{money.plain(percent)}%"


_NO_TIME = "must be a time: ISO 8601, or seconds or milliseconds since 1970"
