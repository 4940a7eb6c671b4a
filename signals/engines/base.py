"""What an engine is: it turns an alert into an instruction, and says what speaks against opening a position (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from signals.receive import Alert
from signals.strategies.actions import Instruction
from tradeops.core import money
from tradeops.core.errors import ConfigurationError

from .evidence import NOTHING, Evidence

_STEP = Decimal("0.0001")


def share(value: Decimal | float) -> Decimal:
    """A confidence as it is stored: from 0 to 1, four decimals. Raises ValueError for what is not a number."""
    found = Decimal(repr(value)) if isinstance(value, float) else value
    if not found.is_finite():
        raise ValueError("not a number")
    return min(max(found, Decimal(0)), Decimal(1)).quantize(_STEP, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True)
class View:
    """What one agent said, and how much it counted."""

    agent: str
    view: str
    confidence: Decimal | None
    weight: Decimal
    reason: str

    def to_json(self) -> dict[str, str | None]:
        return {
            "agent": self.agent,
            "view": self.view,
            "confidence": money.plain(self.confidence),
            "weight": money.plain(self.weight),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Objection:
    """Why nothing is to be opened on one side: what was seen, what was needed, and one sentence."""

    value: str | None
    limit: str | None
    reason: str


@dataclass(frozen=True)
class Opinion:
    """`instruction` is None when the engine cannot act on the alert; `reason` is one sentence either way.

    `objections` hold back what opens a position, by its side. What only reduces is never held back (D3).
    """

    instruction: Instruction | None
    reason: str = ""
    confidence: Decimal | None = None  # 0 to 1
    views: tuple[View, ...] = ()
    objections: Mapping[str, Objection] = field(default_factory=dict)
    vote: str | None = None  # where it was put to one: what came out, and what is needed
    needed: str | None = None

    @property
    def sells(self) -> bool:
        """Whether it may sell what the strategy does not hold: then the account's free balance matters."""
        return self.instruction is not None and self.instruction.sells

    @property
    def reduces(self) -> bool:
        """Whether it can only reduce, whatever is held."""
        return self.instruction is not None and self.instruction.reduces


class Engine(Protocol):
    """Made with its strategy's own settings; kept, and shared by threads."""

    name: str
    looks: bool  # at more than the alert: what its strategies get is decided by a worker, which may ask a venue

    def read(self, alert: Alert, evidence: Evidence = NOTHING) -> Opinion:
        """Never asks anybody: what it may look at was read before."""


def kinds() -> list[str]:
    return sorted(settings.ENGINES)


def engine(name: str, given: Mapping[str, Any] | None = None) -> Engine:
    """`given` is what the strategy says of its agents.

    Raises ConfigurationError for a name that this installation does not have, and for settings that do not fit.
    """
    try:
        make = import_string(settings.ENGINES[name])
    except KeyError:
        raise ConfigurationError(f"there is no engine {name!r}; there are {', '.join(kinds())}") from None
    found: Engine = make(given or {})
    return found
