from django.core.validators import MinValueValidator
from django.db import models

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField

from .source import Source


class Strategy(models.Model):
    """What an alert means: which sources feed it, what it trades, how much, where (S1)."""

    class Mode(models.TextChoices):
        OFF = "off"
        DRY_RUN = "dry_run"
        PAPER = "paper"
        LIVE = "live"

    class Opposite(models.TextChoices):
        REVERSE = "reverse"
        CLOSE = "close"
        REJECT = "reject"

    class Heal(models.TextChoices):
        ALERT = "alert"
        TRADE = "trade"

    slug = models.SlugField(max_length=60, unique=True)
    sources = models.ManyToManyField(Source, blank=True, related_name="strategies")
    engine = models.CharField(max_length=20, default="A")
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.OFF)
    symbols = models.JSONField(
        default=dict, help_text='Ticker → symbol, or {"symbol", "market", "quantity_unit", "multiplier"}.'
    )
    sizing_mode = models.CharField(max_length=20, default="fixed_quantity")
    sizing_value = ExactDecimalField(null=True, blank=True)
    exits = models.JSONField(default=dict, blank=True)
    max_age_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    exit_max_age_seconds = models.PositiveIntegerField(default=3600, validators=[MinValueValidator(1)])
    max_price_age_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    pyramiding = models.PositiveIntegerField(default=0, help_text="How many additions to an open position.")
    opposite = models.CharField(max_length=8, choices=Opposite.choices, default=Opposite.REVERSE)
    prices = models.CharField(max_length=20, blank=True, help_text="Overrides the accounts' price source.")
    accounts = models.ManyToManyField(Account, blank=True, related_name="strategies")
    endpoints = models.ManyToManyField("relay.Endpoint", blank=True, related_name="strategies")
    endpoint_groups = models.ManyToManyField("relay.EndpointGroup", blank=True, related_name="strategies")
    heal = models.CharField(
        max_length=5, choices=Heal.choices, default=Heal.ALERT,
        help_text="Where the position differs from what a heartbeat says: tell people, or trade the difference.",
    )  # fmt: skip
    expect_every = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Seconds; silent for longer is critical."
    )
    alert_expires_on = models.DateField(
        null=True, blank=True, help_text="When the TradingView alert ends; warned of 7 days before."
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "strategies"

    def __str__(self) -> str:
        return self.slug
