from django.db import models

from accounts.models import Account
from tradeops.core.fields import ExactDecimalField


class PaperBalance(models.Model):
    """The paper venue's own books: what an account holds of a currency."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_balances")
    currency = models.CharField(max_length=20)
    amount = ExactDecimalField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "currency"], name="signals_paperbalance_one")]


class PaperOrder(models.Model):
    """The paper venue's own ledger of orders, append-only: the other side that reconciliation asks."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="paper_orders")
    client_order_id = models.CharField(max_length=32)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    quantity = ExactDecimalField()
    status = models.CharField(max_length=16)
    price = ExactDecimalField(null=True)
    fee = ExactDecimalField(default=0)
    fee_currency = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_order_id"], name="signals_paperorder_id_used_once")
        ]
