from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from .strategy import Strategy


class AnalysisPlan(models.Model):
    """What is analysed before the market opens, when, and by what (A1)."""

    class Provider(models.TextChoices):
        STATISTICAL = "statistical"
        NEURAL = "neural"
        MODELSCOPE = "modelscope"

    slug = models.SlugField(max_length=60, unique=True)
    symbols = models.JSONField(default=list, help_text="As the data source names them: AAPL, BTC/USDT.")
    data = models.CharField(max_length=60, default="yahoo", help_text="Where histories and headlines come from.")
    provider = models.CharField(max_length=12, choices=Provider.choices, default=Provider.STATISTICAL)
    strategy = models.ForeignKey(Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="analyses")
    calendar = models.CharField(max_length=12, default="XNYS")
    time_zone = models.CharField(max_length=60, default="America/New_York")
    first_at = models.TimeField(default=time(6, 30), help_text="In the time zone above, on trading days.")
    last_at = models.TimeField(default=time(9, 0))
    every_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(5), MaxValueValidator(720)]
    )
    buy_above = models.FloatField(default=0.2, validators=[MinValueValidator(0), MaxValueValidator(1)])
    strong_above = models.FloatField(default=0.6, validators=[MinValueValidator(0), MaxValueValidator(1)])
    sentiment_weight = models.FloatField(default=0.3, validators=[MinValueValidator(0), MaxValueValidator(1)])
    horizon_days = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(20)])
    keep_hours = models.PositiveIntegerField(default=24, validators=[MinValueValidator(1)])
    active = models.BooleanField(default=True)
    timed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was switched on or its times changed: before that, none was missed."
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(strong_above__gte=models.F("buy_above")), name="signals_analysisplan_strong_is_stronger"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class AnalysisRun(models.Model):
    """One run of a plan. Its results are written once, at its end: half of them are never visible."""

    class Status(models.TextChoices):
        WAITING = "WAITING"
        RUNNING = "RUNNING"
        COMPLETED = "COMPLETED"
        FAILED = "FAILED"
        MISSED = "MISSED"  # nobody was there at its time; it is not caught up

    class Cause(models.TextChoices):
        SCHEDULE = "schedule"
        DEMAND = "demand"

    public_id = models.CharField(max_length=36, unique=True)
    plan = models.ForeignKey(AnalysisPlan, on_delete=models.PROTECT, related_name="runs")
    cause = models.CharField(max_length=8, choices=Cause.choices)
    status = models.CharField(max_length=9, choices=Status.choices)
    scheduled_for = models.DateTimeField(null=True, help_text="Empty for a run on demand.")
    trading_day = models.DateField(help_text="The day in the plan's time zone.")
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    done_symbols = models.PositiveIntegerField(default=0)
    results = models.JSONField(null=True, help_text="As `GET /results` answers; empty until the run has ended.")
    expired_at = models.DateTimeField(null=True, help_text="The results were kept for their time and are gone.")
    error = models.CharField(max_length=300, blank=True)
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "scheduled_for"], name="signals_analysisrun_one_per_slot"),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(status__in=["WAITING", "RUNNING"]),
                name="signals_analysisrun_never_overlaps",
            ),
        ]
        indexes = [models.Index(fields=["trading_day", "id"], name="signals_analysisrun_by_day")]  # analysis.results

    def __str__(self) -> str:
        return f"{self.plan} {self.public_id}"


class Forecast(models.Model):
    """One model's forecast of one symbol, scored when its horizon has passed (A3)."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.PROTECT, related_name="forecasts")
    source = models.CharField(max_length=60)
    symbol = models.CharField(max_length=60)
    model = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    base_date = models.DateField(help_text="The last bar that it knew.")
    base_price = models.FloatField()
    horizon_days = models.PositiveSmallIntegerField()
    predicted_price = models.FloatField()
    low = models.FloatField(help_text="Lower end of the band that holds 80 %.")
    high = models.FloatField()
    direction = models.CharField(max_length=4)
    confidence = models.FloatField(help_text="The model's own probability of that direction.")
    latency_ms = models.PositiveIntegerField()
    due_on = models.DateField(null=True, help_text="From this day on its price is looked for; empty: no more.")
    actual_price = models.FloatField(
        null=True, help_text="On the base price's scale: a split since then is taken out of it."
    )
    scored_at = models.DateTimeField(null=True)
    unscorable_at = models.DateTimeField(
        null=True, help_text="There is no price to hold it against, and none is looked for any more."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "symbol", "model"], name="signals_forecast_one"),
            models.CheckConstraint(
                condition=Q(scored_at__isnull=True) | Q(unscorable_at__isnull=True),
                name="signals_forecast_scored_or_unscorable",
            ),
        ]
        indexes = [
            # analysis.score: what is not scored yet, by the day from which it may be
            models.Index(fields=["due_on"], name="signals_forecast_due", condition=Q(due_on__isnull=False)),
        ]
