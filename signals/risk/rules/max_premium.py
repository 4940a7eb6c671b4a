"""How much may be paid for options in one order, in the account's currency."""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import PASS, Limit, Maximum, Proposal, Verdict


class MaxPremium(Maximum):
    slug = "max_premium"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not proposal.is_option:
            return Verdict(self.slug, PASS)
        return super().check(proposal, limits)

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        return proposal.value()
