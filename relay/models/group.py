from django.db import models

from .endpoint import Endpoint


class EndpointGroup(models.Model):
    """Endpoints that a strategy names as one: all of them (fan_out), or the first that is well (failover) (L3)."""

    class Mode(models.TextChoices):
        FAN_OUT = "fan_out"
        FAILOVER = "failover"

    slug = models.SlugField(max_length=60, unique=True)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.FAILOVER)
    members = models.ManyToManyField(Endpoint, through="GroupMember", related_name="groups")
    # A switch of the leader is remembered, so that the group does not fall back by itself while orders are open.
    leader = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="leads")
    stuck_since = models.DateTimeField(
        null=True, editable=False, help_text="The leader is down, but may have acted on what it did not answer."
    )
    active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class GroupMember(models.Model):
    """`position`: who leads first, 0 before 1."""

    group = models.ForeignKey(EndpointGroup, on_delete=models.CASCADE)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["group", "endpoint"], name="relay_groupmember_once")]

    def __str__(self) -> str:
        return f"{self.endpoint} in {self.group}"
