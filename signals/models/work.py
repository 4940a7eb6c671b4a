from django.db import models
from django.db.models import Q

from .signal import Signal
from .strategy import Strategy


class WorkItem(models.Model):
    """One signal for one strategy, to be decided. Items of a lane (strategy, symbol) are worked in order of id."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        ASKING = "asking"  # a person is asked; its lane goes on without it

    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="work")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT)
    lane = models.CharField(max_length=130, help_text="strategy slug and ticker: what must stay in order.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "strategy"], name="signals_workitem_once")]
        indexes = [
            # pipeline.lanes: the head of each waiting lane
            models.Index(fields=["lane", "id"], name="signals_workitem_waiting", condition=Q(state="waiting")),
        ]
