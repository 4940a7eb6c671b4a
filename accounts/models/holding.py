from django.db import models

from tradeops.core.fields import ExactDecimalField

from .account import Account


class AccountSync(models.Model):
    """When an account was last read from its venue, and what went wrong since. One row per account."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="sync")
    asked_at = models.DateTimeField(null=True, help_text="Somebody waits for it to be read now.")
    due_at = models.DateTimeField(help_text="When it is read next; also the claim of who reads it.")
    synced_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    problem_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="When the present problem was told to people.")
    equity = ExactDecimalField(null=True, help_text="In the account's currency, where the venue tells.")
    transfers_from = models.DateTimeField(
        null=True, help_text="Since when transfers are told from profit; empty = they are not read."
    )
    transfers_problem = models.CharField(max_length=300, blank=True, help_text="Why transfers cannot be read.")


class AccountBalance(models.Model):
    """What the venue says an account holds of a currency."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="balances")
    currency = models.CharField(max_length=20)
    total = ExactDecimalField()
    free = ExactDecimalField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "currency"], name="accounts_accountbalance_one")]


class AccountPosition(models.Model):
    """What the venue says an account has open; the row goes when it is closed. Base units."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="venue_positions")
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=5)
    quantity = ExactDecimalField()
    average_price = ExactDecimalField(null=True)
    mark_price = ExactDecimalField(null=True)
    unrealised_pnl = ExactDecimalField(null=True)
    liquidation_price = ExactDecimalField(null=True)
    leverage = ExactDecimalField(null=True)
    margin_mode = models.CharField(max_length=8, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "side"], name="accounts_accountposition_one")
        ]


class AccountTransfer(models.Model):
    """Money put into a venue's account or taken out, as the venue lists it; append-only, once by its id (D3)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="transfers")
    transfer_id = models.CharField(max_length=120)
    currency = models.CharField(max_length=20)
    amount = ExactDecimalField(help_text="Positive = into the account.")
    worth = ExactDecimalField(help_text="In the account's currency, at the price when it was read.")
    at = models.DateTimeField(help_text="The venue's time.")
    recorded_at = models.DateTimeField(help_text="With the balances that have it in them.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "transfer_id"], name="accounts_accounttransfer_once")]
        indexes = [
            # portfolio.worth: those since the last reading
            models.Index(fields=["account", "recorded_at"], name="accounts_accounttransfer_new")
        ]
