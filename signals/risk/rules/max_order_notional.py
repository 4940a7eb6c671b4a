"""How much one order may be worth, in the account's currency."""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxOrderNotional(Maximum):
    slug = "max_order_notional"

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        if proposal.notional is None:
            raise ValueError("the order's value is not known without a price")
        if proposal.quote_currency != proposal.account_currency:
            # A conversion would need a rate that nobody has configured: a rule that cannot tell rejects.
            raise ValueError(f"no rate from {proposal.quote_currency} to the account's {proposal.account_currency}")
        return proposal.notional
