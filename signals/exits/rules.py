"""How a position is to be left, as a strategy or a message says it (P2). Pure.

stop_loss: "2%"                                   # of the average entry; a message may give a price
take_profit: [{at: "3%", share: "50%"}, {at: "6%"}]
trailing_stop: "1%"                               # or {distance: "1%", from: "2%"}: armed once so far in profit
break_even: "2%"                                  # or {at: "2%", to: "0.1%"}: the stop goes to the entry (+ 0.1 %)
time_stop: "4h"                                   # s, m, h or d since the entry
session_close: XNYS                               # or {calendar: XNYS, before: "5m"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tradeops.core import money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import EXACT, ZERO

NAMES = ("stop_loss", "take_profit", "trailing_stop", "break_even", "time_stop", "session_close")
MOST_TARGETS = 10
_WHOLE = Decimal(100)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=365)


@dataclass(frozen=True)
class Level:
    """A price in quote per base, or a distance from the entry in percent of it."""

    value: Decimal
    percent: bool

    def price(self, entry: Decimal, sign: int) -> Decimal:
        """`sign` is 1 above the entry, -1 below it."""
        if not self.percent:
            return self.value
        return money.kept(EXACT.divide(EXACT.multiply(entry, _WHOLE + sign * self.value), _WHOLE))


@dataclass(frozen=True)
class Target:
    """`share` of what was filled, 0 to 1."""

    at: Level
    share: Decimal


@dataclass(frozen=True, kw_only=True)
class Rules:
    """None, or empty, is: not wanted."""

    stop_loss: Level | None = None
    take_profit: tuple[Target, ...] = ()
    trailing: Level | None = None  # a distance: percent of the price, or so much in quote currency
    trailing_from: Level | None = None
    break_even_at: Level | None = None
    break_even_to: Level | None = None
    time_stop: timedelta | None = None
    calendar: str = ""
    before_close: timedelta = timedelta()

    @property
    def any(self) -> bool:
        return self != Rules()

    @property
    def whole(self) -> bool:
        """Whether the targets together take everything."""
        return sum((target.share for target in self.take_profit), ZERO) == 1


def check(given: Any) -> None:
    """Raises ConfigurationError, beginning with the field's name, for what a strategy cannot say."""
    read(given)
    for name in ("stop_loss", "trailing_stop"):
        _relative(given.get(name), name)
    for number, target in enumerate(given.get("take_profit") or []):
        _relative(target, f"take_profit[{number}]")


def _relative(given: Any, name: str) -> None:
    text = given.get("at", given.get("distance")) if isinstance(given, Mapping) else given
    if text is not None and not str(text).endswith("%"):
        raise ConfigurationError(f"{name}: must be a distance such as 2%: a strategy trades more than one price")


def read(given: Any) -> Rules:
    """From the JSON form above. Raises ConfigurationError, beginning with the field's name."""
    if not isinstance(given, Mapping):
        raise ConfigurationError("exits: must be a map such as {stop_loss: 2%}")
    for name in given:
        if name not in NAMES:
            raise ConfigurationError(f"exits: there is no exit {name!r} (there are: {', '.join(sorted(NAMES))})")
    trailing = _map(given.get("trailing_stop"), "trailing_stop", "distance", ("distance", "from"))
    even = _map(given.get("break_even"), "break_even", "at", ("at", "to"))
    session = _map(given.get("session_close"), "session_close", "calendar", ("calendar", "before"))
    return Rules(
        stop_loss=_level(given.get("stop_loss"), "stop_loss", below=_WHOLE),
        take_profit=_targets(given.get("take_profit")),
        trailing=_level(trailing.get("distance"), "trailing_stop.distance", below=_WHOLE),
        trailing_from=_percent(trailing.get("from"), "trailing_stop.from"),
        break_even_at=_percent(even.get("at"), "break_even.at"),
        break_even_to=_offset(even),
        time_stop=_span(given.get("time_stop"), "time_stop"),
        calendar=str(session.get("calendar") or ""),
        before_close=_span(session.get("before"), "session_close.before") or timedelta(),
    )


