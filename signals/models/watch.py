from django.db import models
from django.db.models import Q

from accounts.models import Account

from .source import Source
from .strategy import Strategy


class Difference(models.Model):
    """A position that was not where a heartbeat said it should be (I13).

    The row is what makes it told once and not each minute; it stays when position and heartbeat agree again.
    """

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="differences")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="differences")
    symbol = models.CharField(max_length=60)
    told = models.CharField(max_length=60, help_text="What the heartbeat said, such as long 0.02.")
    held = models.CharField(max_length=120, help_text="What was held.")
    signal = models.CharField(max_length=36, help_text="The heartbeat that showed it first.")
    since = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, help_text="When they agreed again.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "account", "symbol"], name="signals_difference_once")
        ]

    def __str__(self) -> str:
        return f"{self.symbol}: told {self.told}, held {self.held}"


class Silence(models.Model):
    """How long a source or a strategy with `expect_every` has been silent. One row while it is watched."""

    source = models.OneToOneField(Source, null=True, on_delete=models.PROTECT, related_name="silence")
    strategy = models.OneToOneField(Strategy, null=True, on_delete=models.PROTECT, related_name="silence")
    since = models.DateTimeField(help_text="Judged from here on: first watched, or a downtime ended.")
    heard_at = models.DateTimeField(null=True, help_text="Its last signal; empty if there was none.")
    silent_at = models.DateTimeField(null=True, help_text="When its silence was told; empty while it speaks.")
    down_from = models.DateTimeField(null=True, help_text="The portal's own last downtime since it was heard.")
    down_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "silence"
        constraints = [
            models.CheckConstraint(
                condition=Q(source__isnull=True) ^ Q(strategy__isnull=True), name="signals_silence_of_one"
            )
        ]


class ExpiryWarning(models.Model):
    """That people were told of the end of a strategy's TradingView alert. The row makes it once for each stage."""

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="expiry_warnings")
    expires_on = models.DateField()
    days_before = models.PositiveSmallIntegerField(help_text="The stage: 7, 1, or 0 on the day itself.")
    warned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "expires_on", "days_before"], name="signals_expirywarning_once_per_stage"
            )
        ]


class WatchRound(models.Model):
    """When the watch last looked, and how far: a long gap means that the portal itself was down. One row."""

    looked_at = models.DateTimeField()
    deaf_since = models.DateTimeField(null=True, help_text="Since when no web process was alive.")
    deaf_told = models.BooleanField(default=False)
    work_item = models.PositiveBigIntegerField(default=0, help_text="The last work item that was counted.")
