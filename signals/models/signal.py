from django.db import models
from django.db.models import Q

from tradeops.core.ids import uuid7

from .source import Source


class Signal(models.Model):
    """One accepted alert. Its row is also the request log of the accepted attempt."""

    class Status(models.TextChoices):
        RECEIVED = "RECEIVED"
        PROCESSING = "PROCESSING"
        APPROVED = "APPROVED"
        REJECTED = "REJECTED"
        PARTIAL = "PARTIAL"
        EXPIRED = "EXPIRED"
        FAILED = "FAILED"

    class Relay(models.TextChoices):
        NONE = "NONE"
        PENDING = "PENDING"
        DELIVERED = "DELIVERED"
        PARTIAL = "PARTIAL"
        FAILED = "FAILED"

    # `id` is the order of receipt and stays inside; the world knows `public_id`.
    public_id = models.CharField(max_length=36, unique=True, default=uuid7, editable=False)
    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT, related_name="signals")
    request_id = models.CharField(max_length=32)
    received_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    relay = models.CharField(max_length=10, choices=Relay.choices, default=Relay.NONE)

    symbol = models.CharField(max_length=60)
    action = models.CharField(max_length=10)
    sent_at = models.DateTimeField(null=True, help_text="The sender's timestamp: age runs from here if given.")
    data = models.JSONField(help_text="The normalised fields; amounts as text.")
    raw = models.JSONField(help_text="The body as sent, without the credential.")
    routes = models.JSONField(default=list, help_text="The strategies' slugs, chosen at intake.")
    variants = models.JSONField(
        default=dict, help_text="Of those under an experiment, chosen at intake: strategy → variant."
    )
    repeats = models.PositiveIntegerField(default=0, help_text="Duplicates that arrived within the window.")

    address = models.GenericIPAddressField(null=True)
    size = models.PositiveIntegerField(default=0)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            # intake.selectors, admin list: a source's signals, newest first
            models.Index(fields=["source", "-id"], name="signals_signal_by_source"),
            # dashboard counts and API filters: recent signals of a status
            models.Index(fields=["status", "-id"], name="signals_signal_by_status"),
            # dashboard: today's
            models.Index(fields=["received_at"], name="signals_signal_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.symbol}"


class DedupKey(models.Model):
    """What makes two posts the same alert. A key lives again after its window (I8)."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    key = models.CharField(max_length=64)
    signal_public_id = models.CharField(max_length=36)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="signals_dedupkey_source_key")]
        indexes = [models.Index(fields=["expires_at"], name="signals_dedupkey_expiry")]  # prune


class RefusedAttempt(models.Model):
    """The request log's other half: what was turned away, and why. Equal refusals are counted, not repeated (I11)."""

    at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    country = models.CharField(
        max_length=2, blank=True, help_text="Cloudflare's word, else the registry's; may be empty."
    )
    source_slug = models.CharField(max_length=60, blank=True, help_text="Empty for a stranger.")
    outcome = models.PositiveSmallIntegerField(help_text="HTTP status.")
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=80, help_text="Without the token.")
    request_id = models.CharField(max_length=32)
    ms = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    times = models.PositiveIntegerField(default=1, help_text="How many like it within the second; this is the first.")

    class Meta:
        verbose_name_plural = "request log"
        indexes = [
            models.Index(fields=["at"], name="signals_refused_by_time"),  # prune, dashboard
            # prune of strangers' rows, which are kept for a day only
            models.Index(fields=["at"], name="signals_refused_strangers", condition=Q(source_slug="")),
            # the request log's page: newest first of an address, a reason, a source or an outcome
            models.Index(fields=["address", "-id"], name="signals_refused_by_address"),
            models.Index(fields=["reason", "-id"], name="signals_refused_by_reason"),
            models.Index(fields=["source_slug", "-id"], name="signals_refused_by_source"),
            models.Index(fields=["outcome", "-id"], name="signals_refused_by_outcome"),
            models.Index(fields=["request_id"], name="signals_refused_by_request"),  # its search
        ]
