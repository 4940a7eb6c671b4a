from django.db import models
from django.db.models import Q

from .endpoint import Endpoint
from .group import EndpointGroup
from .message import Message


class Delivery(models.Model):
    """One message for one endpoint. Those of a lane (strategy, symbol) go one at a time, in order of id (L3)."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        RETRYING = "RETRYING"
        DELIVERED = "DELIVERED"
        DEAD = "DEAD"

    class Type(models.TextChoices):
        SIGNAL = "signal"
        ORDER = "order"
        EXIT = "exit"
        TEST = "test"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deliveries")
    group = models.ForeignKey(
        EndpointGroup, null=True, on_delete=models.PROTECT, related_name="deliveries", db_index=False,
        help_text="The failover group whose leader it went to.",
    )  # fmt: skip
    type = models.CharField(max_length=8, choices=Type.choices)
    subject = models.CharField(
        max_length=36, help_text="The id it is sent under: the signal's or order's, on each try."
    )
    lane = models.CharField(max_length=130, blank=True)
    reduces = models.BooleanField(default=False, help_text="Only reduces a position: has the longer deadline.")
    dry_run = models.BooleanField(default=False)
    replay_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replays", db_index=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Given up after this.")
    delivered_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it is dead.")
    unknown = models.BooleanField(
        default=False, help_text="A try may have been acted on, and no answer has said so or otherwise yet."
    )
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["message", "endpoint"],
                condition=Q(replay_of__isnull=True, group__isnull=True),
                name="relay_delivery_once",
            ),
            # A message that a failover group passed on has a row for each member it was meant for; one of them counts.
            models.UniqueConstraint(
                fields=["message", "group"],
                condition=Q(replay_of__isnull=True, group__isnull=False) & ~Q(status="DEAD"),
                name="relay_delivery_once_a_group",
            ),
        ]
        indexes = [
            # delivery.claim: what is not delivered, by lane
            models.Index(
                fields=["endpoint", "lane", "id"],
                name="relay_delivery_undelivered",
                condition=Q(status__in=["PENDING", "RETRYING"]),
            ),
            # delivery.claim: what of a lane is in somebody's hands
            models.Index(fields=["endpoint", "lane"], name="relay_delivery_claimed", condition=~Q(claim_token="")),
            # delivery.failover and claim: what a group has not delivered
            models.Index(
                fields=["group", "lane", "id"],
                name="relay_delivery_of_group",
                condition=Q(group__isnull=False, status__in=["PENDING", "RETRYING"]),
            ),
            models.Index(  # services.replay: most deliveries replay nothing, and are not in it
                fields=["replay_of"], name="relay_delivery_replays", condition=Q(replay_of__isnull=False)
            ),
            models.Index(fields=["subject"], name="relay_delivery_by_subject"),  # trace
            models.Index(fields=["status", "-id"], name="relay_delivery_by_status"),  # dead letters
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject} to {self.endpoint_id}"


class Attempt(models.Model):
    """One try, append-only. Without a status code nothing came back; `error` says what went wrong."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.CharField(max_length=500, blank=True, help_text="The first bytes of the answer.")
    error = models.CharField(max_length=200, blank=True)