def _map(given: Any, name: str, short: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """The long form of what may be written short."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return {short: given}
    for field in given:
        if field not in fields:
            raise ConfigurationError(f"{name}.{field}: there is no such field (there are: {', '.join(fields)})")
    if given.get(short) is None:
        raise ConfigurationError(f"{name}.{short}: is required")
    return dict(given)


def _level(given: Any, name: str, *, below: Decimal | None = None) -> Level | None:
    if given is None:
        return None
    text = str(given).strip()
    percent = text.endswith("%")
    value = _number(text.removesuffix("%"), name)
    if value <= 0:
        raise ConfigurationError(f"{name}: must be above zero, not {text}")
    if percent and below is not None and value >= below:
        raise ConfigurationError(f"{name}: must be below {below}%, not {text}")
    return Level(value, percent)


def _percent(given: Any, name: str) -> Level | None:
    found = _level(given, name)
    if found is not None and not found.percent:
        raise ConfigurationError(f"{name}: must be a distance such as 2%, not {given}")
    return found


def _offset(even: Mapping[str, Any]) -> Level | None:
    """Where the stop goes: nothing above the entry, unless it says more; never beyond where it is moved at."""
    if not even:
        return None
    text = str(even.get("to") or "0%")
    value = _number(text.removesuffix("%"), "break_even.to")
    at = _percent(even["at"], "break_even.at")
    if not text.endswith("%") or value < 0 or at is None or value >= at.value:
        raise ConfigurationError(f"break_even.to: must be a distance such as 0.1%, and less than `at`, not {text}")
    return Level(value, True)


def _number(text: str, name: str) -> Decimal:
    try:
        return money.exact(text)
    except ValueError:
        raise ConfigurationError(f"{name}: must be a distance such as 2%, not {text[:40]!r}") from None


def _targets(given: Any) -> tuple[Target, ...]:
    if given is None:
        return ()
    items = given if isinstance(given, list) else [given]
    if len(items) > MOST_TARGETS:
        raise ConfigurationError(f"take_profit: may have {MOST_TARGETS} targets")
    found = []
    for number, item in enumerate(items):
        name = f"take_profit[{number}]"
        target = _map(item, name, "at", ("at", "share"))
        level = _level(target["at"], f"{name}.at")
        assert level is not None
        found.append((level, _share(target.get("share"), f"{name}.share")))
    return tuple(Target(level, share) for (level, _), share in zip(found, _divided(found), strict=True))


def _share(given: Any, name: str) -> Decimal | None:
    if given is None:
        return None
    text = str(given)
    share = _number(text.removesuffix("%"), name)
    share = share / _WHOLE if text.endswith("%") else share
    if not 0 < share <= 1:
        raise ConfigurationError(f"{name}: must be a share such as 50%, not {text[:40]!r}")
    return share


def _divided(found: list[tuple[Level, Decimal | None]]) -> list[Decimal]:
    """Targets without a share divide what the others leave."""
    given = sum((share for _, share in found if share is not None), ZERO)
    without = sum(share is None for _, share in found)
    if given > 1 or (without and given >= 1):
        raise ConfigurationError("take_profit: the shares come to more than 100%")
    if not without:
        return [share for _, share in found if share is not None]
    each = ((1 - given) / without).quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN)
    shares = [each if share is None else share for _, share in found]
    last = max(number for number, (_, share) in enumerate(found) if share is None)
    shares[last] += 1 - sum(shares, ZERO)
    return shares


def _span(given: Any, name: str) -> timedelta | None:
    if given is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])?", str(given).strip())
    span = timedelta(seconds=int(match[1]) * _SECONDS[match[2] or "s"]) if match else _LONGEST * 2
    if span > _LONGEST:
        raise ConfigurationError(f"{name}: must be a time such as 90m, 4h or 2d, not {str(given)[:40]!r}")
    return span


def divided(entered: Decimal, shares: tuple[Decimal, ...], *, lot: Decimal, least: Decimal) -> tuple[Decimal, ...]:
    """How much each target takes of what was filled, in base units (P2).

    Whole lots; the last takes what remains if the shares are everything; a piece below the venue's minimum joins the
    next one, or, if there is none, the one before.
    """
    found: list[Decimal] = []
    carried = ZERO
    whole = sum(shares, ZERO) == 1
    for number, share in enumerate(shares):
        if whole and number == len(shares) - 1:
            piece = entered - sum(found, ZERO)
        else:
            piece = money.floor_to(entered * share, lot) + carried
        carried = piece if piece < least else ZERO
        found.append(ZERO if piece < least else piece)
    for number in reversed(range(len(found))):
        if carried and found[number] > 0:
            found[number] += carried
            break
    return tuple(found)
