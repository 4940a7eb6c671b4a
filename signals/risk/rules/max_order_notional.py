"""How much one order may be worth, in the account's currency."""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxOrderNotional(Maximum):
    slug = "max_order_notional"

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        return proposal.value()
