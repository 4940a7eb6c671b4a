from django.db import models

from tradeops.core.events import Level


class Message(models.Model):
    """One event as the outside world may learn of it: the outbox. Relay, notify and feed read these rows."""

    event = models.CharField(max_length=60)
    level = models.CharField(max_length=8, choices=[(level.value, level.value) for level in Level])
    title = models.CharField(max_length=300)
    signal = models.CharField(max_length=36, blank=True, help_text="The signal's public id.")
    strategy = models.CharField(max_length=60, blank=True)
    account = models.CharField(max_length=60, blank=True)
    symbol = models.CharField(max_length=60, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # trace: all that was told of a signal
            models.Index(fields=["signal"], name="relay_message_by_signal", condition=~models.Q(signal="")),
            models.Index(fields=["created_at"], name="relay_message_by_time"),  # prune
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.title}"
