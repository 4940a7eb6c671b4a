from django.db import models
from django.db.models import Q

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField

from .order import Order


class Reconciliation(models.Model):
    """One comparison of an account with its venue: what was looked at and what was found."""

    class Cause(models.TextChoices):
        START = "start"
        REGULAR = "regular"
        DEMAND = "demand"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="reconciliations")
    cause = models.CharField(max_length=7, choices=Cause.choices)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    orders = models.PositiveIntegerField(default=0)
    trades = models.PositiveIntegerField(default=0)
    positions = models.PositiveIntegerField(default=0)
    differences = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True, help_text="Why it could not be finished.")

    class Meta:
        indexes = [models.Index(fields=["account", "-started_at"], name="signals_reconciliation_recent")]  # its admin


class ReconciliationCursor(models.Model):
    """How far the trades of an account have been read, whether somebody waits for a look, and who is at it."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="reconciliation_cursor")
    trades_until = models.DateTimeField()
    baseline_at = models.DateTimeField(
        null=True, help_text="Since when its external part is known; empty = it was never seen at rest."
    )
    asked_at = models.DateTimeField(null=True)
    asked_cause = models.CharField(max_length=7, choices=Reconciliation.Cause.choices, blank=True)
    due_at = models.DateTimeField()
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)


class VenueDifference(models.Model):
    """Something that the venue says and our books do not, or the reverse; it stays open until they agree."""

    class Kind(models.TextChoices):
        ORDER = "order"
        FILL = "fill"
        POSITION = "position"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="venue_differences")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    symbol = models.CharField(max_length=60, blank=True)
    reference = models.CharField(max_length=80, blank=True, help_text="A client order id, trade id, or side.")
    ours = models.CharField(max_length=120)
    venue = models.CharField(max_length=120)
    detail = models.CharField(max_length=300, blank=True, help_text="What it means and what to do.")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=300, blank=True, help_text="How it ended, and by whom.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "symbol", "reference"],
                condition=Q(resolved_at__isnull=True),
                name="signals_venuedifference_one_open",
            )
        ]
        indexes = [models.Index(fields=["-first_seen_at"], name="signals_venuedifference_recent")]  # its admin

    def __str__(self) -> str:
        return f"{self.kind} {self.symbol}: {self.ours} here, {self.venue} at the venue"


class ExternalTrade(models.Model):
    """A trade of the account that no order of ours asked for, append-only (P1)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="external_trades_made")
    trade_id = models.CharField(max_length=80)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    position_side = models.CharField(max_length=5, blank=True)
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField(default=0)
    fee_currency = models.CharField(max_length=12, blank=True)
    cause = models.CharField(max_length=12)
    venue_order_id = models.CharField(max_length=80, blank=True)
    booked = ExactDecimalField(default=0, help_text="How much of it a strategy's position took; the rest is external.")
    order = models.ForeignKey(
        Order, null=True, on_delete=models.PROTECT, related_name="external_trades",
        help_text="The order row that books it on a strategy's position; empty = it is external.",
    )  # fmt: skip
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "trade_id"], name="signals_externaltrade_counts_once")
        ]


class ExternalPosition(models.Model):
    """The part of an account's position that belongs to no strategy: signed base units, negative = short (P1)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="external_positions")
    symbol = models.CharField(max_length=60, help_text="On spot accounts the currency: all of its symbols share it.")
    side = models.CharField(max_length=5, blank=True, help_text="long or short where the account hedges, else empty.")
    quantity = ExactDecimalField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "side"], name="signals_externalposition_one")
        ]


class SymbolBlock(models.Model):
    """No entries on this symbol of the account until a person has looked at a trade made by hand (P1)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="symbol_blocks")
    symbol = models.CharField(max_length=60)
    trade = models.ForeignKey(ExternalTrade, on_delete=models.PROTECT, related_name="blocks")
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was lifted.")

    class Meta:
        constraints = [
            # also what portfolio.blocked reads: one open block per symbol
            models.UniqueConstraint(
                fields=["account", "symbol"],
                condition=Q(lifted_at__isnull=True),
                name="signals_symbolblock_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.symbol} on {self.account}"
