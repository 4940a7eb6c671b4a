"""How wide the spread may be, as a percentage of the price in its middle."""

from decimal import Decimal

from signals.risk.base import Proposal
from signals.risk.percent import MaximumPercent
from tradeops.core.money import EXACT


class MaxSpread(MaximumPercent):
    slug = "max_spread"

    def percent(self, proposal: Proposal) -> Decimal:
        quote = proposal.quote
        if quote is None or quote.bid <= 0 or quote.ask < quote.bid:
            raise ValueError("bid and ask are not known")
        return EXACT.divide((quote.ask - quote.bid) * 200, quote.ask + quote.bid)
