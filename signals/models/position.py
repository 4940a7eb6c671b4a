from django.db import models
from django.db.models import Q

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField

from .strategy import Strategy


class Position(models.Model):
    """What one strategy holds on one account, symbol and side: the sum of its fills (P1).

    The row stays when the position is flat; `realised_pnl` and `fees` run on.
    """

    class Side(models.TextChoices):
        LONG = "long"
        SHORT = "short"

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="positions")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="positions")
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=5, choices=Side.choices)
    quantity = ExactDecimalField(default=0, help_text="Base units, never negative.")
    average_price = ExactDecimalField(null=True)
    variant = models.CharField(max_length=20, blank=True, help_text="The experiment's side that owns it until flat.")
    entries = models.PositiveIntegerField(default=0, help_text="Entry orders since it was last flat.")
    realised_pnl = ExactDecimalField(default=0)
    fees = ExactDecimalField(default=0, help_text="In the quote currency; fees taken in base lower the quantity.")
    funding = ExactDecimalField(default=0, help_text="Paid while held, negative = received; in the settling currency.")
    mark_price = ExactDecimalField(null=True)
    marked_at = models.DateTimeField(null=True)
    is_open = models.BooleanField(default=False)
    opened_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "account", "symbol", "side"], name="signals_position_one_per_side"
            )
        ]
        indexes = [
            # risk counts and dashboard
            models.Index(fields=["account", "symbol"], name="signals_position_open", condition=Q(is_open=True)),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol}"
