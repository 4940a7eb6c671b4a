from django.db import models

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField


class AccountEquity(models.Model):
    """What an account is worth now, unrealised profit included, in its own currency, and the most it ever was."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="valuation")
    equity = ExactDecimalField()
    at = models.DateTimeField()
    peak = ExactDecimalField(help_text="Transfers since then are counted in, so that a withdrawal is no loss.")
    peak_at = models.DateTimeField()
    problem = models.CharField(max_length=200, blank=True, help_text="Why it could not be told the last time.")


class EquityDay(models.Model):
    """An account's equity through one day of its own time zone."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="equity_days")
    day = models.DateField()
    opening = ExactDecimalField()
    latest = ExactDecimalField()
    highest = ExactDecimalField()
    lowest = ExactDecimalField()
    transfers = ExactDecimalField(default=0, help_text="Put in (or taken out, negative) that day: no profit, no loss.")
    opened_at = models.DateTimeField()
    latest_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="signals_equityday_one")]


class EquityPoint(models.Model):
    """A point of the equity curve."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="equity_points")
    at = models.DateTimeField()
    equity = ExactDecimalField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="signals_equitypoint_curve"),
            models.Index(fields=["at"], name="signals_equitypoint_by_time"),  # prune
        ]
