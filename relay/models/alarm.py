from django.db import models
from django.db.models import Q

from .message import Message


class Alarm(models.Model):
    """A critical event and all like it, until a person acknowledges it (N2).

    Alike are those of one event name about the same things (`relay.outbox.subject`) at one venue; only one of a kind is
    open at a time.
    """

    event = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True, help_text="What it is about: an endpoint, an account …")
    venue = models.CharField(max_length=40, blank=True, help_text="Where the account trades.")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="alarms", help_text="The first.")
    title = models.CharField(max_length=300, help_text="The latest.")
    times = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    remind_at = models.DateTimeField()
    reminders = models.PositiveIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "subject", "venue"],
                condition=Q(acknowledged_at__isnull=True),
                name="relay_alarm_open_once",
            )
        ]
        indexes = [
            # notify.alarms: whose reminder is due
            models.Index(fields=["remind_at"], name="relay_alarm_reminders", condition=Q(acknowledged_at__isnull=True))
        ]

    def __str__(self) -> str:
        return " · ".join(part for part in (self.event, self.subject, self.venue) if part)


class AlarmEvent(models.Model):
    """A critical message, as it was published; `alarm` is empty until the notifier has put it with its like.

    Written in the publisher's transaction, so it is only inserted: two transactions that publish two alarms in
    different orders would lock each other out if they counted there.
    """

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="alarm_event")
    subject = models.CharField(max_length=120, blank=True)
    alarm = models.ForeignKey(Alarm, on_delete=models.PROTECT, null=True, related_name="happened")

    class Meta:
        indexes = [
            # notify.alarms: what is not with its like yet
            models.Index(fields=["id"], name="relay_alarmevent_new", condition=Q(alarm__isnull=True))
        ]
