from django.db import models

from tradeops.core.fields import ExactDecimalField

from .account import Account


class AccountGroup(models.Model):
    """Accounts that a strategy trades together (S7)."""

    slug = models.SlugField(max_length=60, unique=True)
    accounts = models.ManyToManyField(Account, through="AccountGroupMember", related_name="groups")
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class AccountGroupMember(models.Model):
    """How one account takes part in a group."""

    class Start(models.TextChoices):
        NOW = "now"
        NEXT_FLAT = "next_flat"  # not into the middle of a position that the others hold

    group = models.ForeignKey(AccountGroup, on_delete=models.CASCADE, related_name="members")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="memberships")
    multiplier = ExactDecimalField(default=1, help_text="Times the strategy's size.")
    cap = ExactDecimalField(null=True, blank=True, help_text="The most an entry may be worth, in the quote currency.")
    paused = models.BooleanField(default=False, help_text="No entries; exits pass.")
    start = models.CharField(max_length=9, choices=Start.choices, default=Start.NOW)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it waits for the strategy to be flat.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "account"], name="accounts_groupmember_once"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} {self.account_id}"
