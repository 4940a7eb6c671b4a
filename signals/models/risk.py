from django.db import models


class Scope(models.TextChoices):
    GLOBAL = "global"
    STRATEGY = "strategy"
    ACCOUNT = "account"


class RiskLimit(models.Model):
    """One limit of one rule in one scope. `key` is the strategy's or account's slug, empty for global."""

    scope = models.CharField(max_length=8, choices=Scope.choices)
    key = models.CharField(max_length=60, blank=True)
    rule = models.CharField(max_length=40)
    value = models.JSONField(help_text="As the rule reads it; amounts as text.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key", "rule"], name="signals_risklimit_one_per_scope")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key} {self.rule}".replace("  ", " ")


class RiskScope(models.Model):
    """The row that is locked while rules are checked and room is taken, and the kill switch of its scope (D4, D5)."""

    scope = models.CharField(max_length=8, choices=Scope.choices)
    key = models.CharField(max_length=60, blank=True)
    kill_switch = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True)
    halted_at = models.DateTimeField(null=True, help_text="A rule stopped its entries until a person lets it go on.")
    halted_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="signals_riskscope_one_per_scope")]
        verbose_name = "kill switch"
        verbose_name_plural = "kill switches"

    def __str__(self) -> str:
        return f"{self.scope} {self.key}".strip()


class MaintenanceWindow(models.Model):
    """A time in which a venue, endpoint or strategy is not to be bothered (D7)."""

    class Kind(models.TextChoices):
        VENUE = "venue"
        ENDPOINT = "endpoint"
        STRATEGY = "strategy"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.CharField(max_length=60, help_text="A broker's name, or the slug of an endpoint or strategy.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="signals_maintenance_ends_after_start"
            )
        ]
        indexes = [models.Index(fields=["ends_at"], name="signals_maintenance_by_end")]  # those that are not over

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
