from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from tradeops.core.fields import EncryptedTextField


class PrivateNetwork(models.Model):
    """A network that endpoints may reach although it is private (L7)."""

    cidr = models.CharField(max_length=50, unique=True)

    def __str__(self) -> str:
        return self.cidr


class Endpoint(models.Model):
    """A receiver of relayed messages, such as an MT5 bridge on a VPS (L1)."""

    slug = models.SlugField(max_length=60, unique=True)
    url = models.URLField(max_length=300)
    secret = EncryptedTextField(blank=True, editable=False)
    report_secret = EncryptedTextField(
        blank=True, editable=False, help_text="What the bridge signs its reports with (L5)."
    )
    active = models.BooleanField(default=True)
    timeout_seconds = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    tags = models.JSONField(default=list, blank=True)
    headers = models.JSONField(default=dict, blank=True, help_text="Sent with each message; no secrets here.")
    symbols = models.JSONField(default=dict, blank=True, help_text="Symbol → this receiver's name for it.")
    receives = models.JSONField(default=list, help_text="signals, orders, exits")
    accepts_dry_run = models.BooleanField(default=False)
    disabled_reason = models.CharField(max_length=200, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(active=False) | ~Q(secret=""), name="relay_endpoint_active_needs_secret")
        ]

    def __str__(self) -> str:
        return self.slug
