from django.db import models

from tradeops.core.fields import ExactDecimalField

from .order import Order
from .signal import Signal


class BridgeReport(models.Model):
    """What a bridge said came of something that was delivered to it (L5). Append-only.

    An order of ours takes its fills over (`applied`); a signal that was only relayed has no order and no position
    here, so its report is kept and shown (`kept`).
    """

    class Result(models.TextChoices):
        APPLIED = "applied"
        UNCHANGED = "unchanged"  # an order of ours that knew it already
        KEPT = "kept"

    class Status(models.TextChoices):
        OPEN = "open"
        PARTIALLY_FILLED = "partially_filled"
        FILLED = "filled"
        CANCELED = "canceled"
        REJECTED = "rejected"

    endpoint = models.ForeignKey("relay.Endpoint", on_delete=models.PROTECT, related_name="reports")
    report_id = models.CharField(max_length=100, help_text="The bridge's own id: a second one is a duplicate.")
    digest = models.CharField(max_length=64, help_text="Of what it said: another report under the same id is refused.")
    subject = models.CharField(max_length=36, help_text="The id under which the order or signal was delivered.")
    signal = models.ForeignKey(Signal, null=True, on_delete=models.PROTECT, related_name="reports")
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="reports")
    status = models.CharField(max_length=16, choices=Status.choices)
    symbol = models.CharField(max_length=60, blank=True)
    side = models.CharField(max_length=4, blank=True)
    quantity = ExactDecimalField(null=True, help_text="Base units, as all amounts.")
    filled_quantity = ExactDecimalField(null=True)
    price = ExactDecimalField(null=True)
    fills = models.JSONField(default=list, help_text="Amounts as text.")
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True)
    result = models.CharField(max_length=10, choices=Result.choices)
    reported_at = models.DateTimeField(help_text="The bridge's clock.")
    received_at = models.DateTimeField()
    request_id = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "report_id"], name="signals_bridgereport_once")]
        indexes = [
            models.Index(fields=["received_at"], name="signals_bridgereport_by_time"),  # API
            models.Index(fields=["subject"], name="signals_bridgereport_subject"),  # admin's search
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.symbol} {self.subject}"
