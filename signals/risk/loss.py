"""Rules whose limit is an amount of the account's currency, or a percentage of what it was worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

from signals.portfolio import equity
from signals.portfolio.equity import Worth
from tradeops.core import money
from tradeops.core.errors import ConfigurationError

from .base import FAIL, PASS, Limit, Proposal, Verdict, worth
from .percent import percentage, shown


class MaximumLoss(ABC):
    slug: str
    binds_exits = False
    binds_endpoints = False

    @abstractmethod
    def lost(self, worth: Worth) -> tuple[Decimal, Decimal]:
        """The loss (negative = a gain), and what a percentage is of."""

    def parse(self, value: Any) -> str:
        text = str(value).strip()
        try:
            if text.endswith("%"):
                return f"{money.plain(percentage(text))}%"
            bound = money.exact(value)
        except ValueError as error:
            raise ConfigurationError(f"{self.slug}: {error}") from None
        if bound < 0:
            raise ConfigurationError(f"{self.slug}: use an amount of zero or more, or a percentage such as 5%")
        return money.plain(bound) or "0"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits:
            return Verdict(self.slug, PASS)
        verdicts = [self.against(worth(proposal), limit, currency=proposal.account_currency) for limit in limits]
        return next((one for one in verdicts if not one.passed), verdicts[0])

    def against(self, found: Worth, limit: Limit, *, currency: str) -> Verdict:
        lost, whole = self.lost(found)
        lost = max(lost, Decimal(0))
        if str(limit.value).endswith("%"):
            value, bound = equity.share(lost, whole), percentage(limit.value)
            said = (shown(value), shown(bound))
        else:
            value, bound = lost, Decimal(limit.value)
            said = (f"{money.plain(value)}", f"{money.plain(bound)}")
        if value <= bound:
            return Verdict(self.slug, PASS, *said)
        unit = "" if said[0].endswith("%") else f" {currency}"
        reason = f"{self.slug.replace('_', ' ')}: {said[0]}{unit} is over the {limit.scope} limit of {said[1]}{unit}"
        return Verdict(self.slug, FAIL, *said, reason)
