"""How much the account may have lost since its day began: an amount in its currency, or a percentage of what it was
worth then. Unrealised included, transfers excluded, by day in the account's time zone."""

from decimal import Decimal

from signals.portfolio.equity import Worth
from signals.risk.loss import MaximumLoss


class DailyLoss(MaximumLoss):
    slug = "daily_loss"

    def lost(self, worth: Worth) -> tuple[Decimal, Decimal]:
        return worth.loss, worth.opening
