"""Entries only while an exchange is open: real calendars with their holidays, early closes and clock changes (D3)."""

from typing import Any

from signals.market import calendar
from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class MarketHours:
    slug = "market_hours"
    binds_exits = False
    binds_endpoints = True

    def parse(self, value: Any) -> str:
        name = str(value).strip()
        if name not in calendar.names():
            raise ConfigurationError(
                f"{self.slug}: there is no calendar {name[:20]!r}; use an exchange's ISO 10383 code, such as XNYS"
            )
        return name

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        for limit in limits:
            if calendar.open_session(limit.value, proposal.now) is None:
                seen = "break" if calendar.in_break(limit.value, proposal.now) else "closed"
                said = "in its lunch break" if seen == "break" else "closed"
                reason = f"{limit.value} is {said}{_next(limit.value, proposal)}"
                return Verdict(self.slug, FAIL, seen, limit.value, reason)
        return Verdict(self.slug, PASS, "open", limits[0].value) if limits else Verdict(self.slug, PASS)


def _next(name: str, proposal: Proposal) -> str:
    """When it opens, if that is soon."""
    later = calendar.opens_next(name, proposal.now)
    return f" until {later:%Y-%m-%d %H:%M} UTC" if later else ""
