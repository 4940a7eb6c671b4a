from django.db import models
from django.db.models import Q

from .signal import Signal
from .strategy import Strategy
from .work import WorkItem


class Approval(models.Model):
    """A person is asked whether a signal may trade (D6). On the yes it is decided by the rules and prices of then."""

    class Status(models.TextChoices):
        ASKED = "ASKED"
        GIVEN = "GIVEN"
        REFUSED = "REFUSED"
        EXPIRED = "EXPIRED"

    item = models.OneToOneField(WorkItem, on_delete=models.PROTECT, related_name="approval")
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="approvals")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="approvals")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ASKED)
    preview = models.JSONField(default=list, help_text="What each account would have done when it was asked.")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            # who waits for an answer, and whose time is over
            models.Index(fields=["expires_at"], name="signals_approval_asked", condition=Q(status="ASKED"))
        ]
