from django.db import models
from django.db.models import Q

from tradeops.core.events import Level
from tradeops.core.fields import EncryptedTextField

from .message import Message


class Channel(models.Model):
    """Where people are told, of what and when: by event, level, strategy, account; quiet hours and digests (N1)."""

    slug = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, help_text="The names are in settings.NOTIFIERS.")
    target = models.CharField(
        max_length=300,
        blank=True,
        help_text="Telegram: the chat id. Email: the address (empty: ALERT_EMAIL). Webhook: the URL. Slack: nothing.",
    )
    secret = EncryptedTextField(blank=True, default="")
    events = models.JSONField(default=list, help_text='["*"], ["order.*", "signal.rejected"]')
    level = models.CharField(
        max_length=8, choices=[(level.value, level.value) for level in Level], default=Level.WARNING.value
    )
    strategies = models.JSONField(default=list, blank=True, help_text='["trend"]; [] is all of them.')
    accounts = models.JSONField(default=list, blank=True, help_text='["okx-1"]; [] is all of them.')
    quiet_from = models.TimeField(null=True, blank=True, help_text="From then on only criticals are told at once …")
    quiet_to = models.TimeField(null=True, blank=True, help_text="… and the rest in one digest at this time.")
    time_zone = models.CharField(max_length=60, default="UTC", help_text="Of the quiet hours, e.g. Europe/Berlin.")
    digest_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="One message every so many minutes, grouped by cause; 0 tells each at once."
    )
    rate_cap = models.PositiveSmallIntegerField(
        default=5, help_text="More than so many of one event in a minute are told in one message; 0 tells every one."
    )
    escalation = models.BooleanField(
        default=False, help_text="Is told of every critical alert that nobody has acknowledged in time."
    )
    active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class ChannelState(models.Model):
    """How a channel does now. Apart from its configuration, which people change."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="state")
    rest_until = models.DateTimeField(null=True, help_text="Nothing is tried before; what waits, waits.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True, help_text="When others were told that this one fails.")


class Notification(models.Model):
    """One message for one channel."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        SENT = "SENT"
        DEAD = "DEAD"
        GROUPED = "GROUPED"  # not told by itself: an open alarm that was told before counts it

    class Held(models.TextChoices):
        NOT = "", ""
        QUIET = "quiet", "quiet hours"
        DIGEST = "digest", "digest"
        STORM = "storm", "too many of its kind"
        TEST = "test", "sent by hand"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="notifications")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="notifications")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    held = models.CharField(max_length=6, choices=Held.choices, blank=True, default="", help_text="Why it waited.")
    # In the database too: while hosts are brought up to date one by one, the older ones still write rows without it.
    urgent = models.BooleanField(
        default=False, db_default=False, help_text="Critical: it goes before everything else that waits."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    together = models.PositiveIntegerField(
        default=1, help_text="How many were told in the message that this one leads; 0: told with another."
    )
    told_with = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False, related_name="others")
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "channel"], name="relay_notification_once")]
        indexes = [
            # notify.send: what is to be told
            models.Index(fields=["channel", "due_at"], name="relay_notification_due", condition=Q(status="PENDING")),
            # notify.claim: criticals, however many others wait
            models.Index(
                fields=["channel", "due_at"],
                name="relay_notification_urgent",
                condition=Q(status="PENDING", urgent=True),
            ),
            # notify.claim: how many messages of a kind the last minute has seen
            models.Index(fields=["channel", "sent_at"], name="relay_notification_sent", condition=Q(status="SENT")),
            # the page of a notification: what was told with it
            models.Index(fields=["told_with"], name="relay_notification_with", condition=Q(told_with__isnull=False)),
        ]
