from django.db import models
from django.db.models import Q

from tradeops.core.events import Level

from .message import Message


class Channel(models.Model):
    """Where people are told, and of what: events by name or pattern, from a level up (N1)."""

    slug = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, help_text="The names are in settings.NOTIFIERS.")
    target = models.CharField(max_length=200, help_text="Telegram: the chat id.")
    events = models.JSONField(default=list, help_text='["*"], ["order.*", "signal.rejected"]')
    level = models.CharField(
        max_length=8, choices=[(level.value, level.value) for level in Level], default=Level.WARNING.value
    )
    active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Notification(models.Model):
    """One message for one channel."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        SENT = "SENT"
        DEAD = "DEAD"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="notifications")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="notifications")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "channel"], name="relay_notification_once")]
        indexes = [
            # notify.send: what is to be told
            models.Index(fields=["channel", "due_at"], name="relay_notification_due", condition=Q(status="PENDING"))
        ]
