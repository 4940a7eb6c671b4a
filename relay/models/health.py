from django.db import models

from .endpoint import Endpoint


class EndpointState(models.Model):
    """How an endpoint does now: its circuit breaker (L4). Apart from its configuration, which people change."""

    class Breaker(models.TextChoices):
        CLOSED = "CLOSED"  # messages go
        OPEN = "OPEN"  # none go until `probe_at`
        HALF_OPEN = "HALF_OPEN"  # one goes, and decides

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, related_name="state")
    breaker = models.CharField(max_length=9, choices=Breaker.choices, default=Breaker.CLOSED)
    since = models.DateTimeField(help_text="When the breaker came to this state.")
    failures = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    probe_at = models.DateTimeField(null=True, help_text="When an open breaker lets the next message through.")
    checked_at = models.DateTimeField(null=True, help_text="The last health check.")
    healthy = models.BooleanField(
        null=True, help_text="What the last health check said; empty before the first, and where there is no /health."
    )
    check_ms = models.PositiveIntegerField(null=True)
    check_error = models.CharField(max_length=200, blank=True)
    check_due_at = models.DateTimeField(
        null=True, help_text="Who moves this forward makes the next health check, whatever host it is on."
    )


class HealthCheck(models.Model):
    """One question to an endpoint's `/health`. Kept for a day; `UptimeHour` has the sums."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField()
    ok = models.BooleanField(null=True, help_text="Empty: it answered, and has no /health to ask.")
    ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "-at"], name="relay_healthcheck_latest"),  # endpoint page's chart
            models.Index(fields=["at"], name="relay_healthcheck_by_time"),  # prune
        ]


class UptimeHour(models.Model):
    """The health checks of one hour summed: uptime over 24 h and 30 days is read from these. Kept for 31 days."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="uptime")
    hour = models.DateTimeField(help_text="The hour's begin, UTC.")
    checks = models.PositiveIntegerField(default=0)
    ok = models.PositiveIntegerField(default=0)
    ms = models.PositiveBigIntegerField(default=0, help_text="Sum over the checks that were `ok`.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "hour"], name="relay_uptimehour_once")]
