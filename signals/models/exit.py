from django.db import models
from django.db.models import Q

from tradeops.core.fields import ExactDecimalField

from .position import Position


class ExitPlan(models.Model):
    """How one position is to be left, from its first fill until it is flat (P2). Prices in quote per base unit."""

    class State(models.TextChoices):
        ACTIVE = "ACTIVE"
        UNPROTECTED = "UNPROTECTED"  # it is meant to have a stop and has none
        CLOSED = "CLOSED"

    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="exit_plans")
    state = models.CharField(max_length=11, choices=State.choices, default=State.ACTIVE)
    rules = models.JSONField(default=dict, help_text="As the strategy or the message had them when it was entered.")
    entry_price = ExactDecimalField(help_text="The average of the entries so far.")
    entered_quantity = ExactDecimalField(default=0, help_text="What was filled in all; shares of targets are of this.")
    initial_stop = ExactDecimalField(null=True, help_text="R is counted from here.")
    stop_price = ExactDecimalField(null=True)
    targets = models.JSONField(default=list, help_text='[{"at", "share", "quantity", "done"}], amounts as text.')
    best_price = ExactDecimalField(null=True, help_text="The best that was seen: what a trailing stop follows.")
    break_even_done = models.BooleanField(default=False)
    closes_at = models.DateTimeField(null=True, help_text="Time stop or the session's close, whichever comes first.")
    closes_because = models.CharField(max_length=20, blank=True)
    stop_order_id = models.CharField(
        max_length=32, blank=True, help_text="The client order id of the stop that rests at the venue; empty = none."
    )
    stop_order_quantity = ExactDecimalField(null=True)
    version = models.PositiveIntegerField(default=0, help_text="Counts its orders: each has an id of its own.")
    due_at = models.DateTimeField(help_text="When it is looked at next; also the claim of who looks.")
    problem = models.CharField(max_length=300, blank=True)
    problem_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=40, blank=True, help_text="What ended it: stop_loss, take_profit, signal …")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["position"], condition=~Q(state="CLOSED"), name="signals_exitplan_one_per_position"
            )
        ]
        indexes = [
            # exits.runner: those that are due
            models.Index(fields=["due_at"], name="signals_exitplan_live", condition=~Q(state="CLOSED"))
        ]


class RoundTrip(models.Model):
    """One position from flat to flat: the trade record (P3). Amounts in the quote currency."""

    strategy = models.ForeignKey("signals.Strategy", on_delete=models.PROTECT, related_name="round_trips")
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="round_trips")
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=5)
    variant = models.CharField(max_length=20, blank=True)
    entered = ExactDecimalField(default=0, help_text="Base units bought (sold, if short).")
    entry_value = ExactDecimalField(default=0)
    left = ExactDecimalField(default=0, help_text="Base units sold again (bought back, if short).")
    exit_value = ExactDecimalField(default=0)
    realised_pnl = ExactDecimalField(default=0, help_text="Before fees and funding.")
    fees = ExactDecimalField(default=0)
    funding = ExactDecimalField(default=0)
    initial_stop = ExactDecimalField(null=True)
    risked = ExactDecimalField(null=True, help_text="Entry to initial stop, for the whole quantity: one R.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    opened_by = models.ForeignKey("signals.Signal", null=True, on_delete=models.PROTECT, related_name="round_trips")
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "account", "symbol", "side"],
                condition=Q(closed_at__isnull=True),
                name="signals_roundtrip_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["strategy", "-closed_at"], name="signals_roundtrip_by_strategy"),  # cooldown, results
            models.Index(fields=["closed_at"], name="signals_roundtrip_by_time"),  # admin, API
        ]


class PnlDay(models.Model):
    """What a strategy made on an account and symbol in one day of the account's time zone: running totals (P3)."""

    strategy = models.ForeignKey("signals.Strategy", on_delete=models.PROTECT, related_name="pnl_days")
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="pnl_days")
    symbol = models.CharField(max_length=60)
    day = models.DateField()
    currency = models.CharField(max_length=12, blank=True, help_text="The symbol's quote currency.")
    realised_pnl = ExactDecimalField(default=0, help_text="Before fees and funding.")
    fees = ExactDecimalField(default=0)
    funding = ExactDecimalField(default=0)
    fills = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "account", "symbol", "day"], name="signals_pnlday_one")
        ]
        indexes = [models.Index(fields=["day"], name="signals_pnlday_by_day")]  # charts
