"""One account in front of the rules: what a decision for it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from signals.engines.base import Opinion
from signals.portfolio.exposure import Exposure, Key
from signals.risk.facts import NOTHING, Facts
from signals.risk.switch import Switches
from signals.strategies.actions import Plan

from .gather import Case, Outlook


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One account in front of the rules: the case, the venue's outlook, and what is held and pending."""

    case: Case
    look: Outlook
    exposure: Exposure
    switches: Switches
    now: datetime
    facts: Facts = NOTHING
    agreed: Plan | None = None  # what a person said yes to, where the message would mean something else by now
    first_leg: int = 0
    speaks: str = ""  # the engine whose decision this is, whoever owns the position: an experiment's other side

    @cached_property
    def key(self) -> Key:
        symbol = self.look.mapped.symbol if self.look.mapped else ""
        return Key(self.case.strategy.pk, self.look.account.pk, symbol)

    @cached_property
    def variant(self) -> str:
        """Of an experiment the engine that decides here: who owns what is held, until that is flat (S3)."""
        if self.speaks or not self.case.variant or self.case.shadow:
            return self.speaks or self.case.variant
        owners = {row.variant for row in self.exposure.held(self.key).values()} & set(self.case.engines)
        return self.case.variant if self.case.variant in owners else min(owners, default=self.case.variant)

    @property
    def engine(self) -> str:
        return self.variant or self.case.strategy.engine

    @property
    def opinion(self) -> Opinion:
        return self.look.opinions.get(self.engine, self.case.opinion)
