"""What an engine may look at, all of it read before the decision; a part that is not there says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from accounts.brokers.base import Quote
from signals.market.bars import Bars


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What the latest analysis said of the symbol. `direction` UP or DOWN; probabilities and scores are floats."""

    made_at: datetime
    direction: str
    probability: float  # of that direction, 0.5 to 1
    model: str
    price: float
    horizon_days: int
    sentiment: str = ""  # positive, negative, neutral; empty = no headlines were read
    sentiment_confidence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Holding:
    """The open side of the strategy's position; quantity in base units."""

    side: str
    quantity: Decimal
    average_price: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    now: datetime
    symbol: str = ""
    quote: Quote | None = None
    quote_problem: str = ""
    bars: Bars | None = None
    bars_problem: str = ""
    analysis: Outlook | None = None
    analysis_problem: str = ""
    held: Mapping[str, Holding] = field(default_factory=dict)  # by side


NOTHING = Evidence(
    now=datetime.min.replace(tzinfo=UTC),
    quote_problem="no price was read",
    bars_problem="no bars were read",
    analysis_problem="no analysis was read",
)
