"""Entries only within the strategy's windows, and those of every scope that has some (S1)."""

from typing import Any

from signals.risk import windows
from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class TradingWindow:
    slug = "trading_window"
    binds_exits = False
    binds_endpoints = True

    def parse(self, value: Any) -> list[windows.Window]:
        try:
            return windows.parse(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.slug}: {error}") from None

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        at = f"{proposal.now:%a %H:%M} UTC"
        asked = [(f"the {limit.scope} trading windows", limit.value) for limit in limits]
        if proposal.windows:
            asked.insert(0, ("the strategy's trading windows", list(proposal.windows)))
        for whose, among in asked:
            if not windows.is_open(among, now=proposal.now):
                return Verdict(self.slug, FAIL, at, windows.told(among), f"{at} is outside {whose}")
        return Verdict(self.slug, PASS, at, windows.told(asked[0][1])) if asked else Verdict(self.slug, PASS)
