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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="signals_riskscope_one_per_scope")]
        verbose_name = "kill switch"
        verbose_name_plural = "kill switches"

    def __str__(self) -> str:
        return f"{self.scope} {self.key}".strip()
