from django.core.validators import MinValueValidator
from django.db import models

from accounts.models import Account, AccountGroup
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

    class TargetSize(models.TextChoices):
        DIRECTION = "direction"
        ABSOLUTE = "absolute"
        PROPORTIONAL = "proportional"

    class Netting(models.TextChoices):
        REJECT = "reject"
        ALLOW = "allow"

    class Heal(models.TextChoices):
        ALERT = "alert"
        TRADE = "trade"

    slug = models.SlugField(max_length=60, unique=True)
    sources = models.ManyToManyField(Source, blank=True, related_name="strategies")
    engine = models.CharField(max_length=20, default="A")
    experiment = models.JSONField(
        default=dict, blank=True, help_text='{"A": 50, "B": 50, "mode": "route"}; empty = the engine decides alone.'
    )
    agents = models.JSONField(
        default=dict,
        blank=True,
        help_text="Engine B: each agent's weight and what else it takes; empty = the defaults.",
    )
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.OFF)
    symbols = models.JSONField(
        default=dict, help_text='Ticker → symbol, or {"symbol", "market", "quantity_unit", "multiplier"}.'
    )
    sizing_mode = models.CharField(max_length=20, default="fixed_quantity")
    sizing_value = ExactDecimalField(null=True, blank=True)
    target_size = models.CharField(
        max_length=12, choices=TargetSize.choices, default=TargetSize.DIRECTION,
        help_text="What market_position_size means: nothing, base units, or multiples of unit_size.",
    )  # fmt: skip
    unit_size = ExactDecimalField(
        null=True, blank=True, help_text="Proportional targets: the size in the message that is the full size here."
    )
    exits = models.JSONField(default=dict, blank=True)
    windows = models.JSONField(
        default=list, blank=True,
        help_text='It opens only then: [{"days": "mon-fri", "from": "09:30", "to": "16:00", "time_zone": "UTC"}].',
    )  # fmt: skip
    approval_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="An entry waits so long for a person's yes; empty = it asks nobody.",
    )  # fmt: skip
    netting = models.CharField(
        max_length=6, choices=Netting.choices, default=Netting.REJECT,
        help_text="Whether it may hold the other side of a symbol that another strategy holds on the account.",
    )  # fmt: skip
    max_age_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    exit_max_age_seconds = models.PositiveIntegerField(default=3600, validators=[MinValueValidator(1)])
    max_price_age_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    pyramiding = models.PositiveIntegerField(default=0, help_text="How many additions to an open position.")
    opposite = models.CharField(max_length=8, choices=Opposite.choices, default=Opposite.REVERSE)
    order_ttl_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="A resting entry is cancelled after this; empty = it rests until the next signal of its symbol.",
    )  # fmt: skip
    prices = models.CharField(max_length=60, blank=True, help_text="Overrides the accounts' price source.")
    accounts = models.ManyToManyField(Account, blank=True, related_name="strategies")
    groups = models.ManyToManyField(AccountGroup, blank=True, related_name="strategies")
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
