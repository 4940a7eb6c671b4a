"""How far the order's price may be from the last one, either way, as a percentage of it."""

from decimal import Decimal

from signals.risk.base import Proposal
from signals.risk.percent import MaximumPercent
from tradeops.core.money import EXACT


class PriceCollar(MaximumPercent):
    slug = "price_collar"

    def percent(self, proposal: Proposal) -> Decimal:
        if proposal.quote is None or proposal.price is None or proposal.quote.last <= 0:
            raise ValueError("the last price, or the order's own, is not known")
        return EXACT.divide(abs(proposal.price - proposal.quote.last) * 100, proposal.quote.last)
