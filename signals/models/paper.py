from django.db import models
from django.db.models import Q

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField


class PaperBalance(models.Model):
    """The paper venue's own books: what an account holds of a currency."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_balances")
    currency = models.CharField(max_length=20)
    amount = ExactDecimalField()
    held = ExactDecimalField(default=0, help_text="Of it, what resting orders have set aside.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "currency"], name="signals_paperbalance_one")]


class PaperOrder(models.Model):
    """The paper venue's own orders: the other side that reconciliation asks. `price` is the average of its fills."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_orders")
    client_order_id = models.CharField(max_length=32)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=13, default="market")
    quantity = ExactDecimalField()
    filled = ExactDecimalField(default=0)
    status = models.CharField(max_length=16)
    price = ExactDecimalField(null=True)
    limit_price = ExactDecimalField(null=True)
    stop_price = ExactDecimalField(null=True)
    trailing = ExactDecimalField(null=True)
    best_price = ExactDecimalField(null=True, help_text="What a trailing stop follows.")
    triggered = models.BooleanField(default=False)
    closes = models.BooleanField(default=False)
    position_side = models.CharField(max_length=5, default="long")
    time_in_force = models.CharField(max_length=3, default="gtc")
    post_only = models.BooleanField(default=False)
    leverage = ExactDecimalField(null=True)
    margin_mode = models.CharField(max_length=8, blank=True)
    attached = models.JSONField(default=list)
    parent = models.CharField(max_length=32, blank=True, help_text="The entry whose attached exit this is.")
    cause = models.CharField(max_length=12, blank=True, help_text="Of an order that the venue itself made.")
    held = ExactDecimalField(default=0, help_text="What it set aside, in the currency that it would pay with.")
    fee = ExactDecimalField(default=0)
    fee_currency = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_order_id"], name="signals_paperorder_id_used_once")
        ]
        indexes = [
            # paper.book: what rests, to be matched against a new quote
            models.Index(
                fields=["symbol", "id"],
                name="signals_paperorder_resting",
                condition=Q(status__in=["OPEN", "PARTIALLY_FILLED"]),
            )
        ]


class PaperTrade(models.Model):
    """A fill at the paper venue, append-only."""

    order = models.ForeignKey(PaperOrder, on_delete=models.PROTECT, related_name="trades")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_trades")
    number = models.PositiveIntegerField(help_text="Counts the order's fills, from 1.")
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField(default=0)
    fee_currency = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="signals_papertrade_one")]
        indexes = [models.Index(fields=["account", "at"], name="signals_papertrade_by_time")]  # broker.trades


class PaperPosition(models.Model):
    """What a paper account has open of a contract; the row stays when it is flat."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_positions")
    symbol = models.CharField(max_length=60)
    quantity = ExactDecimalField(default=0, help_text="Base units; negative = short.")
    average_price = ExactDecimalField(null=True)
    leverage = ExactDecimalField(default=1)
    margin_mode = models.CharField(max_length=8, default="cross")
    margin = ExactDecimalField(default=0, help_text="Set aside for it, in the settling currency.")
    mark_price = ExactDecimalField(null=True)
    funded_at = models.DateTimeField(null=True, help_text="Funding is settled up to here.")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="signals_paperposition_one")]


class PaperMove(models.Model):
    """Money that moved without a trade: funding, a deposit, a reset, what an insurance fund took over; append-only."""

    class Cause(models.TextChoices):
        FUNDING = "funding"
        DEPOSIT = "deposit"
        RESET = "reset"
        INSURANCE = "insurance"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_moves")
    cause = models.CharField(max_length=9, choices=Cause.choices)
    symbol = models.CharField(max_length=60, blank=True)
    currency = models.CharField(max_length=20)
    amount = ExactDecimalField(help_text="Positive = into the account.")
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "at"], name="signals_papermove_by_time")]


class StoredQuote(models.Model):
    """A quote that something was decided or filled on: what a replay runs on again."""

    source = models.CharField(max_length=60)
    symbol = models.CharField(max_length=60)
    at = models.DateTimeField()
    bid = ExactDecimalField()
    ask = ExactDecimalField()
    last = ExactDecimalField()
    bid_size = ExactDecimalField(null=True)
    ask_size = ExactDecimalField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "symbol", "at"], name="signals_storedquote_one")]
        indexes = [models.Index(fields=["at"], name="signals_storedquote_by_time")]  # prune
