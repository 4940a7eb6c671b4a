"""What an agent is: it looks at the evidence and gives a view, or abstains and says what it lacks (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from signals.engines.base import share
from signals.engines.evidence import Evidence

BUY, SELL, HOLD, ABSTAIN, VETO, PASS = "buy", "sell", "hold", "abstain", "veto", "pass"
SIDES = ("long", "short")


@dataclass(frozen=True)
class Answer:
    """`view` is buy, sell, hold or abstain; of an agent that only guards: veto or pass.

    `confidence` from 0 to 1, None for who has no view; `vetoes` are the sides that must not be opened.
    """

    view: str
    confidence: Decimal | None
    reason: str
    vetoes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A number that a strategy may set, and between what."""

    default: Decimal
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(1_000_000)
    whole: bool = False


def number(default: str, *, least: str = "0", most: str = "1000000") -> Setting:
    return Setting(default=Decimal(default), least=Decimal(least), most=Decimal(most))


def count(default: int, *, least: int = 1, most: int = 500) -> Setting:
    return Setting(default=Decimal(default), least=Decimal(least), most=Decimal(most), whole=True)


Given = Mapping[str, Decimal]


class Agent(Protocol):
    weight: Decimal  # unless the strategy says another; 0 = it only guards
    settings: Mapping[str, Setting]

    def bars(self, given: Given) -> int:
        """How many it wants to see; 0 = it does not look at them."""

    def look(self, evidence: Evidence, given: Given) -> Answer:
        """Pure. Never a view on what it does not see. Raises NoNumber for what cannot be computed."""


def leaning(value: float, reason: str) -> Answer:
    """Buy above zero, sell below it, as sure as it is far from it."""
    sure = share(abs(value))
    if sure == 0:
        return Answer(HOLD, sure, reason)
    return Answer(BUY if value > 0 else SELL, sure, reason)


def hold(reason: str) -> Answer:
    return Answer(HOLD, Decimal("0.0000"), reason)


def abstain(reason: str) -> Answer:
    return Answer(ABSTAIN, None, reason)
