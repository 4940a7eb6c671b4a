from django.db import models
from django.db.models import Q

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField

from .decision import Decision
from .signal import Signal
from .strategy import Strategy


class Order(models.Model):
    """One order on one account. Its client order id is computed before any network call and never changes (X4).

    `execution.apply` is the only writer of `status`.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING"
        SUBMITTED = "SUBMITTED"
        OPEN = "OPEN"
        PARTIALLY_FILLED = "PARTIALLY_FILLED"
        FILLED = "FILLED"
        CANCELED = "CANCELED"
        REJECTED = "REJECTED"
        EXPIRED = "EXPIRED"
        UNKNOWN = "UNKNOWN"

    class Intent(models.TextChoices):
        OPEN = "open"
        CLOSE = "close"  # only reduces the strategy's own position

    class Mode(models.TextChoices):
        DRY_RUN = "dry_run"
        PAPER = "paper"
        LIVE = "live"

    class Origin(models.TextChoices):
        SIGNAL = "signal"
        EXIT = "exit"
        MANUAL = "manual"

    client_order_id = models.CharField(max_length=32, unique=True)
    venue_order_id = models.CharField(max_length=80, blank=True)
    origin = models.CharField(max_length=6, choices=Origin.choices, default=Origin.SIGNAL)
    origin_id = models.CharField(max_length=36)
    attempt = models.PositiveSmallIntegerField(default=0)
    leg = models.PositiveSmallIntegerField(default=0)
    signal = models.ForeignKey(Signal, null=True, on_delete=models.PROTECT, related_name="orders")
    decision = models.ForeignKey(Decision, null=True, on_delete=models.PROTECT, related_name="orders")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="orders")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    mode = models.CharField(max_length=8, choices=Mode.choices)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    position_side = models.CharField(max_length=5, help_text="The side of the position it opens or reduces.")
    type = models.CharField(max_length=13, default="market")
    intent = models.CharField(max_length=5, choices=Intent.choices)
    quantity = ExactDecimalField(help_text="Base units, as decided; the venue's lot may round it down.")
    sent_quantity = ExactDecimalField(null=True, help_text="Base units, after rounding to the venue's lot.")
    price = ExactDecimalField(null=True)
    stop_price = ExactDecimalField(null=True)
    trailing = ExactDecimalField(null=True, help_text="Distance of a trailing stop as a share of the price.")
    time_in_force = models.CharField(max_length=3, default="gtc")
    post_only = models.BooleanField(default=False)
    quote_amount = ExactDecimalField(null=True, help_text="Buys for this much; the quantity is an estimate.")
    leverage = ExactDecimalField(null=True)
    margin_mode = models.CharField(max_length=8, blank=True)
    attached = models.JSONField(
        default=list, help_text='Exits that go with it: [{"kind", "trigger", "share", "limit"}], amounts as text.'
    )
    quote = models.JSONField(default=dict, help_text="The quote it was decided on.")
    filled_quantity = ExactDecimalField(default=0)
    average_price = ExactDecimalField(null=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    code = models.CharField(max_length=40, blank=True, help_text="Our word for why it ended so.")
    venue_code = models.CharField(max_length=40, blank=True, help_text="The venue's own code.")
    message = models.CharField(max_length=300, blank=True, help_text="What it means, in a plain sentence.")
    request_id = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(help_text="An entry is not sent after this.")
    due_at = models.DateTimeField(help_text="When it is sent, or asked after, next.")
    cancel_after = models.DateTimeField(null=True, help_text="An entry that still rests then is cancelled.")
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=120, blank=True)
    unknown_since = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    claim_token = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)
    send_expires_at = models.DateTimeField(null=True, help_text="The venue refuses this send after then.")
    sender_token = models.CharField(
        max_length=36, blank=True, help_text="The claim that sent it last; outlives `claim_token`."
    )
    sender_gone_at = models.DateTimeField(null=True, help_text="When the sender was first seen to be dead.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "origin_id", "strategy", "account", "leg", "attempt"],
                name="signals_order_one_per_origin",
            )
        ]
        indexes = [
            # execution.claim and reconcile: what is not settled
            models.Index(
                fields=["id"],
                name="signals_order_unsettled",
                condition=Q(status__in=["PENDING", "SUBMITTED", "UNKNOWN"]),
            ),
            # the same of one account: SQLite takes a partial index only by a column that it is asked for
            models.Index(
                fields=["account", "id"],
                name="signals_order_unsettled_of",
                condition=Q(status__in=["PENDING", "SUBMITTED", "UNKNOWN"]),
            ),
            # risk: pending entries of a scope
            models.Index(
                fields=["account", "strategy", "symbol"],
                name="signals_order_live",
                condition=Q(status__in=["PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"]),
            ),
            # risk.facts: how many of the last minute, by account
            models.Index(fields=["strategy", "created_at", "account"], name="signals_order_pace"),
            models.Index(fields=["created_at"], name="signals_order_by_time"),  # dashboard
            # reconciliation: trades of venues that do not tell our id with them
            models.Index(fields=["account", "venue_order_id"], name="signals_order_at_venue"),
            # execution.resting: what rests at a venue, to be polled, or cancelled
            models.Index(
                fields=["account", "id"],
                name="signals_order_resting",
                condition=Q(status__in=["OPEN", "PARTIALLY_FILLED"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol} {self.client_order_id}"


class OrderStep(models.Model):
    """What happened to an order, append-only (X3)."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="steps")
    step = models.CharField(max_length=30)
    at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True)


class OrderAnswer(models.Model):
    """What a venue answered about an order, as it came but for secrets, append-only."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="answers")
    call = models.CharField(max_length=20, help_text="place, fetch, cancel, prepare")
    at = models.DateTimeField()
    ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=60, help_text="A status, or the error's code.")
    body = models.TextField(blank=True)


class Fill(models.Model):
    """A trade at the venue, append-only; its venue trade id makes it count once."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="fills")
    trade_id = models.CharField(max_length=80)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField(default=0)
    fee_currency = models.CharField(max_length=12, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "trade_id"], name="signals_fill_counts_once")
        ]
        indexes = [models.Index(fields=["at"], name="signals_fill_by_time")]  # dashboard
