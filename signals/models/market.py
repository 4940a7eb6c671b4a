from django.db import models


class MarketDay(models.Model):
    """One calendar day of one exchange, so that every process knows it without the calendar library in its memory."""

    calendar = models.CharField(max_length=12, help_text="ISO 10383 code, such as XNYS.")
    date = models.DateField()
    opens_at = models.DateTimeField(null=True, help_text="Empty: closed all day.")
    closes_at = models.DateTimeField(null=True)
    break_starts_at = models.DateTimeField(null=True, help_text="The lunch break; empty: there is none.")
    break_ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "date"], name="signals_marketday_one")]

    def __str__(self) -> str:
        return f"{self.calendar} {self.date}"


class Bar(models.Model):
    """A day's prices of a symbol from one source, kept so that each is asked for once.

    Floats: they feed statistics and charts, never an order.
    """

    source = models.CharField(max_length=60)
    symbol = models.CharField(max_length=60)
    date = models.DateField(help_text="The exchange's own day.")
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField(default=0)
    final = models.BooleanField(default=False, help_text="It was read when its day was over, so it stays as it is.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "symbol", "date"], name="signals_bar_one")]
