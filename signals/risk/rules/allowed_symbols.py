"""Only symbols that the strategy maps and every scope's list allows; a list in `risk` narrows, never widens."""

from typing import Any

from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class AllowedSymbols:
    slug = "allowed_symbols"
    binds_exits = True  # without a mapping nobody knows what to close; the lists themselves let exits pass
    binds_endpoints = True

    def parse(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ConfigurationError(f"{self.slug}: give a list of symbols, such as [BTC/USDT]")
        return value

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not proposal.symbol:
            reason = f"{proposal.ticker} is not among the strategy's symbols"
            return Verdict(self.slug, FAIL, proposal.ticker, "the strategy's symbols", reason)
        for limit in limits:
            if not proposal.reduces and proposal.symbol not in limit.value:
                reason = f"{proposal.symbol} is not on the {limit.scope} list of allowed symbols"
                return Verdict(self.slug, FAIL, proposal.symbol, ", ".join(limit.value), reason)
        return Verdict(self.slug, PASS, proposal.symbol, ", ".join(limits[0].value) if limits else None)
