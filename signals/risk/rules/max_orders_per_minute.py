"""How many orders the strategy may make within 60 seconds; the one that would be over it halts the strategy.

Counted are all of its orders, for an account's limit those on the account. A strategy that loops is stopped by its own
number and not by the others'.
"""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxOrdersPerMinute(Maximum):
    slug = "max_orders_per_minute"
    whole_number = True

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        if proposal.last_minute is None:
            raise ValueError("how many orders there were is not known")
        made = proposal.last_minute.account if scope == Scope.ACCOUNT else proposal.last_minute.strategy
        return Decimal(made + proposal.orders)
