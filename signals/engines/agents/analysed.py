"""How old an analysis may be for the agents that go by it."""

from __future__ import annotations

from decimal import Decimal

from signals.engines.evidence import Evidence, Outlook


def problem(evidence: Evidence, told: Outlook, *, hours: Decimal) -> str:
    """Why it no longer counts; empty = it does."""
    age = (evidence.now - told.made_at).total_seconds() / 3600
    return f"the analysis is {age:.1f} hours old, {hours} are allowed" if age > hours else ""
