"""Rules whose limit is a percentage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any

from tradeops.core import money
from tradeops.core.errors import ConfigurationError

from .base import FAIL, PASS, Limit, Proposal, Verdict

_PLACES = Decimal("0.000001")


def percentage(value: Any) -> Decimal:
    """`5%` → 5. Raises ValueError for anything else: 0.05 could be meant either way."""
    return _percentage(str(value).strip())


@lru_cache(maxsize=1000)
def _percentage(text: str) -> Decimal:
    if not text.endswith("%"):
        raise ValueError(f"give a percentage such as 5%, not {text[:40]!r}")
    found = money.exact(text[:-1])
    if found < 0:
        raise ValueError("use a percentage of zero or more")
    return found


def shown(percent: Decimal) -> str:
    return f"{money.plain(percent.quantize(_PLACES, rounding=ROUND_HALF_EVEN))}%"


class MaximumPercent(ABC):
    """A percentage that must not be over the limit of any scope: the strictest wins."""

    slug: str
    binds_exits = False
    binds_endpoints = False

    @abstractmethod
    def percent(self, proposal: Proposal) -> Decimal:
        """Raises ValueError where it cannot be told."""

    def parse(self, value: Any) -> str:
        try:
            return f"{money.plain(percentage(value))}%"
        except ValueError as error:
            raise ConfigurationError(f"{self.slug}: {error}") from None

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits:
            return Verdict(self.slug, PASS)
        bound, scope = min((percentage(limit.value), limit.scope) for limit in limits)
        value = self.percent(proposal)
        if value > bound:
            reason = f"{self.slug.replace('_', ' ')}: {shown(value)} is over the {scope} limit of {shown(bound)}"
            return Verdict(self.slug, FAIL, shown(value), shown(bound), reason)
        return Verdict(self.slug, PASS, shown(value), shown(bound))
