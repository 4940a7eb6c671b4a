from django.db import models
from django.db.models import Q

from tradeops.core.fields import ExactDecimalField

from .operator import Client


class Account(models.Model):
    """One trading account at one broker. Orders go here; ledgers refer to it, so it is retired, never deleted."""

    class Market(models.TextChoices):
        SPOT = "spot"
        SWAP = "swap"
        FUTURES = "futures"
        OPTION = "option"

    class MarginMode(models.TextChoices):
        CROSS = "cross"
        ISOLATED = "isolated"

    class ExternalTrades(models.TextChoices):
        IGNORE = "ignore"  # they are the external part of the position; strategies go on
        ADOPT = "adopt"  # what they reduce is taken off the one strategy that holds the symbol
        BLOCK = "block"  # no entries on that symbol until a person has looked

    slug = models.SlugField(max_length=60, unique=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="accounts")
    broker = models.CharField(max_length=40, help_text="Which broker executes: the names are in settings.BROKERS.")
    market = models.CharField(max_length=8, choices=Market.choices, default=Market.SPOT)
    sandbox = models.BooleanField(default=False, help_text="The venue's own test environment.")
    base_url = models.URLField(blank=True, help_text="Overrides the venue's address.")
    leverage = ExactDecimalField(null=True, blank=True, help_text="Set at the venue before an entry; empty = as it is.")
    margin_mode = models.CharField(max_length=8, choices=MarginMode.choices, default=MarginMode.CROSS)
    external_trades = models.CharField(
        max_length=6, choices=ExternalTrades.choices, default=ExternalTrades.IGNORE,
        help_text="What trades mean that were made by hand at the venue.",
    )  # fmt: skip
    prices = models.CharField(
        max_length=60, blank=True, help_text="Where prices come from; empty = by kind (paper: simulated, live: venue)."
    )
    currency = models.CharField(max_length=12, default="USDT", help_text="What limits and equity are counted in.")
    time_zone = models.CharField(max_length=60, default="UTC", help_text="Its days, for loss limits, begin by this.")
    slippage_bps = ExactDecimalField(default=0, help_text="Paper: how far beyond the quote a market order fills.")
    fee_bps = ExactDecimalField(default=0, help_text="Paper: fee in basis points of the fill's value.")
    initial_balances = models.JSONField(default=dict, blank=True, help_text='Paper: {"USDT": "100000"}.')
    dry_run = models.BooleanField(default=False, help_text="The broker only says what it would do.")
    active = models.BooleanField(default=True)
    frozen_reason = models.CharField(max_length=200, blank=True, help_text="Not empty: no new entries; exits pass.")
    frozen_at = models.DateTimeField(null=True, blank=True)
    frozen_by = models.CharField(max_length=150, blank=True)
    twin_of = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="paper_twin",
        help_text="The real account that this paper account stands for in strategies of mode paper.",
    )  # fmt: skip
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(twin_of__isnull=True) | Q(broker="paper"), name="accounts_account_twin_is_paper"
            )
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def is_paper(self) -> bool:
        return self.broker == "paper"
