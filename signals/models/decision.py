from django.db import models
from django.db.models import Q

from accounts.models import Account

from .signal import Signal
from .strategy import Strategy


class Decision(models.Model):
    """What was decided for one signal, strategy and account or endpoint, and every number it rested on (D1).

    Without a strategy it says why the signal went nowhere (rule `no_strategy`).
    """

    class Outcome(models.TextChoices):
        APPROVED = "APPROVED"
        REJECTED = "REJECTED"

    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="decisions")
    strategy = models.ForeignKey(Strategy, null=True, on_delete=models.PROTECT, related_name="decisions")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="decisions")
    endpoint = models.ForeignKey("relay.Endpoint", null=True, on_delete=models.PROTECT, related_name="decisions")
    engine = models.CharField(max_length=20, blank=True)
    variant = models.CharField(max_length=20, blank=True, help_text="Of an experiment; empty without one.")
    shadow = models.BooleanField(default=False, help_text="It trades nothing: an experiment's other side.")
    confidence = models.DecimalField(max_digits=5, decimal_places=4, null=True, help_text="The engine's, 0 to 1.")
    views = models.JSONField(default=list, help_text='[{"agent", "view", "confidence", "weight", "reason"}]')
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    intent = models.CharField(max_length=12, blank=True, help_text="open, reduce or nothing to do")
    mode = models.CharField(max_length=8, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="One plain sentence.")
    rules = models.JSONField(default=list, help_text='[{"rule", "verdict", "value", "limit"}]')
    enrichment = models.JSONField(default=dict, help_text="The quote and what else it used; amounts as text.")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["signal", "strategy", "account"],
                condition=Q(account__isnull=False, shadow=False),
                name="signals_decision_once_per_account",
            ),
            models.UniqueConstraint(
                fields=["signal", "strategy", "account"],
                condition=Q(account__isnull=False, shadow=True),
                name="signals_decision_one_shadow",
            ),
            models.UniqueConstraint(
                fields=["signal", "strategy", "endpoint"],
                condition=Q(endpoint__isnull=False),
                name="signals_decision_once_per_endpoint",
            ),
        ]
        indexes = [
            models.Index(fields=["decided_at"], name="signals_decision_by_time"),  # dashboard
            # an experiment's results
            models.Index(fields=["strategy", "id"], name="signals_decision_variant", condition=~Q(variant="")),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.signal_id}"
