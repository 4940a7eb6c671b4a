from django.db import models

from tradeops.core.fields import ExactDecimalField

from .signal import Signal
from .strategy import Strategy


class StrategyTarget(models.Model):
    """Where the sender's strategy stands in a symbol by its last alert that was acted on (S5)."""

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="targets")
    symbol = models.CharField(max_length=60, help_text="The venue's, as lanes are named by it.")
    target = models.CharField(max_length=5, help_text="long, short or flat")
    size = ExactDecimalField(null=True)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["strategy", "symbol"], name="signals_strategytarget_one")]
