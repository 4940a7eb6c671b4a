"""How far the account may be below the most that it ever was: an amount in its currency, or a percentage of that."""

from decimal import Decimal

from signals.portfolio.equity import Worth
from signals.risk.loss import MaximumLoss


class MaxDrawdown(MaximumLoss):
    slug = "max_drawdown"

    def lost(self, worth: Worth) -> tuple[Decimal, Decimal]:
        return worth.drawdown, worth.peak
