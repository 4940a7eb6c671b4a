"""How many seconds the strategy opens nothing on an account after a trade that lost money there, fees counted."""

from decimal import Decimal
from typing import Any

from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class CooldownAfterLoss:
    slug = "cooldown_after_loss"
    binds_exits = False
    binds_endpoints = False

    def parse(self, value: Any) -> str:
        text = str(value).strip()
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 30 * 86400:
            raise ConfigurationError(f"{self.slug}: give whole seconds, from 1 to {30 * 86400}")
        return str(int(text))

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits:
            return Verdict(self.slug, PASS)
        if not proposal.losses_known:
            raise ValueError("when the last loss was is not known")
        strictest = max(limits, key=lambda limit: int(limit.value))
        bound = f"{strictest.value} s"
        if proposal.last_loss_at is None:
            return Verdict(self.slug, PASS, None, bound)
        since = Decimal(str((proposal.now - proposal.last_loss_at).total_seconds()))
        if since < Decimal(strictest.value):
            reason = f"the last loss was {since:.0f} s ago; the {strictest.scope} cooldown is {bound}"
            return Verdict(self.slug, FAIL, f"{since:.3f} s", bound, reason)
        return Verdict(self.slug, PASS, f"{since:.3f} s", bound)
