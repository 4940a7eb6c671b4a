"""No second position in a direction that is held, or on its way, on the same account and symbol.

A global or account's rule looks at all strategies, a strategy's at its own positions.
"""

from typing import Any

from signals.models.risk import Scope
from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class DuplicateDirection:
    slug = "duplicate_direction"
    binds_exits = False
    binds_endpoints = False

    def parse(self, value: Any) -> str:
        if str(value).lower() not in ("reject", "true"):
            raise ConfigurationError(f"{self.slug}: the only setting is reject; leave it out to allow it")
        return "reject"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits:
            return Verdict(self.slug, PASS)
        if not proposal.position_side:
            return Verdict(self.slug, PASS, None, "reject")  # nothing is opened
        assert proposal.book is not None
        for limit in limits:
            for line in proposal.book.here():
                own = line.key.strategy == proposal.book.own.strategy
                if line.side == proposal.position_side and (own or limit.scope != Scope.STRATEGY):
                    reason = f"{proposal.symbol} is {line.side} on {proposal.account} already"
                    return Verdict(self.slug, FAIL, line.side, "reject", reason)
        return Verdict(self.slug, PASS, "none", "reject")
